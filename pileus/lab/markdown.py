"""Results as a table in Markdown: a row for each load, and what they say together."""

from collections.abc import Sequence

from pileus.lab.answers import Together, Told
from pileus.lab.result import Result
from pileus.lab.text import number

NOTE = (
    "theta_U in percent / that of the last value at equal cost (with this headroom); pooled: their ratio, and in "
    "brackets 95 % of bootstraps over the loads; * worse by more than 5 % and 0.05 points"
)


def markdown(told: Told) -> str:
    """Return the shortage of each policy and predictor beside that of the last value at equal cost, load by load."""
    kinds = list(dict.fromkeys((each.policy, each.predictor) for each in told.results))
    loads = list(dict.fromkeys(each.load for each in told.results))
    found = {(each.load, each.policy, each.predictor): each for each in told.results}
    pools = {(each.policy, each.predictor): each for each in told.pooled}
    rows = [
        ["load", *(f"{policy}, {predictor}" for policy, predictor in kinds)],
        ["---"] * (1 + len(kinds)),
        *([load, *(_cell(found.get((load, *kind)), pools.get(kind)) for kind in kinds)] for load in loads),
        ["**pooled**", *(_pooled(pools.get(kind)) for kind in kinds)],
    ]
    return "".join(_line(row) for row in rows) + f"\n{NOTE}\n"


def _cell(result: Result | None, pool: Together | None) -> str:
    """Write one result."""
    if result is None:
        return "-"
    mine, beside = result.figures.theta_u, result.beside
    if beside is None or result.verdict == "same":
        return number(mine, 2)
    other = beside.figures.theta_u
    worse = " *" if pool is not None and result.load in pool.worse else ""
    return f"{number(mine, 2)} / {number(other, 2)} ({100.0 * beside.headroom:.0f} %){worse}"


def _pooled(pool: Together | None) -> str:
    """Write what several loads say together."""
    if pool is None:
        return "-"
    ratio, low, high = (number(value, 3) for value in (pool.theta_u_ratio, pool.low, pool.high))
    return f"**{ratio}** [{low}, {high}]"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
