"""The readers of all other topics, each fed mutated records of what it reads."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from actuators.cluster import Rules
from actuators.decider import Decider
from actuators.lb_members import MembersFold
from dashboards.events import events
from dashboards.fold import take
from dashboards.model import Model
from streams.agent.metadata import MetadataFold
from streams.facts import AHEAD_S
from streams.records.action import OUTCOME, Result
from streams.records.balancer import BALANCER
from streams.records.control import CONTROL, Control
from streams.records.decision import Code, Decision, Factor, Given, Memory, Reason, Recommendation
from streams.records.forecast import FORECASTS, Fault, Forecasts
from streams.records.instance import INSTANCES, BurstRequest, Deployed, Instance, Level, Phase
from streams.records.log import LogLine, Rejected
from streams.records.member import MEMBERS, LeadTime, Member, State
from streams.records.metadata import METADATA, Metadata, metadata_key
from streams.records.own import MemberForecast
from streams.records.record import UNREADABLE, Record, encode
from tests.actuator_builders import a_backend, a_report, a_shadow, an_outcome, forecasts_of
from tests.builders import a_claim, a_forecast, a_member, a_policy, a_spec, an_application, an_instance
from tests.fuzz.mutate import Mutator

NOW = 1000.0
FORECAST = a_forecast(
    requests=30.0,
    requests_ahead=40.0,
    serving=2,
    members=[MemberForecast(member="shop-web-1", load_average=30.0, healthy=True, age_s=0.0)],
    faults=[Fault(member="shop-web-1", reason="Silent", since=900.0)],
)
OF_MEMBER: dict[str, Any] = {"tenant": "default", "application": "shop", "cluster": "shop-web", "member": "shop-web-1"}
DECISION = Decision(
    decision="shop-web@1000000",
    tenant="default",
    application="shop",
    cluster="shop-web",
    at=NOW,
    wanted=3,
    before=2,
    factors=(Factor(signal="requests_in_flight", threshold=5.0, observed=1.0, forecast=None, ratio=None, members=1),),
    reasons=(Reason(Code.METRIC_MISSING, "nothing is known"),),
    given=Given(
        forecast=FORECAST,
        policy=a_policy(),
        min_members=1,
        max_members=9,
        memory=Memory(wanted=2, recommended=(Recommendation(990.0, 2),), changes=()),
    ),
)
EXPORTED = Metadata(tenant="default", application="shop", name="db-URL", value="x", member="shop-db-1", at=NOW)
HERE: dict[str, Any] = {
    "tenant": "default",
    "application": "shop",
    "network_partition": "here",
    "at": 990.0,
    "epoch": 3,
}
EXISTING: list[Record] = [
    Instance(instance="default/shop/here", level=Level.APPLICATION, alias="shop", phase=Phase.ACTIVE, **HERE),
    Instance(
        instance="default/shop/here/web",
        level=Level.CLUSTER,
        alias="web",
        parent="default/shop/here",
        phase=Phase.ACTIVE,
        wanted=2,
        **HERE,
    ),
    Deployed(tenant="default", application="shop", at=NOW, epoch=3, spec=an_application(a_spec())),
    BurstRequest(tenant="default", application="shop", at=NOW, epoch=3, to=("there",)),
    an_instance(),
]
SEEDS: Mapping[str, Sequence[Record]] = {
    "pileus.members": [a_member(since={State.ACTIVE.value: 900.0}), a_member(state=State.CREATED), a_claim()],
    "pileus.instances": EXISTING,
    "pileus.forecasts": [forecasts_of(FORECAST)],
    "pileus.decisions": [DECISION],
    "pileus.shadow": [DECISION],
    "pileus.outcomes": [an_outcome(Result.RUNNING, "shop-web-1"), an_outcome(Result.OUT_OF_CAPACITY, "shop-web-1")],
    "pileus.balancers": [a_report(a_backend(in_flight=3))],
    "pileus.leadtimes": [
        LeadTime(**OF_MEMBER, cartridge="web", network_partition="here", partition="p", at=1.0, seconds=2.0)
    ],
    "pileus.control": [a_shadow(), Control(tenant="default", application="shop", paused=True, owner="me", at=NOW)],
    "pileus.rejected": [Rejected(topic="pileus.samples", partition=0, reason="Late", count=3, at=NOW, examples=("a",))],
    "pileus.logs": [LogLine(**OF_MEMBER, at=NOW, level="INFO", text="GET /", source="stdin")],
    "pileus.metadata": [EXPORTED],
}


class Reader(Protocol):
    """What reads some topics; nothing in them may make it raise."""

    topics: Sequence[str]

    def seeds(self, topic: str) -> Sequence[Record]:
        """Return real records of a topic."""
        return SEEDS[topic]

    def pick(self, mutator: Mutator) -> tuple[str, list[bytes]]:
        """Choose a topic, and return it with real records of it."""
        topic = self.topics[int(mutator.chance.integers(len(self.topics)))]
        return topic, [encode(each) for each in self.seeds(topic)]

    def read(self, topic: str, raw: bytes | None) -> None:
        """Read one record."""

    def goes_on(self) -> bool:
        """Say whether a real record still counts."""


class Dashboard(Reader):
    """The read model, and what open pages are sent of it."""

    topics = tuple(topic for topic in SEEDS if topic != "pileus.metadata")

    def __init__(self) -> None:
        self.model = Model()

    def read(self, topic: str, raw: bytes | None) -> None:
        changes = take(self.model, topic, key=b"shop-web", value=raw, written_at=NOW)
        for _, view in events(self.model, changes, now=NOW):
            assert view.model_dump_json()

    def goes_on(self) -> bool:
        bad = sum(count.bad for count in self.model.topics.values())
        self.read("pileus.members", encode(a_member("shop-web-99")))
        return bad > 0 and "shop-web-99" in self.model.members


class Deciding(Reader):
    """A decider, as its shell feeds it: what cannot be read is passed over, and what comes from the future."""

    topics = ("pileus.forecasts", "pileus.outcomes", "pileus.balancers", "pileus.control", "pileus.instances",
              "pileus.members", "pileus.metadata")  # fmt: skip

    def __init__(self) -> None:
        self.decider, self.at, self.offset = Decider(Rules()), NOW, 0
        self.decider.define([an_application(a_spec())], NOW)
        self._take: Mapping[str, tuple[msgspec.json.Decoder[Any], Callable[[Any], object]]] = {
            "pileus.forecasts": (FORECASTS, self.decider.forecasts),
            "pileus.outcomes": (OUTCOME, self.decider.outcome),
            "pileus.balancers": (BALANCER, self.decider.report),
            "pileus.control": (CONTROL, self.decider.control),
            "pileus.instances": (INSTANCES, self.decider.recall_instance),
            "pileus.members": (MEMBERS, self.decider.recall),
            "pileus.metadata": (METADATA, self.decider.metadata),
        }

    def seeds(self, topic: str) -> Sequence[Record]:
        if topic != "pileus.forecasts":
            return super().seeds(topic)
        self.at = max(self.at, self.decider.at) + 5.0
        return [forecasts_of(FORECAST, at=self.at)]

    def read(self, topic: str, raw: bytes | None) -> None:
        decoder, feed = self._take[topic]
        try:
            record = decoder.decode(raw or b"")
        except UNREADABLE:
            return
        if isinstance(record, Forecasts) and record.at > self.at + AHEAD_S:
            return
        if topic == "pileus.members" and not isinstance(record, Member):
            return
        for envelope in feed(record) or ():  # type: ignore[attr-defined]
            assert encode(envelope.record)
            if isinstance(envelope.record, Member):
                self.offset += 1
                self.decider.written(envelope.record.member, envelope.record.cluster, self.offset)

    def goes_on(self) -> bool:
        self.read("pileus.forecasts", encode(self.seeds("pileus.forecasts")[0]))
        self.decider.snapshot()
        return self.decider.at == self.at


class BalancerAgent(Reader):
    """What a balancer's agent knows of its members."""

    topics = ("pileus.members",)

    def __init__(self) -> None:
        self.fold = MembersFold(["shop-web"])

    def read(self, topic: str, raw: bytes | None) -> None:  # noqa: ARG002 - it has one
        self.fold.read(0, b"shop-web-1", raw)

    def goes_on(self) -> bool:
        self.read("pileus.members", encode(a_member("shop-web-99", epoch=2**50)))
        return self.fold.rejected > 0 and "shop-web-99" in self.fold.seen(revision=0, complete=True).members


class Exports(Reader):
    """What a member's agent knows of what others export."""

    topics = ("pileus.metadata",)

    def __init__(self) -> None:
        self.fold, self.offset = MetadataFold("default", "shop"), 0

    def read(self, topic: str, raw: bytes | None) -> None:  # noqa: ARG002 - it has one
        self.offset += 1
        self.fold.read(self.offset, metadata_key("default", "shop", "db-URL").encode(), raw)

    def goes_on(self) -> bool:
        self.read("pileus.metadata", encode(EXPORTED))
        return self.fold.rejected > 0 and self.fold.values == {"db-URL": "x"}


READERS: list[type[Reader]] = [Dashboard, Deciding, BalancerAgent, Exports]
