"""What a tick costs the decider, per cluster."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from actuators.application import Unit
from actuators.cluster import ClusterState, Rules
from actuators.decide import decide
from config.cluster import ClusterSpec, StepPolicy
from streams.records.decision import Memory, Recommendation
from streams.records.forecast import ClusterForecast
from streams.records.member import State
from streams.records.own import MemberForecast
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_member, a_place, a_policy, a_spec

AT = 10_000.0
UP = a_behavior(
    policies=[StepPolicy(kind="Percent", value=100, period_s=15.0), StepPolicy(kind="Pods", value=4, period_s=15.0)]
)
DOWN = a_behavior(stabilization_s=300.0, policies=[StepPolicy(kind="Percent", value=10, period_s=60.0)])
POLICY = a_policy(requests=10.0, load=70.0, memory=80.0, up=UP, down=DOWN)


def the_forecast(members: int) -> ClusterForecast:
    """Return a cluster at rest with the right number of members."""
    own = [MemberForecast(member=f"shop-web-{i}", load_average=50.0) for i in range(1, members + 1)]
    return a_forecast(requests=9.5 * members, load=50.0 * members, memory=60.0 * members, serving=members, members=own)


def the_spec(members: int) -> ClusterSpec:
    """Return a cluster that has room for twice as many."""
    return a_spec(max_members=2 * members, policy=POLICY, partitions=[a_place("p1", max_members=2 * members)])


def test_decide_with_a_full_memory(benchmark: BenchmarkFixture) -> None:
    """One decision of one cluster: three factors, a window in which every number occurred."""
    recommended = tuple(Recommendation(AT - 300.0 + i, 40 - i) for i in range(1, 30))
    given = a_given(the_forecast(10), policy=POLICY, memory=Memory(wanted=40, recommended=recommended), max_members=50)

    decision, _ = benchmark(decide, given, at=AT)

    assert decision.wanted >= 36


@pytest.mark.parametrize("members", [10, 100, 1000])
def test_a_tick_at_rest(benchmark: BenchmarkFixture, members: int) -> None:
    """Decide, plan and look after every member, when there is nothing to do."""
    spec = the_spec(members)
    state, where = ClusterState(spec, Rules()), "default/shop/here/web"
    unit = Unit(instance=where, network_partition="here", partitions=spec.partitions, wanted=members, runs=True)
    for i in range(1, members + 1):
        state.recall(a_member(f"shop-web-{i}", state=State.ACTIVE, partition="p1"))
    forecast, ticks = the_forecast(members), iter(range(10**9))

    def tick() -> list[object]:
        return [*state.decide(forecast, AT + next(ticks)), *state.act((unit,), 0)]

    published = benchmark(tick)

    assert len(published) <= 1
    benchmark.extra_info["members"] = members
