"""The load that every way of taking samples in is measured on: who is there, and what they say, tick by tick."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streams.cluster import Rules
from streams.records.instance import Announcement
from streams.records.member import Member
from streams.records.packed import pack
from streams.records.record import encode
from streams.records.sample import Health, HealthColumns
from tests.builders import a_member, a_tick, an_instance
from tests.fuzz.mutate import Mutator

CLUSTERS, EACH = 50, 200
MEMBERS = CLUSTERS * EACH
PERIOD_S = 15.0
"""From tick to tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a topic is filled."""

    form: str
    """``each``: a JSON message per member; ``json``: an envelope of 200; ``binary``: the same in binary."""
    ticks: int
    per_tick: int
    """Samples of each member between two ticks."""
    garbage: float = 0.0
    """Share of the messages that are mutated ones."""
    begin: float
    """Time of the first tick (s since the Unix epoch), a multiple of the period."""

    @property
    def samples(self) -> int:
        """How many samples the topic holds."""
        return MEMBERS * self.per_tick * self.ticks

    @property
    def end(self) -> float:
        """Time of the last tick."""
        return self.begin + self.ticks * PERIOD_S

    @property
    def rules(self) -> Rules:
        """What a worker goes by."""
        return Rules(sample_interval_s=PERIOD_S / self.per_tick, evaluation_s=PERIOD_S)

    def messages(self) -> Iterator[list[bytes]]:
        """Yield the messages up to each tick, that included; the first list is a tick alone."""
        chance = np.random.default_rng(1)
        yield [encode(a_tick(self.begin, members=MEMBERS, instances=CLUSTERS))]
        for number in range(self.ticks):
            start = self.begin + number * PERIOD_S
            raws: list[bytes] = []
            for part in range(self.per_tick):
                at = start + part * PERIOD_S / self.per_tick
                for c in range(CLUSTERS):
                    raws += self._cluster(c, at, chance)
            yield [*self._spoilt(raws), encode(a_tick(start + PERIOD_S, members=MEMBERS, instances=CLUSTERS))]

    def _spoilt(self, raws: list[bytes]) -> list[bytes]:
        """Put mutated messages in the place of every so many."""
        if not self.garbage:
            return raws
        every = round(1.0 / self.garbage)
        mutator = Mutator(np.random.default_rng(2), huge=False)
        return [raw if i % every else mutator.spoil([raw]) or b"" for i, raw in enumerate(raws)]

    def _cluster(self, c: int, at: float, chance: np.random.Generator) -> list[bytes]:
        """Return what the members of one cluster say once."""
        ats = (at + np.arange(EACH) * (PERIOD_S / self.per_tick / EACH)).round(3).tolist()
        loads = (50.0 + 20.0 * chance.standard_normal(EACH)).clip(0.0).round(2).tolist()
        memory = (40.0 + chance.standard_normal(EACH)).round(2).tolist()
        of = names(c)
        if self.form == "each":
            return [
                encode(
                    Health(
                        application="shop",
                        cluster=f"web-{c}",
                        member=name,
                        at=when,
                        load_average=load,
                        memory_consumption=used,
                        healthy=True,
                    )
                )
                for name, when, load, used in zip(of, ats, loads, memory, strict=True)
            ]
        many = HealthColumns(
            application="shop",
            cluster=f"web-{c}",
            member=of,
            at=ats,
            load_average=loads,
            memory_consumption=memory,
            healthy=[True] * EACH,
        )
        return [self._envelope(many)]

    def _envelope(self, many: HealthColumns) -> bytes:
        """Write one envelope."""
        return pack(many) if self.form == "binary" else encode(many)


def names(c: int) -> list[str]:
    """Return the members of a cluster."""
    return [f"shop-web-{c}-{m}" for m in range(EACH)]


def clusters() -> list[Announcement]:
    """Return what is announced."""
    return [an_instance(f"web-{c}") for c in range(CLUSTERS)]


def members() -> list[Member]:
    """Return who serves."""
    return [a_member(name, cluster=f"web-{c}") for c in range(CLUSTERS) for name in names(c)]
