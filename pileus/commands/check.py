"""Say whether definitions are valid, and what is wrong where.

PATH is a file (JSON or YAML) or a folder with definitions. All paths together are one catalogue:
they may refer to each other, and to nothing else. Exit code: 0 valid, 1 invalid, 2 wrong usage.

Several documents may declare one id differently, as in a tree of alternatives: that is a warning, and a
reference takes the nearest document (fewest folders down, then fewest up), of equally near ones the first by
path that fits. --strict makes it an error, as everything does that uses definitions.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config.application import Application
from config.catalogue import Catalogue, examine
from config.errors import Problem
from config.index import Entry
from config.kinds import KINDS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="file or folder with definitions")
    parser.add_argument("--strict", action="store_true", help="one document per id: what is needed to apply them")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="how to say it")


def main(args: argparse.Namespace) -> int:
    """Check and say it; return the exit code."""
    missing = [path for path in args.paths if not path.exists()]
    if missing:
        sys.stderr.write("".join(f"pileus check: {path}: no such file or folder\n" for path in missing))
        return 2
    catalogue, problems = examine(args.paths, strict=args.strict)
    say = _json if args.output == "json" else _text
    sys.stdout.write(say(catalogue, problems))
    return 1 if problems else 0


def _text(catalogue: Catalogue, problems: Sequence[Problem]) -> str:
    """Return one line for each problem and warning, what was loaded, and the sum."""
    lines = [f"error: {each}" for each in problems]
    lines += [f"warning: {each}" for each in catalogue.warnings]
    counted = Counter(each.definition.KIND for each in catalogue.loaded)
    if counted:
        kinds = ", ".join(f"{counted[kind]} {kind}" for kind in KINDS if kind in counted)
        lines.append(f"loaded: {len(catalogue.loaded)} documents: {kinds}")
    every = list(catalogue.entries(Application))
    if every:
        lines.append(f"resolved: {len(catalogue.resolved)} of {len(every)} applications{_refused(catalogue)}")
    counts = f"{len(catalogue.definitions)} definitions, {len(problems)} errors, {len(catalogue.warnings)} warnings"
    return "\n".join([*lines, f"{'invalid' if problems else 'valid'}: {counts}", ""])


def _refused(catalogue: Catalogue) -> str:
    count = sum(each.file in catalogue.refused for each in catalogue.resolved)
    return f" ({count} of them in a refused file)" if count else ""


def _json(catalogue: Catalogue, problems: Sequence[Problem]) -> str:
    """Return the same for machines."""
    resolved = {each.file for each in catalogue.resolved}
    said = {
        "valid": not problems,
        "definitions": [_identity(each) for each in catalogue.loaded],
        "applications": [
            {**_identity(each), "resolved": each.file in resolved, "refused": each.file in catalogue.refused}
            for each in catalogue.entries(Application)
        ],
        "errors": [asdict(each) for each in problems],
        "warnings": [asdict(each) for each in catalogue.warnings],
    }
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _identity(entry: Entry[Any]) -> dict[str, Any]:
    kind, tenant, name = entry.definition.identity
    return {"kind": kind, "tenant": tenant, "id": name, "file": entry.file}
