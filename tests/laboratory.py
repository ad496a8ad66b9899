"""Loads and trials for tests of the laboratory: each test states only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from actuators.lab.load import Load
from actuators.lab.report import Trial
from actuators.lab.world import World
from config.cluster import ClusterSpec, FlapSpec, StepPolicy
from tests.builders import a_behavior, a_place, a_policy, a_spec

Values = Sequence[float] | NDArray[np.float64]
UP = a_behavior(
    policies=[StepPolicy(kind="Percent", value=100, period_s=15.0), StepPolicy(kind="Pods", value=4, period_s=15.0)]
)
DOWN = a_behavior(
    stabilization_s=300.0,
    policies=[StepPolicy(kind="Percent", value=10, period_s=60.0), StepPolicy(kind="Pods", value=1, period_s=60.0)],
)


def a_load(
    values: Values = (10.0,) * 40,
    *,
    start: float = 0.0,
    step_s: float = 60.0,
    signal: str = "requests_in_flight",
    saturated: Sequence[bool] | None = None,
    more: Mapping[str, Values] | None = None,
) -> Load:
    """Return a load of one signal, or of several."""
    signals = {signal: np.array(values, dtype=np.float64)}
    signals |= {name: np.array(each, dtype=np.float64) for name, each in (more or {}).items()}
    flags = np.zeros(len(values), dtype=np.bool_) if saturated is None else np.array(saturated)
    return Load(name="load", start=start, step_s=step_s, signals=signals, saturated=flags)


def a_lab_spec(
    *,
    requests: float | None = 10.0,
    memory: float | None = None,
    load: float | None = None,
    least: int = 1,
    most: int = 50,
    tolerance: float = 0.1,
    forecast: str = "Enabled",
    quantile: float = 0.5,
    victim: str = "lowest-load",
    up_s: float = 0.0,
    down_s: float = 300.0,
    partitions: int = 1,
    flap: FlapSpec | None = None,
) -> ClusterSpec:
    """Return a definition with the default policy's steps."""
    policy = a_policy(
        requests=requests,
        memory=memory,
        load=load,
        tolerance=tolerance,
        forecast=forecast,
        up=a_behavior(stabilization_s=up_s, policies=UP.policies),
        down=a_behavior(stabilization_s=down_s, policies=DOWN.policies),
        flap=flap,
    )
    policy = replace(policy, quantile=quantile)
    places = [a_place(f"p{i}", max_members=most) for i in range(partitions)]
    return a_spec(min_members=least, max_members=most, policy=policy, partitions=places, victim=victim)


def a_trial(
    load: Load | None = None,
    *,
    spec: ClusterSpec | None = None,
    predictor: str = "last",
    world: World | None = None,
    capacity: float | None = None,
    skip_s: float = 0.0,
    horizon_s: float | None = None,
) -> Trial:
    """Return a trial; without a capacity members carry what the policy fills them to."""
    spec = spec or a_lab_spec()
    carries = dict(spec.policy.thresholds) if capacity is None else dict.fromkeys(spec.policy.thresholds, capacity)
    return Trial(
        load=load or a_load(),
        spec=spec,
        predictor=predictor,
        world=world or World(),
        capacity=carries,
        skip_s=skip_s,
        horizon_s=horizon_s,
        label=spec.policy.policy,
    )


def a_day(*, periods: int = 1440, mean: float = 100.0, noise: float = 0.1, seed: int = 1) -> NDArray[np.float64]:
    """Return a day's wave with noise, and a burst at three quarters of it."""
    chance = np.random.default_rng(seed)
    phase = np.arange(periods) / periods
    wave = mean * (1.0 - 0.6 * np.cos(2.0 * np.pi * phase)) * (1.0 + noise * chance.standard_normal(periods))
    wave[3 * periods // 4 : 3 * periods // 4 + periods // 50] *= 2.5
    return np.asarray(np.maximum(wave, 0.0))
