"""``pileus``: one command per part. Only the command that is asked for is loaded."""

import argparse
import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

COMMANDS = {
    "run": "start the whole stack with a sample application and drive it with a changing load",
    "check": "say whether definitions are valid, and what is wrong where",
    "schema": "print the JSON Schema of a definition or a record",
    "apply": "put definitions in force, after showing what changes",
    "diff": "show what 'apply' would change",
    "get": "list or show the definitions that are in force",
    "delete": "withdraw a definition that nothing refers to",
    "status": "show how applications stand: what serves, what waits for what",
    "explain": "tell why a cluster has the members it has, and what would change that",
    "pause": "keep a cluster, an application or all of a tenant's as it is, for a while",
    "resume": "end a pause",
    "shadow": "let a second policy or predictor decide beside a policy, without acting",
    "compare": "show side by side what a policy and its shadow want",
    "promote": "put the policy of a shadow in force",
    "graph": "draw what depends on what in an application",
    "topics": "create or list the topics",
    "worker": "compute windows, derivatives and forecasts (stream worker)",
    "actuate": "decide and act (decider and executor)",
    "agent": "measure one instance and publish it (cartridge agent)",
    "lb-agent": "keep one balancer in step with the members (balancer agent)",
    "balance": "be a balancer: what a member of a load balancer's cartridge runs",
    "registry": "keep images for Docker engines: start a registry, push to it, list it",
    "dashboard": "serve the read-only view",
    "replay": "replay a load under a policy and tell what it is worth; or take recorded decisions again",
    "test": "hold policies against budgets on recorded loads: for CI",
    "tune": "try many parameters of a policy on a load and write the best",
    "record": "write the topics to a file",
    "skill": "score forecasts on recorded loads",
}
"""Every command, with its line of help."""


class _Parser(argparse.ArgumentParser):
    """Names the command that was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Say what was wrong and exit with 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 failed, 2 wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_overview())
        return 0
    if words[0] == "--version":
        from importlib.metadata import version  # noqa: PLC0415 - only this option needs it

        sys.stdout.write(f"pileus {version('pileus')}\n")
        return 0
    name = words[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f", did you mean '{near[0]}'?" if near else ""
        sys.stderr.write(f"pileus: no command '{name}'{hint} See 'pileus --help'.\n")
        return 2
    module = importlib.import_module(f"pileus.commands.{name.replace('-', '_')}")
    parser = _Parser(
        prog=f"pileus {name}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.arguments(parser)
    return int(module.main(parser.parse_args(words[1:])))


def _overview() -> str:
    """Return the text of ``pileus --help``."""
    lines = [
        "usage: pileus COMMAND [OPTION ...]",
        "",
        "An autoscaler that foretells load and explains every decision.",
        "",
    ]
    lines += [f"  {name:<11}{text}" for name, text in COMMANDS.items()]
    lines += ["", "'pileus COMMAND --help' tells a command's options.", ""]
    return "\n".join(lines)
