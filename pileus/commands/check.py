"""Say whether definitions are valid, and what is wrong where.

PATH is a file (JSON or YAML) or a folder with definitions. All paths together are one catalogue:
they may refer to each other, and to nothing else. Exit code: 0 valid, 1 invalid, 2 wrong usage.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from config.catalogue import Catalogue, examine
from config.errors import Problem


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="file or folder with definitions")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="how to say it")


def main(args: argparse.Namespace) -> int:
    """Check and say it; return the exit code."""
    missing = [path for path in args.paths if not path.exists()]
    if missing:
        sys.stderr.write("".join(f"pileus check: {path}: no such file or folder\n" for path in missing))
        return 2
    catalogue, problems = examine(args.paths)
    say = _json if args.output == "json" else _text
    sys.stdout.write(say(catalogue, problems))
    return 1 if problems else 0


def _text(catalogue: Catalogue, problems: Sequence[Problem]) -> str:
    """Return one line for each problem and warning, and the sum."""
    lines = [f"error: {each}" for each in problems]
    lines += [f"warning: {each}" for each in catalogue.warnings]
    counts = f"{len(catalogue.definitions)} definitions, {len(problems)} errors, {len(catalogue.warnings)} warnings"
    return "\n".join([*lines, f"{'invalid' if problems else 'valid'}: {counts}", ""])


def _json(catalogue: Catalogue, problems: Sequence[Problem]) -> str:
    """Return the same for machines."""
    said = {
        "valid": not problems,
        "definitions": [
            {"kind": key[0], "tenant": key[1], "id": key[2], "file": catalogue.files[key]}
            for key in catalogue.definitions
        ],
        "errors": [asdict(each) for each in problems],
        "warnings": [asdict(each) for each in catalogue.warnings],
    }
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"
