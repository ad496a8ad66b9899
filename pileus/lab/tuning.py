"""Tries a policy's parameters on one part of a load, and reports what came of it on the other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from actuators.lab.report import Trial, course_of, run
from actuators.lab.sweep import Knobs, Point, best, frontier, grid, turned
from config.autoscaling import AutoscalingPolicy
from config.write import in_yaml
from pileus.lab.result import Result, result_of
from pileus.lab.spread import cores, spread
from pileus.lab.text import number

SHORTEST = 100
"""Periods of each part at least."""


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a sweep."""

    tried: int
    tuned_hours: float
    """Length of the part that was tuned on (h)."""
    frontier: list[dict[str, Any]]
    chosen: dict[str, Any]
    now: dict[str, Any]
    """The policy as it is, on the same part."""
    before: Result
    """The policy as it is, on the other part."""
    after: Result
    """The chosen one, on the other part."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Combinations that one process tries, one after another: the forecasts are made once."""

    trial: Trial
    knobs: tuple[Knobs, ...]


def tune(
    trial: Trial,
    swept: Mapping[str, Sequence[float | str]],
    *,
    share: float,
    goal: str,
    starts_per_hour: float = math.inf,
    jobs: int | None = None,
) -> tuple[Tuned, Knobs]:
    """Sweep on the first ``share`` of a load, choose, and report on the rest. Forecasts remember the first part.

    Raises
    ------
    ValueError
        If a part is too short to say anything.
    """
    load = trial.load
    cut = round(load.periods * share)
    if min(cut, load.periods - cut) < SHORTEST:
        raise ValueError(f"{load.name}: its {load.periods} periods make no two parts of at least {SHORTEST}")
    first = replace(trial, load=load.part(0, cut))
    knobs = grid(swept)
    size = max(1, -(-len(knobs) // (4 * (jobs or cores()))))
    chunks = [_Chunk(first, tuple(knobs[i : i + size])) for i in range(0, len(knobs), size)]
    points = [point for found in spread(_try, chunks, what="tuning", jobs=jobs) for point in found]
    chosen = best(points, goal=goal, starts_per_hour=starts_per_hour)
    rest = replace(trial, skip_s=cut * load.step_s)
    now, tuned = spread(_report, [_Chunk(rest, (Knobs(),)), _Chunk(rest, (chosen.knobs,))], what="reporting", jobs=jobs)
    found = Tuned(
        tried=len(points),
        tuned_hours=cut * load.step_s / 3600.0,
        frontier=[_point(each) for each in frontier(points)],
        chosen=_point(chosen),
        now=_point(points[0]),
        before=now,
        after=tuned,
    )
    return found, chosen.knobs


def _try(chunk: _Chunk) -> list[Point]:
    """Score combinations."""
    seen, found = course_of(chunk.trial), []
    for knobs in chunk.knobs:
        trial = replace(chunk.trial, spec=turned(chunk.trial.spec, knobs))
        scores = run(trial, seen=seen, baseline=False).scores
        found.append(Point(knobs, scores.price, scores.elasticity.theta_u, scores.starts_per_hour))
    return found


def _report(chunk: _Chunk) -> Result:
    """Report one combination beside the last value at equal cost."""
    (knobs,) = chunk.knobs
    label = chunk.trial.label + ("" if knobs == Knobs() else " (tuned)")
    return result_of(run(replace(chunk.trial, spec=turned(chunk.trial.spec, knobs), label=label)))


def _point(point: Point) -> dict[str, Any]:
    return {
        "policy": str(point.knobs),
        "price": point.price,
        "theta_u": point.shortage,
        "starts_per_hour": point.starts_per_hour,
    }


def frontier_table(tuned: Tuned) -> str:
    """Return the frontier as a table, the policy as it is and the chosen one marked."""
    rows = [("", "policy", "price", "theta_U %", "starts/h")]
    listed = list(tuned.frontier)
    for each in (tuned.now, tuned.chosen):
        listed += [] if each in listed else [each]
    for point in sorted(listed, key=lambda each: (each["price"], each["theta_u"])):
        mark = "chosen" if point == tuned.chosen else "now" if point == tuned.now else ""
        rows.append(
            (
                mark,
                point["policy"],
                number(point["price"], 2),
                number(point["theta_u"], 3),
                number(point["starts_per_hour"], 2),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = ["<", "<", ">", ">", ">"]
    return "".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, aligned, widths, strict=True)).rstrip()
        + "\n"
        for row in rows
    )


def written(definition: AutoscalingPolicy, knobs: Knobs) -> str:
    """Return the policy with other parameters, as a definition in YAML."""
    document = definition.document()
    if knobs.headroom is not None:
        document["loadThresholds"] = {
            name: {**given, "threshold": float(f"{given['threshold'] / (1.0 + knobs.headroom):.6g}")}
            for name, given in document["loadThresholds"].items()
        }
    if knobs.tolerance is not None:
        document["tolerance"] = knobs.tolerance
    for key, window in (("scaleDown", knobs.down), ("scaleUp", knobs.up)):
        if window is not None:
            behavior = document.setdefault("behavior", {})
            behavior[key] = {**behavior.get(key, {}), "stabilizationWindowSeconds": window}
    for key, value in (("quantile", knobs.quantile), ("mode", knobs.forecast)):
        if value is not None:
            document["prediction"] = {**document.get("prediction", {}), key: value}
    return in_yaml([document])
