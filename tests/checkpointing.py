"""A topic of checkpoints in memory, and writers that can be cut off in the middle."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self, cast

import pytest
from aiokafka.structs import ConsumerRecord

from streams import checkpoints
from streams.checkpoints import Found, Writer
from streams.ledger import Section
from streams.publish import PublishError, Sender
from streams.records.record import Record, encode
from streams.topics import CHECKPOINTS, SAMPLES, Topic

ROLE, LAYOUT = "worker", 3


class CrashError(Exception):
    """The process is gone."""


@dataclass
class Log:
    """What stands in partition 0 of ``pileus.checkpoints``, record by record."""

    records: list[tuple[str, bytes | None]] = field(default_factory=list)
    room: int | None = None
    """Records that are taken before the process that writes them is gone."""
    refused: Callable[[Record | None], bool] = lambda _: False
    end: int = 10**9
    """Of the log that the checkpoints are of."""

    async def send(self, topic: Topic, key: str, record: Record | None, partition: int) -> int:
        assert (topic, partition) == (CHECKPOINTS, 0)
        if self.room is not None and len(self.records) >= self.room:
            raise CrashError
        if self.refused(record):
            raise PublishError("too large")
        self.records.append((key, None if record is None else encode(record)))
        return len(self.records) - 1

    @property
    def standing(self) -> dict[str, bytes]:
        """Return what compaction leaves."""
        found: dict[str, bytes] = {}
        for key, raw in self.records:
            found.pop(key, None)
            if raw is not None:
                found[key] = raw
        return found

    def change(self, key: str, raw: bytes | None) -> None:
        """Put something into a key."""
        self.records.append((key, raw))

    def writer(self, found: Found = Found(), *, layout: int = LAYOUT) -> Writer:  # noqa: B008 - frozen
        """Return a new owner's writer."""
        return Writer(cast("Sender", self), role=ROLE, partition=0, layout=layout, found=found)

    async def newest(self, *, layout: int = LAYOUT) -> Found:
        """Return what a restart finds."""
        return await checkpoints.newest("none", ROLE, 0, log=SAMPLES, layout=layout)

    async def opened(self) -> tuple[Writer, Found]:
        """Begin as a new owner does."""
        found = await self.newest()
        return self.writer(found), found


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Return an empty topic that :func:`streams.checkpoints.newest` reads."""
    made = Log()

    class Reading:
        def __init__(self, _: str, handlers: Mapping[tuple[str, int], Callable[[ConsumerRecord], None]]) -> None:
            self.take = handlers[CHECKPOINTS.name, 0]

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            """Nothing is open."""

        async def caught_up(self) -> None:
            for offset, (key, raw) in enumerate(made.records):
                self.take(a_record(offset, key, raw))

    async def end_of(*_: object, near: int) -> int:
        return made.end

    monkeypatch.setattr(checkpoints, "Follower", Reading)
    monkeypatch.setattr(checkpoints, "end_of", end_of)
    return made


def a_record(offset: int, key: str, raw: bytes | None) -> ConsumerRecord:
    """Return one record as it is read."""
    return ConsumerRecord(CHECKPOINTS.name, 0, offset, 0, 0, key.encode(), raw, None, 0, 0, ())


def sections(of: Mapping[str, bytes], stamps: Mapping[str, object] | None = None) -> Iterable[Section]:
    """Return sections of these contents."""

    def section(name: str, raw: bytes) -> Section:
        return Section(name, lambda: raw, (stamps or {}).get(name))

    return [section(name, raw) for name, raw in of.items()]
