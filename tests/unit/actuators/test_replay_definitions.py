"""Replay takes each definition at its time: the decider's own records say from which tick on it counts."""

from collections.abc import Callable

import msgspec
import pytest

from actuators.declared import Declared
from actuators.replay import compare, replay
from config.cluster import ClusterSpec
from config.tree import ApplicationSpec
from streams.recording import Line
from streams.records.decision import DECISION, Decision
from streams.records.instance import Deployed
from streams.records.record import encode
from streams.topics import DECISIONS, INSTANCES, SAMPLES
from tests.builders import a_behavior, a_policy, a_spec, an_application
from tests.recordings import HEARTBEAT_S, START, WORKER, Recorder, ramp


def web(requests: float = 8.0, *, max_members: int = 12) -> ClusterSpec:
    """Return the cluster that is there from the beginning."""
    return a_spec(policy=a_policy(requests=requests, down=a_behavior(stabilization_s=15.0)), max_members=max_members)


SHOP = an_application(web())
STRICTER = an_application(web(4.0))
SMALLER = an_application(web(max_members=3))
BLOG = an_application(a_spec("blog-web", application="blog", max_members=5))
WITH_API = an_application(web(), a_spec("shop-api", alias="api", max_members=5))


def recorded(*phases: tuple[int, tuple[ApplicationSpec, ...]]) -> tuple[Line, ...]:
    """Record a minute of a ramp, then each of the phases: seconds, and what is declared in them."""
    recorder = Recorder(web())
    recorder.run(ramp, seconds=60)
    for seconds, applications in phases:
        recorder.declare(*applications)
        recorder.run(ramp, seconds=seconds)
    return tuple(recorder.lines)


def differ(recording: tuple[Line, ...]) -> list[tuple[int, tuple[str, ...]]]:
    """Return of forecasts and decisions how many do not come out again, and what comes out beside them."""
    compared = compare(recording, replay(recording, rules=WORKER, heartbeat_s=HEARTBEAT_S))
    return [(each.recorded - each.equal, each.extra) for each in compared]


def decisions(recording: tuple[Line, ...], cluster: str) -> list[Decision]:
    """Return the decisions that were recorded of a cluster."""
    found = [DECISION.decode(line.value) for line in recording if line.topic == DECISIONS.name]
    return [decision for decision in found if decision.cluster == cluster]


def thresholds(recording: tuple[Line, ...]) -> set[float]:
    """Return the thresholds that decisions of the first cluster were taken by."""
    return {d.given.policy.thresholds["requests_in_flight"] for d in decisions(recording, "shop-web")}


@pytest.mark.parametrize(
    ("phases", "happened"),
    [
        pytest.param([(60, (STRICTER,))], lambda r: thresholds(r) == {8.0, 4.0}, id="another threshold"),
        pytest.param(
            [(20, (STRICTER,)), (20, (SHOP,)), (20, (STRICTER,))],
            lambda r: thresholds(r) == {8.0, 4.0},
            id="another threshold, back, and again",
        ),
        pytest.param(
            [(60, (SMALLER,))], lambda r: decisions(r, "shop-web")[-1].given.max_members == 3, id="another maximum"
        ),
        pytest.param([(60, (SHOP, BLOG))], lambda r: decisions(r, "blog-web"), id="an application more"),
        pytest.param([(60, (WITH_API,))], lambda r: decisions(r, "shop-api"), id="a cluster more"),
        pytest.param(
            [(40, (WITH_API,)), (80, (SHOP,))],
            lambda r: decisions(r, "shop-api")[-1].at < START + 120.0,
            id="a cluster more, and less",
        ),
        pytest.param(
            [(40, (WITH_API,)), (80, (SHOP,)), (60, (WITH_API,))],
            lambda r: [d.before for d in decisions(r, "shop-api")].count(0) >= 2,
            id="a cluster more, less, and anew",
        ),
        pytest.param([(60, ())], lambda r: decisions(r, "shop-web")[-1].at <= START + 60.0, id="undeployed"),
        pytest.param(
            [(3, ()), (60, (SHOP,))],
            lambda r: decisions(r, "shop-web")[-1].at > START + 63.0,
            id="undeployed, regretted",
        ),
        pytest.param(
            [(80, ()), (60, (STRICTER, BLOG))], lambda r: thresholds(r) == {8.0, 4.0}, id="undeployed, and anew"
        ),
    ],
)
def test_a_recording_that_spans_a_change_comes_out_again_to_the_byte(
    phases: list[tuple[int, tuple[ApplicationSpec, ...]]], happened: Callable[[tuple[Line, ...]], object]
) -> None:
    recording = recorded(*phases)

    assert happened(recording)
    assert differ(recording) == [(0, ()), (0, ())]


def test_one_definition_for_all_of_it_does_not_do() -> None:
    """What the test above would let pass if it could not fail."""
    recording = recorded((60, (STRICTER,)))

    for spec in (web(), web(4.0)):
        _, taken = compare(recording, replay(recording, [spec], rules=WORKER, heartbeat_s=HEARTBEAT_S))
        assert taken.equal < taken.recorded


def test_a_change_that_is_said_to_count_a_tick_later_is_noticed() -> None:
    recording = recorded((60, (STRICTER,)))
    late = [
        msgspec.structs.replace(line, value=line.value.replace(f'"at":{START + 61.0}', f'"at":{START + 62.0}', 1))
        if line.topic == INSTANCES.name and '"kind":"deployed"' in line.value
        else line
        for line in recording
    ]

    assert differ(tuple(late))[1] != (0, ())


def test_from_the_middle_on_decisions_come_out_again_from_the_recorded_forecasts() -> None:
    """Without samples forecasts are taken as they were told, and a memory from the first decision."""
    recording = recorded((20, (STRICTER,)), (40, (SHOP, BLOG)))
    half = tuple(line for line in recording if line.topic != SAMPLES.name and line.at >= START + 45.0)
    before = tuple(line for line in recording if line.topic == INSTANCES.name and line.at < START + 45.0)
    first = decisions(half, "shop-web")[0]

    assert first.given.memory.wanted is not None, "it has a memory that has to be known"
    assert len(decisions(half, "shop-web")) > 3
    assert differ((*before, *half)) == [(0, ())], "forecasts are not compared with themselves"


def test_an_undeploy_is_told_on_the_tick_on_which_it_counts() -> None:
    recording = recorded((60, ()))
    told = [msgspec.json.decode(line.value, type=Deployed) for line in recording if '"kind":"deployed"' in line.value]

    assert [(each.at - START, each.ending, each.spec is None) for each in told][:2] == [
        (1.0, False, False),
        (61.0, True, False),
    ]
    assert told[-1].spec is None


def deployed(at: float, *, spec: ApplicationSpec = SHOP, ending: bool = False) -> Line:
    """Return the line that says what counts from a tick on."""
    record = Deployed(tenant="default", application="shop", at=at, epoch=0, spec=spec, ending=ending)
    return Line(topic=INSTANCES.name, partition=0, offset=round(at), at=at, value=encode(record).decode())


def test_a_cluster_that_is_gone_was_decided_a_last_time_on_that_tick() -> None:
    declared = Declared.recorded([deployed(1.0, spec=WITH_API), deployed(5.0)])

    terms = [declared.at("shop-api", at) for at in (1.0, 4.0, 5.0, 6.0)]

    assert [term is not None and term.spec is not None for term in terms] == [True, True, True, False]


def test_an_application_that_ends_was_not_decided_on_that_tick() -> None:
    declared = Declared.recorded([deployed(1.0), deployed(5.0, ending=True), deployed(7.0)])

    terms = [declared.at("shop-web", at) for at in (4.0, 5.0, 6.0, 7.0)]

    assert [(term.life, term.spec is not None) for term in terms if term] == [
        (0, True),
        (0, False),
        (0, False),
        (0, True),
    ]
    assert declared.at("shop-other", 4.0) is None
