"""Everything that a command tells: each result, and what they say together."""

from collections.abc import Sequence

import msgspec

from actuators.lab.pool import pooled
from pileus.lab.examine import Answer
from pileus.lab.result import Result


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """One policy with one predictor over several loads, at equal cost with the last value."""

    policy: str
    predictor: str
    loads: int
    theta_u_ratio: float | None
    """Sum of the shortages / sum of the baselines'; ``None``: only the baseline has none."""
    low: float | None
    high: float | None
    """95 % interval of a bootstrap over the loads."""
    worse: list[str]
    """Loads on which the policy loses by more than 5 % and 0.05 points."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is written as JSON."""

    results: list[Result]
    pooled: list[Together]


def told(answers: Sequence[Answer]) -> Told:
    """Gather the results, and pool those that several loads have."""
    results = [answer.result for answer in answers]
    return Told(results=results, pooled=together(results))


def together(results: Sequence[Result]) -> list[Together]:
    """Pool the results of each policy and predictor that was replayed on several loads."""
    groups: dict[tuple[str, str], list[tuple[str, float, float]]] = {}
    for each in results:
        mine, other = each.figures.theta_u, each.beside.figures.theta_u if each.beside else None
        if mine is not None and other is not None and each.verdict != "same":
            groups.setdefault((each.policy, each.predictor), []).append((each.load, mine, other))
    return [_one(*who, rows) for who, rows in groups.items() if len(rows) > 1]


def _one(policy: str, predictor: str, rows: Sequence[tuple[str, float, float]]) -> Together:
    """Pool one policy's results."""
    names, mine, others = zip(*rows, strict=True)
    made = pooled(names, mine, others)
    ratio, low, high = (value if value < float("inf") else None for value in (made.ratio, made.low, made.high))
    return Together(
        policy=policy,
        predictor=predictor,
        loads=made.loads,
        theta_u_ratio=ratio,
        low=low,
        high=high,
        worse=list(made.worse),
    )


def sentence(pool: Together) -> str:
    """Say what several loads say together."""
    ratio, low, high = (
        "unknown" if value is None else f"{value:.3f}" for value in (pool.theta_u_ratio, pool.low, pool.high)
    )
    worse = f"; worse on {', '.join(pool.worse)}" if pool.worse else "; worse on none"
    return (
        f"{pool.policy} with {pool.predictor} over {pool.loads} loads at equal cost: "
        f"{ratio} of the last value's shortage (95 % of bootstraps: {low} to {high}){worse}"
    )
