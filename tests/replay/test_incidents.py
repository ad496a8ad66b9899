"""Incidents of others, replayed through worker and decider: what took their capacity away does not take ours."""

from collections.abc import Callable

import pytest

from actuators.replay import replay
from config.cluster import ClusterSpec, StepPolicy
from streams.records.decision import Code, Decision
from streams.records.member import State
from tests.builders import a_behavior, a_policy, a_spec
from tests.deciding import Shell, terminations
from tests.recordings import HEARTBEAT_S, START, WORKER, Recorder

UP = a_behavior(policies=[StepPolicy(kind="Percent", value=100, period_s=5.0)])
DOWN = a_behavior(stabilization_s=15.0, policies=UP.policies)
SPEC = a_spec(max_members=12, policy=a_policy(requests=8.0, tolerance=0.0, up=UP, down=DOWN))


def course(
    load: Callable[[int], float | None],
    *,
    seconds: int,
    spec: ClusterSpec = SPEC,
    busy: Callable[[int], float] | None = None,
) -> dict[int, Decision]:
    """Return the decisions that are published, by second."""
    recording = Recorder(spec).run(load, seconds=seconds, busy=busy)
    decisions = replay(recording, [spec], rules=WORKER, heartbeat_s=HEARTBEAT_S).decisions
    return {round(decision.at - START): decision for decision in decisions}


def wanted(decisions: dict[int, Decision], second: int) -> int:
    """Return the number wanted at a second."""
    return decisions[max(at for at in decisions if at <= second)].wanted


def test_metrics_gap() -> None:
    """AWS, HPA: insufficient data is no reason to scale in."""
    decisions = course(lambda t: None if 60 <= t < 240 else 40.0, seconds=300)

    assert {d.wanted for at, d in decisions.items() if at > 10} == {5}
    assert any(d.reasons[-1].code is Code.METRIC_MISSING for d in decisions.values())


def test_zero_everywhere() -> None:
    """k/k#104387: a provider of metrics that was away answered 0, and everything went to the minimum.

    The balancers go on counting: the recorder counts a request a second.
    """
    decisions = course(lambda t: 40.0 if t < 60 else 0.0, seconds=240)

    assert [wanted(decisions, at) for at in (50, 70, 239)] == [5, 5, 5]
    assert decisions[max(decisions)].reasons[-1].code is Code.BREAKER


def test_the_end_of_a_load_that_goes_down_by_itself_is_no_incident() -> None:
    decisions = course(lambda t: max(0.0, 40.0 - max(0, t - 60)), seconds=240)

    assert wanted(decisions, 239) == 1


@pytest.mark.parametrize(
    "requests", [pytest.param(8.0, id="both count"), pytest.param(None, id="the CPU alone: it lies")]
)
def test_cpu_idle_while_requests_queue(requests: float | None) -> None:
    """Slack, 2021-01-04: the network was ill, the CPUs had nothing to do, and servers were ended while requests queued.

    With a threshold for the CPU alone nobody looks at the requests: the second case shows that the first can fail.
    """
    spec = a_spec(max_members=12, policy=a_policy(requests=requests, load=50.0, tolerance=0.0, up=UP, down=DOWN))
    decisions = course(
        lambda t: 40.0 + 0.2 * max(0, t - 60),
        seconds=180,
        spec=spec,
        busy=lambda t: 100.0 if t < 20 else 50.0 if t < 60 else 5.0,
    )
    least = min(decision.wanted for at, decision in decisions.items() if at > 60)

    assert wanted(decisions, 60) > 5
    assert (least >= 5) == (requests is not None)
    assert (wanted(decisions, 179) >= 8) == (requests is not None)


def test_dip_then_retry_storm() -> None:
    """Netflix Scryer: an outage's dip is followed by thrice the load. The members are still there when it comes."""
    window = a_behavior(stabilization_s=60.0, policies=UP.policies)
    spec = a_spec(max_members=20, policy=a_policy(requests=8.0, tolerance=0.0, up=UP, down=window))
    decisions = course(lambda t: 120.0 if t >= 90 else 2.0 if t >= 60 else 40.0, seconds=150, spec=spec)

    assert wanted(decisions, 89) == 5
    assert wanted(decisions, 95) >= 10
    assert wanted(decisions, 120) >= 15


def test_stale_topology() -> None:
    """Reddit, 2016-08-11: a stale view of who serves ended servers within 16 seconds."""
    shell = Shell(a_spec(max_members=12, policy=a_policy(requests=8.0, tolerance=0.0)))
    shell.serve(80.0)
    shell.ticks(80.0, times=3)
    shell.route()
    names = shell.names(State.ACTIVE)
    assert len(names) == 10

    for _ in range(300):
        out = shell.tick(80.0, faulty=names[:8])
        assert terminations(out) == []
        shell.route()

    assert shell.names(State.ACTIVE) == names
    assert any(r.code is Code.BREAKER for r in shell.decisions[-1].reasons)
