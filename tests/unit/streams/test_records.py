from typing import Any

import msgspec
import pytest

from predictors.motion import Motion
from streams.records.action import ACTION, OUTCOME, Action, Launch, Outcome, Result, Verb
from streams.records.balancer import BALANCER, Backend, BalancerReport
from streams.records.checkpoint import CHECKPOINT, Checkpoint
from streams.records.decision import DECISION, Code, Decision, Factor, Given, Memory, Reason, Recommendation
from streams.records.forecast import FORECASTS, Fault, Forecasts
from streams.records.instance import INSTANCES
from streams.records.log import LOG, REJECTED, LogLine, Rejected
from streams.records.member import LEADTIME, MEMBERS, LeadTime, Member, State
from streams.records.own import MemberForecast
from streams.records.record import Record, encode
from streams.records.sample import SAMPLE
from tests.builders import (
    a_claim,
    a_forecast,
    a_health,
    a_member,
    a_policy,
    a_requests,
    a_tick,
    an_instance,
    health_columns,
)

FORECAST = a_forecast(
    requests=8.5,
    requests_ahead=12.0,
    members=[MemberForecast(member="shop-web-1", load_average=0.1 + 0.2, healthy=True, age_s=0.0)],
    faults=[Fault(member="shop-web-1", reason="Silent", since=1e9 / 3)],
)
WHERE: dict[str, Any] = {"tenant": "default", "application": "shop", "cluster": "shop-web"}
OF_MEMBER: dict[str, Any] = {**WHERE, "member": "shop-web-1"}

RECORDS: list[tuple[msgspec.json.Decoder[Any], Record]] = [
    (SAMPLE, a_health(healthy=True)),
    (SAMPLE, a_health(load=None, memory=None)),
    (SAMPLE, health_columns(a_health(), a_health("shop-web-2", load=None))),
    (SAMPLE, a_requests()),
    (SAMPLE, a_tick()),
    (FORECASTS, Forecasts(at=1000.0, partition=3, members_offset=7, clusters=[FORECAST], samples=4)),
    (
        DECISION,
        Decision(
            decision="shop-web@1000000",
            **WHERE,
            at=1000.0,
            wanted=3,
            before=2,
            factors=(
                Factor(
                    signal="requests_in_flight", threshold=5.0, observed=None, forecast=None, ratio=None, members=None
                ),
            ),
            reasons=(Reason(Code.METRIC_MISSING, "nothing is known"),),
            given=Given(
                forecast=FORECAST,
                policy=a_policy(),
                min_members=1,
                max_members=9,
                memory=Memory(wanted=2, recommended=(Recommendation(990.0, 2),), changes=(Recommendation(1.0, -1),)),
            ),
        ),
    ),
    (
        ACTION,
        Action(
            action="shop-web-1/launch",
            verb=Verb.LAUNCH,
            **OF_MEMBER,
            cartridge="web",
            provider="memory",
            network_partition="here",
            partition="local",
            epoch=7,
            at=1000.0,
            launch=Launch(command=["serve"], environment={"PORT": "1"}, ports=[1, 2]),
        ),
    ),
    (
        OUTCOME,
        Outcome(action="shop-web-1/launch", result=Result.OUT_OF_CAPACITY, **OF_MEMBER, at=1000.0, reason="full"),
    ),
    (MEMBERS, a_member(state=State.DRAINING, since={State.ACTIVE: 1.5})),
    (MEMBERS, a_claim()),
    (INSTANCES, an_instance()),
    (
        LEADTIME,
        LeadTime(**OF_MEMBER, cartridge="web", network_partition="here", partition="local", at=1.0, seconds=2.5),
    ),
    (
        BALANCER,
        BalancerReport(
            balancer="lb-1",
            **WHERE,
            at=1000.0,
            revision=12,
            backends=[Backend(member="shop-web-1", routed=True, in_flight=3, first_request_at=1.25)],
        ),
    ),
    (LOG, LogLine(**OF_MEMBER, at=1000.0, level="INFO", text='GET /\t"é" \u2028', source="stdin")),
    (REJECTED, Rejected(topic="pileus.samples", partition=0, reason="Late", count=3, at=1000.0, examples=("a", "b"))),
    (CHECKPOINT, Checkpoint(role="worker", partition=0, offset=9, layout=1, state=b"\x00\xff")),
]
IDS = [type(record).__name__ for _, record in RECORDS]


@pytest.mark.parametrize(("decoder", "record"), RECORDS, ids=IDS)
def test_what_is_written_is_read_again_to_the_letter(decoder: msgspec.json.Decoder[Any], record: Record) -> None:
    assert decoder.decode(encode(record)) == record
    assert encode(decoder.decode(encode(record))) == encode(record)


@pytest.mark.parametrize(("decoder", "record"), RECORDS, ids=IDS)
def test_a_field_that_a_newer_writer_added_is_passed_over(decoder: msgspec.json.Decoder[Any], record: Record) -> None:
    newer = msgspec.json.decode(encode(record)) | {"added": {"later": [1, None]}, "v": 2}

    assert decoder.decode(msgspec.json.encode(newer)) == msgspec.structs.replace(record, v=2)


@pytest.mark.parametrize(("decoder", "record"), RECORDS, ids=IDS)
def test_a_record_says_its_kind_and_another_kind_is_refused(decoder: msgspec.json.Decoder[Any], record: Record) -> None:
    written = msgspec.json.decode(encode(record))

    assert written["kind"] == type(record).__struct_config__.tag
    with pytest.raises(msgspec.ValidationError, match="kind"):
        decoder.decode(msgspec.json.encode(written | {"kind": "another"}))


@pytest.mark.parametrize("kind", list(dict.fromkeys(type(record) for _, record in RECORDS)))
def test_a_record_has_a_schema(kind: type[Record]) -> None:
    schema = msgspec.json.schema(kind)
    of = schema["$defs"][kind.__name__]

    assert of["properties"]["kind"] == {"enum": [kind.__struct_config__.tag]}
    assert of["properties"].keys() >= set(kind.__struct_fields__)


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        a_tick().at = 2.0  # type: ignore[misc]


def test_every_record_above_is_told_apart_by_its_kind() -> None:
    tags = [kind.__struct_config__.tag for kind in {type(record) for _, record in RECORDS}]

    assert len(set(tags)) == len(tags)


def test_a_motion_is_written_by_name() -> None:
    assert msgspec.json.encode(Motion(1.0, 0.5, 0.25)) == b'{"level":1.0,"slope":0.5,"curvature":0.25}'


def test_a_sample_needs_no_tenant_and_no_version() -> None:
    by_hand = b'{"kind":"health","application":"shop","cluster":"shop-web","member":"shop-web-1","at":1000}'

    assert SAMPLE.decode(by_hand) == a_health(load=None, memory=None)


def test_a_member_knows_when_it_was_what() -> None:
    read = MEMBERS.decode(encode(a_member(since={State.CREATED: 1.0})))

    assert isinstance(read, Member)
    assert read.since.get(State.CREATED) == 1.0
