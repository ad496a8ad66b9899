"""Where a restart goes on from: the newest whole checkpoint of a consumer's partition (docs/decisions/0008).

A consumer group's committed offset is no more than a hint where to begin to read. What counts is the
offset in the checkpoint: the messages between the two are read again, and the same state results.
"""

import asyncio
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from time import thread_time

import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from streams.follow import Follower, end_of
from streams.ledger import BrokenError, Draft, Ledger, Section, cut, whole
from streams.publish import PublishError, Sender
from streams.records.checkpoint import CHECKPOINT, HERE, PART, Checkpoint, Part
from streams.records.record import Record
from streams.topics import CHECKPOINTS, Topic

SHARE = 0.05
"""Of one core: what checkpoints of a process may take in the long run."""
RATE = 4_000_000.0
"""Bytes per second that they may write in the long run, before the broker's copies."""
LONGEST_S = 600.0
"""Between two of them at most, whatever they cost: what stands between is read again."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Found:
    """What a restart goes on from."""

    offset: int = 0
    """Next offset to be applied."""
    sections: Mapping[str, bytes] | None = None
    """``None``: there is no checkpoint that can be used."""
    keys: tuple[str, ...] = ()
    """All that stands of earlier writers, heads first: nobody needs it once another head stands."""


async def newest(broker: str, role: str, partition: int, *, log: Topic, layout: int) -> Found:
    """Return the newest whole checkpoint of ``role`` for a partition of ``log``, of this layout.

    One beyond the end of the log is none: the topic was made anew since.
    """
    stands: dict[str, bytes] = {}
    base = key(role, partition)

    def take(record: ConsumerRecord) -> None:
        name = (record.key or b"").decode(errors="replace")
        if name == base or name.startswith(f"{base}/"):
            stands.pop(name, None)
            if record.value:
                stands[name] = record.value

    async with Follower(broker, {(CHECKPOINTS.name, partition): take}) as follower:
        await follower.caught_up()
    heads = _heads(stands, role, partition)
    keys = (*heads, *(name for name in stands if name not in heads))
    for name, head in heads.items():
        end = await end_of(broker, log.name, partition, near=head.offset)
        if end < head.offset:
            _tell("checkpoint beyond the end of its log: not used", head, end=end)
            break
        if head.layout != layout:
            _tell("checkpoint of another layout: not used", head, layout=head.layout, needed=layout)
            continue
        try:
            return Found(head.offset, whole(head, partial(_part, stands, name)), keys)
        except BrokenError as error:
            _tell("checkpoint broken: not used", head, error=str(error))
    return Found(keys=keys)


def _heads(stands: Mapping[str, bytes], role: str, partition: int) -> dict[str, Checkpoint]:
    """Return the heads by key, that of the highest offset first."""
    base, found = key(role, partition), dict[str, Checkpoint]()
    for name, raw in stands.items():
        if name.removeprefix(base).count("/") <= 1:
            try:
                found[name] = CHECKPOINT.decode(raw)
            except msgspec.DecodeError as error:
                _log.error("checkpoint unreadable: not used", key=name, error=str(error))
    return dict(sorted(found.items(), key=lambda each: each[1].offset, reverse=True))


def _tell(what: str, head: Checkpoint, **said: object) -> None:
    """Say what is wrong with a checkpoint."""
    _log.warning(what, role=head.role, partition=head.partition, offset=head.offset, **said)


def _part(stands: Mapping[str, bytes], head: str, number: int) -> bytes | None:
    """Return what a part of a head holds; ``None`` when there is none that can be read."""
    try:
        return PART.decode(stands[f"{head}/{number}"]).raw
    except (KeyError, msgspec.DecodeError):
        return None


def key(role: str, partition: int) -> str:
    """Return what the keys of all checkpoints of a partition begin with."""
    return f"{role}/{partition}"


@dataclass(slots=True)
class Cost:
    """What a checkpoint took."""

    work_s: float = 0.0
    """Of a core."""
    bytes: int = 0
    """Written, compressed."""

    def pause_s(self, least_s: float, of: int) -> float:
        """Return how long the next one must wait, counted from this one's beginning."""
        return max(least_s, min(of * self.work_s / SHARE, LONGEST_S), min(of * self.bytes / RATE, LONGEST_S))


class Writer:
    """Writes the checkpoints of one partition, as long as one process owns it. Its keys are nobody else's.

    So an owner that was suspended and writes late harms no other: the highest offset counts, whoever wrote it.
    """

    def __init__(self, sender: Sender, *, role: str, partition: int, layout: int, found: Found) -> None:
        self._sender = sender
        self._role, self._partition, self._layout = role, partition, layout
        self._writer = uuid.uuid4().hex[:12]
        self._clear = found.keys
        self._ledger = Ledger()
        self._began = -math.inf
        self._cost = Cost()

    def due(self, now: float, *, least_s: float, of: int = 1) -> bool:
        """Say whether the next one may begin; ``of``: partitions that share this process."""
        return not 0.0 <= now - self._began < self._cost.pause_s(least_s, of)

    def hasten(self) -> None:
        """Have the next one begin at once."""
        self._began = -math.inf

    async def save(self, offset: int, sections: Iterable[Section], now: float) -> Cost | None:
        """Write a checkpoint; return what it cost. ``None``: the broker refuses it, and the one before counts.

        The event loop gets its turn between any two blocks.
        """
        self._began = now
        draft, cost = self._ledger.draft(), Cost()
        try:
            for section in sections:
                await self._section(draft, section, cost)
            head = draft.head(
                role=self._role,
                partition=self._partition,
                offset=offset,
                layout=self._layout,
                writer=self._writer,
            )
            await self._send("", head)
        except PublishError as error:
            _log.error("checkpoint refused", role=self._role, partition=self._partition, error=str(error))
            return None
        self._cost = Cost(cost.work_s, cost.bytes + sum(block.size for block in draft.blocks if block.number == HERE))
        await self._tidy(self._ledger.stands(draft))
        return self._cost

    async def _section(self, draft: Draft, section: Section, cost: "Cost") -> None:
        """Write what has changed of a section."""
        if draft.same(section):
            return
        began = thread_time()
        blocks = cut(section.write())
        cost.work_s += thread_time() - began
        for raw in blocks:
            began = thread_time()
            part = draft.add(section.name, raw)
            cost.work_s += thread_time() - began
            if part is not None:
                number, packed = part
                cost.bytes += len(packed)
                await self._send(f"/{number}", Part(raw=packed))
            await asyncio.sleep(0)

    async def _tidy(self, numbers: Iterable[int]) -> None:
        """Clear what no head needs any more: of ours, and once of those before us."""
        for number in numbers:
            await self._send(f"/{number}", None)
        clear, self._clear = self._clear, ()
        for name in clear:
            await self._sender.send(CHECKPOINTS, name, None, self._partition)

    async def _send(self, which: str, record: Record | None) -> None:
        """Write one record of ours, or clear its key."""
        name = f"{key(self._role, self._partition)}/{self._writer}{which}"
        await self._sender.send(CHECKPOINTS, name, record, self._partition)
