"""Try many parameters of a policy on a load, show what shortage costs to avoid, and write the best policy.

The first part of the load is tuned on, the rest is what is reported: figures of the part that was tuned on flatter.
--sweep NAME=VALUE,... says what to try (again for each NAME):

    headroom   members are filled to 1 / (1 + headroom) of the thresholds
    down, up   stabilisation windows (s)
    tolerance  relative difference that is too small to act on
    quantile   which line of the forecast asks for members
    forecast   Enabled, Disabled

Exit code 0: tuned; 2: something cannot be used.
"""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from pileus.lab.options import add_lab
from pileus.options import positive

Swept = tuple[str, list[float | str]]
LIMITS = {
    "headroom": (-0.9, 10.0),
    "down": (0.0, 3600.0),
    "up": (0.0, 3600.0),
    "tolerance": (0.0, 0.99),
    "quantile": (0.5, 0.9),
}
MODES = ("Enabled", "Disabled")
MOST = 10_000
"""Combinations at most."""


def swept(text: str) -> Swept:
    """Read ``NAME=VALUE,...``."""
    name, _, listed = text.partition("=")
    words = [word for word in listed.split(",") if word]
    if name == "forecast" and words and set(words) <= set(MODES):
        return name, list(words)
    if name not in LIMITS or not words:
        raise ArgumentTypeError(f"'{text}': must be {', '.join(LIMITS)} or forecast, '=', and values")
    low, high = LIMITS[name]
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise ArgumentTypeError(f"'{text}': must be numbers in {low:g}..{high:g}, apart by ','") from error
    if not all(low <= value <= high for value in values):
        raise ArgumentTypeError(f"'{text}': must lie in {low:g}..{high:g}")
    return name, list(values)


def part(text: str) -> float:
    """Read a share between 0 and 1."""
    value = positive(text)
    if not value < 1.0:
        raise ArgumentTypeError(f"'{text}': must lie between 0 and 1")
    return value


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, metavar="LOAD")
    parser.add_argument("--policy", required=True, metavar="PATH", help="the policy, or a folder with an application")
    parser.add_argument("--predictor", metavar="NAME", help="default: the policy's own")
    parser.add_argument("--sweep", nargs="+", type=swept, default=[], metavar="NAME=VALUE,...")
    parser.add_argument("--goal", choices=("slo", "cost"), default="slo", help="less shortage, or less cost (slo)")
    parser.add_argument("--starts", type=positive, default=float("inf"), metavar="N", help="starts per hour at most")
    parser.add_argument("--part", type=part, default=0.6, metavar="SHARE", help="share that is tuned on (0.6)")
    parser.add_argument("--write", type=Path, metavar="FILE.yaml", help="write the chosen policy")
    add_lab(parser)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="how to tell the results")


def main(args: Namespace) -> int:
    """Tune."""
    from actuators.lab.sweep import DEFAULTS, grid
    from config.errors import ConfigError
    from pileus.lab.asked import AskedError, trials
    from pileus.lab.options import asked_of
    from pileus.lab.policies import Bounds, read_policy
    from pileus.lab.tuning import tune, written
    from pileus.load.load import LoadError

    sweep = dict(args.sweep) or DEFAULTS
    try:
        asked = asked_of(
            args, load=str(args.file), policies=[args.policy], predictors=[args.predictor] * bool(args.predictor)
        )
        found = trials(asked, Path())
        _check(len(found), len(grid(sweep)))
        tuned, knobs = tune(
            found[0], sweep, share=args.part, goal=args.goal, starts_per_hour=args.starts, jobs=args.jobs
        )
        if args.write is not None:
            bounds = Bounds(cluster=args.cluster, policy=args.id)
            args.write.write_text(written(read_policy(Path(args.policy), bounds).definition, knobs), encoding="utf-8")
    except (OSError, ValueError, LoadError, AskedError, ConfigError) as error:
        sys.stderr.write(f"pileus tune: {error}\n")
        return 2
    _tell(args, tuned)
    return 0


def _check(loads: int, combinations: int) -> None:
    """Refuse what takes for ever."""
    from pileus.lab.asked import AskedError

    if loads > 1:
        raise AskedError(f"{loads} loads: tune one at a time (--column)")
    if combinations > MOST:
        raise AskedError(f"--sweep: {combinations} combinations: at most {MOST}")


def _tell(args: Namespace, tuned: object) -> None:
    """Tell what came of it."""
    import msgspec

    from pileus.lab.text import table
    from pileus.lab.tuning import Tuned, frontier_table

    if not isinstance(tuned, Tuned):
        raise TypeError(f"{tuned!r}: must be Tuned")
    if args.output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(tuned), indent=2).decode() + "\n")
        return
    stays = tuned.chosen == tuned.now
    sys.stdout.write(
        f"{tuned.tried} combinations on the first {tuned.tuned_hours:.1f} h; none betters these in both columns:\n"
        f"{frontier_table(tuned)}\nWhat they are worth on the rest, which was not tuned on:\n"
        f"{table([tuned.before] if stays else [tuned.before, tuned.after])}"
    )
    if stays:
        sys.stdout.write("nothing that was tried is better: the policy stays as it is\n")
    if args.write is not None:
        sys.stdout.write(f"written to {args.write}\n")
