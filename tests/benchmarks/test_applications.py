"""What a tick costs the decider with many composite applications, most of them at rest."""

import time
from collections.abc import Callable
from functools import cache

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from actuators.cluster import Rules
from actuators.decider import Decider
from config.tree import ApplicationSpec, GroupSpec
from streams.records.action import Action, Result
from streams.records.forecast import ClusterForecast, Forecasts
from streams.records.member import Member
from tests.actuator_builders import a_backend, a_report, an_outcome
from tests.builders import a_forecast, a_spec, an_application

CLUSTERS = 20
"""Clusters of an application, in four groups of five, each group with a start-up order."""
CHANGED = 0.01
"""Share of the applications whose load is another one at each tick."""


def an_application_of(number: int) -> ApplicationSpec:
    """Return one application."""
    name = f"app{number}"
    clusters = [a_spec(f"{name}-c{i}", application=name, alias=f"c{i}", max_members=5) for i in range(CLUSTERS)]
    groups = [
        GroupSpec(
            alias=f"g{g}",
            name="group",
            children=tuple(clusters[5 * g : 5 * g + 5]),
            order=((f"c{5 * g}", f"c{5 * g + 1}"), (f"c{5 * g + 1}", f"c{5 * g + 2}")),
        )
        for g in range(CLUSTERS // 5)
    ]
    return an_application(*groups)


class Running:
    """Applications that are Active, and a cloud that does everything at once."""

    def __init__(self, count: int) -> None:
        self.specs = [an_application_of(number) for number in range(count)]
        self.decider = Decider(Rules())
        self.decider.define(self.specs, 0.0)
        self.at, self.offset = 10.0, 0
        self.forecasts: dict[str, ClusterForecast] = {}
        self.load(self.specs, 5.0)
        for _ in range(12):
            self._answer(self.tick())
        assert all(not app.instances.empty for app in self.decider.applications.values())
        assert self.tick() == []

    def load(self, specs: list[ApplicationSpec], requests: float) -> None:
        """Give all clusters of some applications another load."""
        for spec in specs:
            for cluster in spec.clusters():
                self.forecasts[cluster.cluster] = a_forecast(
                    requests=requests, serving=1, cluster=cluster.cluster, application=spec.application
                )

    def tick(self) -> list[object]:
        """Let a second pass."""
        self.at += 1.0
        clusters = list(self.forecasts.values())
        forecasts = Forecasts(at=self.at, partition=0, members_offset=0, clusters=clusters)
        return [envelope.record for envelope in self.decider.forecasts(forecasts)]

    def _answer(self, records: list[object]) -> None:
        for record in records:
            self.offset += 1
            if isinstance(record, Member):
                self.decider.written(record.member, record.cluster, self.offset)
            elif isinstance(record, Action):
                name, cluster, application = record.member, record.cluster, record.application
                running = an_outcome(Result.RUNNING, name, at=self.at, cluster=cluster, application=application)
                self.decider.outcome(running)
                routed = a_report(a_backend(name), at=self.at, revision=10**9, cluster=cluster, application=application)
                self.decider.report(routed)


@cache
def running_of(count: int) -> Running:
    """Bring so many applications up, once."""
    return Running(count)


def cpu_s(work: Callable[[], object]) -> float:
    """Return the processor time of a call (s)."""
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize("count", [100, 1000])
def test_a_tick_of_many_applications(benchmark: BenchmarkFixture, count: int) -> None:
    """Decide every cluster, fit the instances of the applications that changed, look after every member."""
    running = running_of(count)
    changed = running.specs[: max(1, round(count * CHANGED))]
    loads = iter(range(6, 10**6))

    def change() -> None:
        running.load(changed, 5.0 + next(loads) % 40)

    benchmark.pedantic(running.tick, setup=change, rounds=5, warmup_rounds=1)

    benchmark.extra_info["applications"] = count
    benchmark.extra_info["clusters"] = count * CLUSTERS


def test_a_tick_grows_as_the_applications_do(benchmark: BenchmarkFixture) -> None:
    """The same with a tenth of the applications: how the processor time grows."""
    few, many = running_of(100), running_of(1000)
    small, large = min(cpu_s(few.tick) for _ in range(5)), min(cpu_s(many.tick) for _ in range(5))

    benchmark.pedantic(many.tick, rounds=1)

    print(f"\n100 applications {small:.3f} s, 1000 {large:.3f} s of processor time: {large / small:.1f} x for 10 x")  # noqa: T201 - a benchmark tells
    benchmark.extra_info["growth"] = round(large / small, 2)
