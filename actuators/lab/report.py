"""One policy with one predictor on one load: replayed, scored, beside the last value with headroom at equal cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from actuators.lab.ahead import FORECASTERS
from actuators.lab.course import Course, course, horizon_of
from actuators.lab.equal import Baseline, Tried, at_equal_cost
from actuators.lab.load import Load
from actuators.lab.loop import ClosedLoop, DisagreementError, Watch
from actuators.lab.score import Scores, score
from actuators.lab.skill import Skill, skill
from actuators.lab.world import World
from config.cluster import ClusterSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be replayed."""

    load: Load
    spec: ClusterSpec
    """Its policy has thresholds for signals of the load alone: see :func:`fitted`."""
    predictor: str
    world: World
    capacity: Mapping[str, float]
    """What one member can carry before users notice, by signal."""
    skip_s: float = 0.0
    """Not scored: the beginning (s)."""
    horizon_s: float | None = None
    """``None``: the policy's own, or it follows from the lead times."""
    label: str = ""
    """What the policy is called in reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a trial."""

    trial: Trial
    loop: ClosedLoop
    scores: Scores
    skills: tuple[Skill, ...]
    baseline: Baseline | None


def fitted(spec: ClusterSpec, load: Load) -> ClusterSpec:
    """Return the definition without the thresholds of signals that the load does not have.

    Raises
    ------
    ValueError
        If none is left.
    """
    thresholds = {name: value for name, value in spec.policy.thresholds.items() if name in load.signals}
    if not thresholds:
        has, needs = ", ".join(load.signals), ", ".join(spec.policy.thresholds)
        raise ValueError(f"policy {spec.policy.policy}: has thresholds for {needs}, the load '{load.name}' has {has}")
    return msgspec.structs.replace(spec, policy=replace(spec.policy, thresholds=thresholds))


def course_of(trial: Trial) -> Course:
    """Return a trial's load as its decider sees it."""
    given, step_s = trial.spec.prediction, trial.load.step_s
    horizon_s = trial.horizon_s or max(given.horizon_s or horizon_of(trial.world, step_s), step_s)
    forecaster = FORECASTERS[trial.predictor]
    most = trial.spec.most_members
    return course(
        trial.load,
        forecaster,
        predictor=trial.predictor,
        horizon_s=horizon_s,
        most_members=most,
        window_s=given.window_s,
        calendar=trial.spec.prediction.calendar,
    )


def run(
    trial: Trial,
    *,
    seen: Course | None = None,
    baseline: bool = True,
    tried: Tried | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Replay a trial and score it.

    ``seen`` is its course, when that is made already; ``tried`` what trials that differ only in their forecasts have
    found out of the baseline.
    """
    seen = seen or course_of(trial)
    loop = closed_loop(trial.spec, seen, trial.world, watch=watch)
    scores = score(loop, trial.load, capacity=trial.capacity, skip_s=trial.skip_s)

    def again(spec: ClusterSpec) -> tuple[ClosedLoop, Scores]:
        other = closed_loop(spec, seen, trial.world)
        return other, score(other, trial.load, capacity=trial.capacity, skip_s=trial.skip_s)

    return Outcome(
        trial=trial,
        loop=loop,
        scores=scores,
        skills=tuple(_skills(trial, seen)),
        baseline=at_equal_cost(loop, scores, run=again, tried={} if tried is None else tried) if baseline else None,
    )


def closed_loop(spec: ClusterSpec, seen: Course, world: World, *, watch: Watch | None = None) -> ClosedLoop:
    """Replay a whole course. Should the judge ever disagree with a short cut, it is asked on every tick."""
    try:
        return ClosedLoop(spec, seen, world, watch=watch).run()
    except DisagreementError:
        return ClosedLoop(spec, seen, world, exact=True, watch=watch).run()


def _skills(trial: Trial, seen: Course) -> list[Skill]:
    """Score the forecasts of each signal that the policy looks at."""
    step_s = trial.load.step_s
    first = round(trial.skip_s / step_s)
    steps = max(1, round(seen.horizon_s / step_s))
    return [
        skill(
            trial.load.signals[name][first:],
            seen.seen[name].ahead.point[first:],
            seen.seen[name].ahead.upper[first:],
            steps=steps,
            predictor=trial.predictor,
            signal=name,
            step_s=step_s,
        )
        for name in trial.spec.policy.thresholds
        if trial.load.periods - first > steps
    ]
