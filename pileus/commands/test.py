"""Run policy tests: replays that must stay within budgets, and decisions that must come out.

FILE is YAML or JSON with a list under 'tests'. Each test names a load and a policy (paths relative to the file), and
what must hold:

    tests:
      - name: launch day
        load: launch.csv
        policy: policy.yaml
        predictor: kinematic      # left out: the policy's own
        boot_s: 180
        max_members: 40
        price: 0.12
        budgets: {theta_u: 2.0, slo_minutes: 30, cost: 120, starts_per_hour: 6}
        beats_headroom: true      # no more shortage than the last value with headroom at equal cost
        expect:
          - {at: "+9h", wanted: {min: 5}}
      - name: the outage of June comes out the same, byte for byte
        recording: outage.jsonl.gz

Exit code 0: all passed; 1: some failed; 2: a file cannot be used.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pileus.lab.options import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pileus.lab.suite import Verdict


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="how to tell the results")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell what passed too")
    parser.add_argument("--jobs", type=whole, metavar="N", help="processes (default: one for each core)")


def main(args: Namespace) -> int:
    """Run the tests and tell what came of them."""
    from functools import partial

    from config.errors import ConfigError
    from pileus.lab.asked import AskedError
    from pileus.lab.spread import spread
    from pileus.lab.suite import read_suite
    from pileus.load.load import LoadError

    verdicts = []
    for path in args.files:
        try:
            cases = read_suite(path)
            verdicts += spread(partial(_run, path.parent), cases, what="testing", jobs=args.jobs)
        except (OSError, ValueError, LoadError, AskedError, ConfigError) as error:
            where = "" if str(error).startswith(str(path)) else f"{path}: "
            sys.stderr.write(f"pileus test: {where}{error}\n")
            return 2
    sys.stdout.write(_json(verdicts) if args.output == "json" else _text(verdicts, verbose=args.verbose))
    return 1 if any(each.failed for each in verdicts) else 0


def _run(where: Path, case: object) -> "Verdict":
    """Run one test; other processes find it by its name."""
    from pileus.lab.suite import Case, run_case

    if not isinstance(case, Case):
        raise TypeError(f"{case!r}: must be a Case")
    return run_case(case, where)


def _text(verdicts: "Sequence[Verdict]", *, verbose: bool) -> str:
    """Return a line for each test, and one for each thing that failed."""
    lines = []
    for each in verdicts:
        lines.append(f"{'FAIL' if each.failed else 'pass'}  {each.name}")
        lines += [f"      failed: {said}" for said in each.failed]
        lines += [f"      held: {said}" for said in each.passed if verbose or each.failed]
    failed = sum(bool(each.failed) for each in verdicts)
    return "\n".join([*lines, f"{len(verdicts) - failed} passed, {failed} failed", ""])


def _json(verdicts: "Sequence[Verdict]") -> str:
    """Return the same for machines."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(verdicts), indent=2).decode() + "\n"
