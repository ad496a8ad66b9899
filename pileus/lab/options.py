"""Options that the laboratory's commands share."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pileus.options import positive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pileus.lab.asked import Asked

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """Read a time span: ``90``, ``90s``, ``15m``, ``2h``, ``1d`` (s, >= 0)."""
    unit = UNITS.get(text[-1:])
    try:
        value = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise ArgumentTypeError(f"'{text}': must be a time span such as 90, 90s, 15m, 2h or 1d")
    return value


def whole(text: str) -> int:
    """Read a whole number, at least 1."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"'{text}': must be a whole number of at least 1")
    return int(text)


def boots(text: str) -> "float | list[float] | str":
    """Read lead times: a time span, several with commas, or a file's name."""
    try:
        spans = [seconds(part) for part in text.split(",")]
    except ArgumentTypeError as error:
        if not Path(text).is_file():
            wants = "must be a time span such as 3m, several with commas, or a file with a column of them"
            raise ArgumentTypeError(f"'{text}': {wants}") from error
        return text
    return spans[0] if len(spans) == 1 else spans


def add_lab(parser: ArgumentParser) -> None:
    """Declare what a load is, and the world that it meets."""
    load = parser.add_argument_group("the load")
    load.add_argument("--column", nargs="+", default=[], metavar="NAME", help="columns, series or clusters; 'all'")
    load.add_argument("--signal", metavar="NAME", help="what a column is (default: the policy's only threshold)")
    load.add_argument("--step", type=seconds, metavar="SPAN", help="length of a tick (default: the load's step)")
    load.add_argument("--from", dest="begin", metavar="TIME", help="only from here on (RFC 3339)")
    load.add_argument("--to", dest="end", metavar="TIME", help="only before this")
    load.add_argument("--skip", type=seconds, default=0.0, metavar="SPAN", help="replay the beginning, do not score it")
    load.add_argument("--ceiling", type=positive, metavar="N", help="from this value on the recording is cut off")
    load.add_argument("--mean-members", type=positive, metavar="N", help="scale it: its mean fills so many members")
    world = parser.add_argument_group("the members")
    world.add_argument(
        "--capacity", type=positive, metavar="N", help="what one can carry (default: threshold and tolerance)"
    )
    world.add_argument("--min", type=whole, metavar="N", help="members at least (default: the application's, else 1)")
    world.add_argument("--max", type=whole, metavar="N", help="at most (default: the application's, else 1000)")
    world.add_argument("--boot", type=boots, metavar="SPAN|SPAN,...|FILE", help="lead time, or measured ones (3m)")
    world.add_argument("--drain", type=seconds, metavar="SPAN", help="from draining to gone (default: the cartridge's)")
    world.add_argument("--mtbf", type=positive, metavar="HOURS", help="members fail, on average after so long")
    world.add_argument("--price", type=positive, metavar="N", help="of a member-hour, where none is declared")
    world.add_argument("--cluster", metavar="ID", help="which cluster of an application")
    world.add_argument("--id", metavar="ID", help="which of several policies in one file")
    world.add_argument("--horizon", type=seconds, metavar="SPAN", help="how far forecasts look (default: lead time)")
    parser.add_argument("--jobs", type=whole, metavar="N", help="processes (default: one for each core)")


def asked_of(
    args: Namespace,
    *,
    load: str,
    policies: "Sequence[str]",
    predictors: "Sequence[str]",
    quantiles: "Sequence[float]" = (),
) -> "Asked":
    """Return what the options ask for."""
    from pileus.lab.asked import Asked  # noqa: PLC0415 - '--help' needs no numpy

    return Asked(
        load=load,
        policies=list(policies),
        predictors=list(predictors),
        quantiles=list(quantiles),
        columns=args.column,
        signal=args.signal,
        step_s=args.step,
        begin=args.begin,
        end=args.end,
        skip_s=args.skip,
        ceiling=args.ceiling,
        mean_members=args.mean_members,
        capacity=args.capacity,
        min_members=args.min,
        max_members=args.max,
        boot_s=args.boot,
        drain_s=args.drain,
        lifetime_h=args.mtbf,
        price=args.price,
        cluster=args.cluster,
        policy_id=args.id,
        horizon_s=args.horizon,
    )
