"""Trials from beginning to end, over the cores: replayed, scored, drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np

from actuators.lab.course import Course
from actuators.lab.equal import Tried, with_headroom
from actuators.lab.report import Outcome, Trial, course_of, run
from actuators.lab.score import demand_of, supply_of
from pileus.lab.result import Result, result_of
from pileus.lab.spread import cores, spread
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


def examined(jobs: Sequence[Job], *, processes: int | None = None) -> list[Answer]:
    """Do jobs, in their order, over the cores: those of one load one after another, as they share much."""
    shared: dict[int, list[int]] = {}
    for number, job in enumerate(jobs):
        shared.setdefault(id(job.trial.load), []).append(number)
    chunks = sorted(shared.values(), key=lambda chunk: -jobs[chunk[0]].trial.load.periods)  # the longest first
    if len(chunks) < (processes or cores()):
        chunks = [[number] for number in range(len(jobs))]
    done = spread(_examine, [tuple(jobs[i] for i in chunk) for chunk in chunks], what="replaying", jobs=processes)
    found = dict(zip(chain.from_iterable(chunks), chain.from_iterable(done), strict=True))
    return [found[number] for number in range(len(jobs))]


def _examine(jobs: Sequence[Job]) -> list[Answer]:
    """Do jobs of one load: each forecast is made once, and each baseline replayed once."""
    courses: dict[object, Course] = {}
    tried: dict[bytes, Tried] = {}
    found = []
    for job in jobs:
        trial = job.trial
        looks = (trial.predictor, trial.horizon_s, tuple(trial.world.boot_s), trial.spec.most_members)
        if looks not in courses:
            courses[looks] = course_of(trial)
        world = (trial.world, trial.capacity, trial.skip_s)
        plain = msgspec.json.encode((with_headroom(trial.spec, 0.0), world))
        found.append(_one(job, courses[looks], tried.setdefault(plain, {})))
    return found


def _one(job: Job, seen: Course, tried: Tried) -> Answer:
    """Do a job."""
    if job.ticks is None:
        outcome = run(job.trial, seen=seen, baseline=job.baseline, tried=tried)
    else:
        outcome = run_with_ticks(job.trial, job.ticks, seen=seen, baseline=job.baseline)
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
