"""How long each stage took, from hand-made records."""

import pytest

from pileus.stages import NAMES, Stage, Written, stages
from streams.records.action import Action, Outcome, Result, Verb
from streams.records.balancer import Backend, BalancerReport
from streams.records.member import State
from streams.records.record import Record
from tests.unit.pileus.records import CLUSTER, a_decision, a_forecast, a_member


def an_action(member: str = "web-1", *, at: float = 100.0, verb: Verb = Verb.LAUNCH, cluster: str = CLUSTER) -> Action:
    return Action(
        action=f"{member}/{verb.value}",
        verb=verb,
        tenant="default",
        application="shop",
        cluster=cluster,
        member=member,
        cartridge="web",
        provider="local",
        network_partition="here",
        partition="p1",
        epoch=1,
        at=at,
    )


def an_outcome(member: str = "web-1", *, result: Result = Result.RUNNING, action: str = "web-1/launch") -> Outcome:
    return Outcome(
        action=action, result=result, tenant="default", application="shop", cluster=CLUSTER, member=member, at=0.0
    )


def a_balancer_report(first_request_at: float | None, member: str = "web-1") -> BalancerReport:
    return BalancerReport(
        balancer="lb",
        tenant="default",
        application="shop",
        cluster=CLUSTER,
        at=0.0,
        revision=1,
        backends=[Backend(member=member, routed=True, in_flight=0, first_request_at=first_request_at)],
    )


def once(seconds: float) -> Stage:
    return Stage(p50_s=seconds, p99_s=seconds, n=1)


def measured(*log: tuple[float, Record]) -> dict[str, Stage]:
    found = stages([Written("any", at, record) for at, record in log], cluster=CLUSTER)
    return {name: _rounded(stage) for name, stage in found.items() if stage.n}


def _rounded(stage: Stage) -> Stage:
    assert stage.p50_s is not None
    assert stage.p99_s is not None
    return Stage(p50_s=round(stage.p50_s, 6), p99_s=round(stage.p99_s, 6), n=stage.n)


def test_one_launch_goes_through_every_stage() -> None:
    found = measured(
        (100.2, a_forecast(at=100.0, age_s=0.5)),
        (100.3, a_decision(at=100.0)),
        (100.35, an_action(at=100.0)),
        (100.75, an_outcome()),
        (102.0, a_member("web-1", State.ACTIVE)),
        (103.0, a_balancer_report(102.5)),
    )

    assert found == {
        "sample_to_forecast": once(0.7),
        "forecast_to_decision": once(0.1),
        "decision_to_action": once(0.05),
        "action_to_process_up": once(0.4),
        "process_up_to_in_balancer": once(1.25),
        "in_balancer_to_first_request": once(0.5),
    }


def test_every_stage_is_there_even_when_nothing_happened() -> None:
    assert stages([], cluster=CLUSTER) == dict.fromkeys(NAMES, Stage(p50_s=None, p99_s=None, n=0))


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        pytest.param([(1.0, a_decision(at=1.0))], {}, id="a decision whose forecast was not read"),
        pytest.param([(9.0, an_action(at=7.0)), (9.1, a_decision(at=8.0))], {}, id="an action of another tick"),
        pytest.param(
            [(1.0, an_action(at=0.5)), (2.0, an_outcome(result=Result.TRANSIENT)), (4.0, an_outcome())],
            {"action_to_process_up": once(3.0)},
            id="a launch that failed at first ends when it succeeds",
        ),
        pytest.param(
            [(1.0, an_action(at=0.5)), (2.0, an_action(at=1.5)), (3.0, an_outcome()), (9.0, an_outcome())],
            {"action_to_process_up": once(2.0)},
            id="said twice, it counts from the first action to the first outcome",
        ),
        pytest.param(
            [(1.0, an_action(at=0.5)), (2.0, an_outcome(action=""))], {}, id="merely seen to run is no outcome"
        ),
        pytest.param(
            [(1.0, an_action(at=0.5, verb=Verb.TERMINATE)), (2.0, an_outcome(action="web-1/terminate"))],
            {},
            id="a termination is no launch",
        ),
        pytest.param(
            [(5.0, a_member("web-1", State.ACTIVE)), (6.0, a_balancer_report(4.8))],
            {"in_balancer_to_first_request": once(0.0)},
            id="a request before the record counts as at once",
        ),
        pytest.param([(5.0, a_member("web-1", State.ACTIVE)), (6.0, a_balancer_report(None))], {}, id="no request yet"),
        pytest.param(
            [(5.0, a_member("web-1", State.ACTIVE)), (6.0, a_balancer_report(8.0)), (7.0, a_balancer_report(6.0))],
            {"in_balancer_to_first_request": once(1.0)},
            id="the earliest of two balancers counts",
        ),
        pytest.param([(1.0, a_forecast(at=0.0, age_s=None))], {}, id="a forecast without a sample has no age"),
        pytest.param(
            [(1.0, a_forecast(at=0.0, cluster="db")), (1.0, an_action(cluster="db")), (2.0, a_decision(at=0.0))],
            {},
            id="another cluster does not count",
        ),
    ],
)
def test_a_stage_counts_only_what_belongs_together(log: list[tuple[float, Record]], expected: dict[str, Stage]) -> None:
    assert measured(*log) == expected
