"""A fold under mutated messages, and the books that are kept beside it."""

import resource
from collections import Counter
from dataclasses import dataclass, field

import msgspec
import numpy as np

from streams import facts
from streams.cluster import Rules
from streams.fold import Fold
from streams.records.apart import apart
from streams.records.columns import HealthBlock, unpack_all
from streams.records.forecast import FORECASTS, Forecasts
from streams.records.log import REJECTED, Rejected
from streams.records.member import Claim
from streams.records.packed import MAGIC, pack
from streams.records.record import Record, encode
from streams.records.sample import SAMPLE, HealthColumns, RequestsColumns, Tick
from streams.topics import INSTANCES, MEMBERS, SAMPLES
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance, health_columns
from tests.fuzz.mutate import Mutator

RULES = Rules(sample_interval_s=5.0, evaluation_s=5.0, window_s=100.0)
BEGIN_S = 1_700_000_000.0
PER_TICK = 100
"""Mutated samples between two ticks."""
FACTS = 4
"""Mutated records of members and of instances between two ticks, each."""
NAMES = [f"shop-web-{i}" for i in range(1, 5)]


@dataclass(slots=True)
class Books:
    """What was handed in, and what the fold says became of it."""

    messages: int = 0
    due: Counter[str] = field(default_factory=Counter)
    """Samples handed in, and records refused by their content alone, by topic."""
    used: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By topic and reason."""
    largest: int = 0
    """Bytes of the largest snapshot."""

    def account(self, published: list[Record]) -> None:
        """Enter what a tick published, read again as a consumer would."""
        for record in published:
            if isinstance(record, Rejected):
                assert REJECTED.decode(encode(record)) == record
                assert len(record.examples) <= 3
                assert all(len(example) <= 200 for example in record.examples)
                self.refused[record.topic, record.reason] += record.count
            elif isinstance(record, Forecasts):
                assert FORECASTS.decode(encode(record)) == record
                self.used += record.samples

    def check(self) -> None:
        """Compare both sides."""
        told = Counter[str]()
        for (topic, _), count in self.refused.items():
            told[topic] += count
        assert self.used + told[SAMPLES.name] == self.due[SAMPLES.name], self
        assert told[MEMBERS.name] == self.due[MEMBERS.name], self
        assert told[INSTANCES.name] >= self.due[INSTANCES.name], self

    def table(self) -> str:
        """Return the reasons as lines."""
        rows = [f"{topic:18} {reason:15} {count:10,}" for (topic, reason), count in sorted(self.refused.items())]
        return "\n".join([f"{SAMPLES.name:18} {'used':15} {self.used:10,}", *rows])


def weight(raw: bytes | None) -> int:
    """Return how many samples a message stands for: the rows of an envelope that fits, else 1."""
    raw = raw or b""
    try:
        if raw[:1] == MAGIC[:1]:
            return sum(_named(block) for block in unpack_all(raw))
        sample = SAMPLE.decode(raw)
        return 1 if isinstance(sample, Tick) else sum(_rows(each) for each in apart(sample))
    except (ValueError, RecursionError):
        return 1


def _named(block: HealthBlock) -> int:
    try:
        return len(block.members)
    except ValueError:
        return 1


def _rows(sample: Record) -> int:
    if not isinstance(sample, HealthColumns):
        return 1
    columns = [c for c in (sample.at, sample.load_average, sample.memory_consumption, sample.healthy) if c is not None]
    n = len(sample.member)
    return n if n and all(len(column) == n for column in columns) else 1


class World:
    """Two clusters, four members, a fold, and garbage."""

    def __init__(self, seed: int) -> None:
        self.mutator = Mutator(np.random.default_rng(seed))
        self.fold = Fold(0, RULES)
        self.books = Books()
        self.at = BEGIN_S
        self._member_offset = self._instance_offset = 0

    def run(self, messages: int) -> None:
        """Feed so many mutated messages, with real ones between them."""
        while self.books.messages < messages:
            self.round()
        self.tick()  # what came last
        self.books.check()

    def round(self) -> None:
        """Feed what comes between two ticks, real and mutated, then tick; nothing may raise."""
        self._set_up()
        seeds = self.samples()
        for raw in (*seeds, *(self.mutator.spoil(seeds) for _ in range(PER_TICK))):
            self.sample(raw)
        of_members, of_instances = self.members(), self.instances()
        for _ in range(FACTS):
            self._member(self.mutator.spoil(of_members))
            self._instance(self.mutator.spoil(of_instances))
        self.at += RULES.evaluation_s
        self.tick()
        self.books.messages += PER_TICK + 2 * FACTS

    def sample(self, raw: bytes | None) -> None:
        """Feed one message of the samples."""
        tick = Fold.peek(raw or b"")
        before = self.fold.progress.at
        self.books.account(self.fold.message(raw, written_at=self.at))
        ticked = self.fold.progress.at != before
        assert not ticked or (tick is not None and tick.at <= self.at + facts.AHEAD_S)
        self.books.due[SAMPLES.name] += 0 if ticked else weight(raw)
        self.at = max(self.at, self.fold.progress.at)

    def tick(self) -> None:
        """Tick, and look at the size of all that is kept."""
        self.at = max(self.at, self.fold.progress.at + 1.0)
        published = self.fold.message(encode(a_tick(self.at, members=2**40, instances=2**40)), written_at=self.at)
        assert any(isinstance(each, Forecasts) for each in published)
        self.books.account(published)
        self.books.largest = max(self.books.largest, len(self.fold.snapshot()))

    def samples(self) -> list[bytes]:
        """Return real messages of every kind, of now."""
        rows = [a_health(name, at=self.at + i / 10.0, healthy=True) for i, name in enumerate(NAMES)]
        columns = health_columns(*rows)
        return [
            encode(rows[0]),
            encode(a_health(NAMES[1], at=self.at + 0.5, memory=None)),
            encode(a_requests(at=self.at + 1.0)),
            encode(columns),
            pack(health_columns(*(msgspec.structs.replace(row, at=row.at + 1.0) for row in rows))),
            pack(
                health_columns(
                    a_health("shop-db-1", at=self.at + 0.25, load=1 / 3, cluster="shop-db"), cluster="shop-db"
                )
            ),
            encode(msgspec.structs.replace(columns, clusters=["shop-web", "shop-db"] * (len(rows) // 2))),
            pack(columns)
            + pack(health_columns(a_health("shop-db-1", at=self.at + 2.0, cluster="shop-db"), cluster="shop-db")),
            encode(
                RequestsColumns(
                    application="shop",
                    balancer="lb-2",
                    at=self.at + 1.0,
                    interval_s=5.0,
                    cluster=["shop-web", "shop-db"],
                    in_flight=[1.0, 2.0],
                    count=[10, 20],
                )
            ),
            encode(a_tick(self.at + 1.0, members=self._member_offset, instances=self._instance_offset)),
        ]

    def members(self) -> list[bytes]:
        """Return real records of members."""
        member = a_member(NAMES[0], at=self.at, since={"Created": self.at - 20.0, "Active": self.at})
        return [encode(member), encode(Claim(partition=0, owner="decider", at=self.at))]

    def instances(self) -> list[bytes]:
        """Return real records of instances."""
        return [encode(an_instance()), encode(an_instance("shop-db", alias="db"))]

    def _set_up(self) -> None:
        """Say again what mutated records may have changed."""
        for raw in self.instances():
            self._instance(raw)
        claim = encode(Claim(partition=0, owner="decider", at=self.at))
        names = [(name, "shop-web") for name in NAMES] + [("shop-db-1", "shop-db")]
        for raw in (claim, *(encode(a_member(n, cluster=c, at=BEGIN_S, epoch=2**40)) for n, c in names)):
            self._member(raw)

    def _member(self, raw: bytes | None) -> None:
        self._member_offset += 1
        if raw:
            record = facts.member(raw)
            self.books.due[MEMBERS.name] += isinstance(record, facts.Misread)
            self.fold.member(self._member_offset, record)

    def _instance(self, raw: bytes | None) -> None:
        self._instance_offset += 1
        if raw:
            record = facts.instance(raw)
            self.books.due[INSTANCES.name] += isinstance(record, facts.Misread)
            self.fold.instance(self._instance_offset, record)


def resident_mb() -> float:
    """Return the most memory that this process had so far (MB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
