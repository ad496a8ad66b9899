"""One trial from beginning to end, in a process of its own: replayed, scored, drawn."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from actuators.lab.report import Outcome, Trial, run
from actuators.lab.score import demand_of, supply_of
from pileus.lab.result import Result, result_of
from pileus.lab.ticks import run_with_ticks

MOST_POINTS = 400_000
"""Periods that a page holds at full resolution; of a longer load it draws every second, third ..."""
MOST_MARKS = 20_000


class Steps(msgspec.Struct, frozen=True):
    """A number of members that changes at moments (s on the load's clock)."""

    at: list[float]
    members: list[int]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A decision that changed the number."""

    at: float
    before: int
    wanted: int
    why: list[str]


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """What a page draws of one result."""

    load: list[float | None]
    """The first signal, period by period."""
    needed: list[int | None]
    step_s: float
    start: float
    supply: Steps
    baseline: Steps | None
    forecast: list[float | None]
    """Foretold for each period, a horizon earlier."""
    marks: list[Mark]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a trial."""

    result: Result
    drawing: Drawing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A trial, and what is wanted of it."""

    trial: Trial
    drawn: bool = False
    ticks: Path | None = None
    baseline: bool = True


def examine(job: Job) -> Answer:
    """Do a job."""
    if job.ticks is None:
        outcome = run(job.trial, baseline=job.baseline)
    else:
        outcome = run_with_ticks(job.trial, job.ticks, baseline=job.baseline)
    return Answer(result=result_of(outcome), drawing=_drawing(outcome) if job.drawn else None)


def _drawing(outcome: Outcome) -> Drawing:
    """Return what is to be drawn."""
    trial, course = outcome.trial, outcome.loop.course
    every = -(-trial.load.periods // MOST_POINTS)
    signal = next(iter(trial.capacity))
    steps = max(1, round(course.horizon_s / course.step_s))
    point = course.seen[signal].ahead.point
    ahead = np.concatenate((np.full(steps, np.nan), point))[: point.size]
    need = demand_of(trial.load, trial.capacity)[::every]
    baseline = outcome.baseline
    compared = baseline is not None and baseline.loop is not outcome.loop
    return Drawing(
        load=_short(trial.load.signals[signal][::every]),
        needed=[None if np.isnan(each) else int(each) for each in need],
        step_s=course.step_s * every,
        start=course.start,
        supply=_steps(*supply_of(outcome.loop.fleet)),
        baseline=_steps(*supply_of(baseline.loop.fleet)) if compared and baseline is not None else None,
        forecast=_short(ahead[::every]),
        marks=[
            Mark(each.at, each.before, each.wanted, [f"{code}: {said}" for code, said in each.why])
            for each in outcome.loop.changes[:MOST_MARKS]
        ],
    )


def _short(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float | None]:
    """Return values to four digits; NaN is ``None``."""
    return [None if value != value else float(f"{value:.4g}") for value in values.tolist()]  # noqa: PLR0124 - NaN


def _steps(
    at: np.ndarray[tuple[int], np.dtype[np.float64]], members: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Steps:
    return Steps(at.tolist(), [int(each) for each in members])
