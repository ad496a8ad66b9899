"""Score forecasts on recorded loads: rolling origin, past only, the last 70 % counts.

PATH is a CSV or parquet file with times and values, or a folder whose cells.json names series, steps and horizons.
relMAE is the mean absolute error relative to that of the last value (1 = no better), pinball the loss of the P90
line relative to the last value's, P90 the share of targets at or below that line (0.9 is right).

Exit code: 0 scored; 2: a file or a predictor cannot be used.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from predictors.registry import PREDICTORS


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path)
    parser.add_argument(
        "--predictor",
        metavar="NAME",
        action="extend",
        nargs="+",
        choices=list(PREDICTORS),
        help=f"default: all of {', '.join(PREDICTORS)}",
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: %(default)s")


def main(args: Namespace) -> int:
    """Score; return the exit code."""
    from pileus import skill
    from pileus.load.load import LoadError

    try:
        cells = skill.read_cells(args.paths)
    except LoadError as error:
        sys.stderr.write(f"pileus skill: {error}\n")
        return 2
    names = list(dict.fromkeys(args.predictor or PREDICTORS))
    skills = skill.measure(cells, names, processes=max(1, args.processes))
    if args.output == "json":
        sys.stdout.write(skill.as_json(skills).decode())
    else:
        sys.stdout.write(skill.table(skills))
    return 0
