"""The *ledger* of one writer: which part holds which block, so that what has not changed is not written again.

A part that the standing head names is never written over. A new checkpoint takes other numbers; what no head names any
more is free once the new head stands.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count

from streams.records.checkpoint import HERE, Block, Checkpoint

BLOCK = 256 * 1024
"""Bytes of a section in one block at most, before they are compressed."""
SMALL = 16 * 1024
"""Compressed bytes of a block that may stand in the head."""
ROOM = 256 * 1024
"""Bytes in a head at most."""
STATE = "state"
"""The one section of a checkpoint that is not cut."""


class BrokenError(ValueError):
    """A checkpoint is not whole; the message says what is wrong with which part."""


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of the state, as it was when this was made: whatever changes later is not in it."""

    name: str
    write: Callable[[], bytes]
    stamp: object = None
    """The same object as at the last checkpoint: nothing changed since. ``None``: that is not known."""


@dataclass(slots=True)
class Draft:
    """A checkpoint under way."""

    before: "Ledger"
    blocks: list[Block] = field(default_factory=list)
    here: dict[str, bytes] = field(default_factory=dict)
    """What stands in the head, by digest."""
    stamps: dict[str, object] = field(default_factory=dict)
    numbers: Iterator[int] = field(init=False)
    """Those of parts that nothing stands in which counts."""
    room: int = ROOM

    def __post_init__(self) -> None:
        """Begin with the lowest number that is free."""
        named = {block.number for block in self.before.blocks()}
        self.numbers = filter(lambda number: number not in named, count())

    def same(self, section: Section) -> bool:
        """Take over a section that has not changed; False when that is not known."""
        if section.stamp is not None:
            self.stamps[section.name] = section.stamp
        if section.stamp is None or self.before.stamps.get(section.name) is not section.stamp:
            return False
        blocks = self.before.of_section(section.name)
        if any(block.number == HERE for block in blocks):
            return False
        self.blocks += blocks
        return True

    def add(self, section: str, raw: bytes) -> tuple[int, bytes] | None:
        """Take in a block of a section; return number and content of the part that has to be written for it."""
        digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
        known = self.before.known.get(digest)
        if known is not None and known.number != HERE:
            self.blocks.append(Block(section, known.number, known.size, digest))
            return None
        packed = self.before.here.get(digest) or zlib.compress(raw, level=1)
        number = HERE if len(packed) <= min(SMALL, self.room) else next(self.numbers)
        self.blocks.append(Block(section, number, len(packed), digest))
        if number != HERE:
            self.before.written.add(number)
            return number, packed
        self.room -= len(packed)
        self.here[digest] = packed
        return None

    def head(self, *, role: str, partition: int, offset: int, layout: int, writer: str) -> Checkpoint:
        """Return the record that makes it count, once every part stands."""
        return Checkpoint(
            role=role,
            partition=partition,
            offset=offset,
            layout=layout,
            state=b"".join(self.here[block.digest] for block in self.blocks if block.number == HERE),
            writer=writer,
            blocks=tuple(self.blocks),
        )


class Ledger:
    """What stands of one writer."""

    def __init__(self) -> None:
        self.known: dict[str, Block] = {}
        """The blocks of the standing head, by digest."""
        self.here: dict[str, bytes] = {}
        self.stamps: dict[str, object] = {}
        self._blocks: dict[str, list[Block]] = {}
        self.written: set[int] = set()
        """Parts that stand, or may: those of a draft that came to nothing too."""

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks of the standing head."""
        return chain.from_iterable(self._blocks.values())

    def of_section(self, name: str) -> list[Block]:
        """Return the blocks of a section of the standing head."""
        return self._blocks.get(name, [])

    def draft(self) -> Draft:
        """Begin a checkpoint."""
        return Draft(self)

    def stands(self, draft: Draft) -> list[int]:
        """Note that the head of a draft stands; return the numbers that nobody needs any more."""
        self.known = {block.digest: block for block in draft.blocks}
        self.here, self.stamps = draft.here, draft.stamps
        self._blocks = {}
        for block in draft.blocks:
            self._blocks.setdefault(block.section, []).append(block)
        named = {block.number for block in draft.blocks} - {HERE}
        gone, self.written = self.written - named, named
        return sorted(gone)


def cut(raw: bytes) -> list[bytes]:
    """Cut a section into blocks; an empty one is one empty block."""
    return [raw[begin : begin + BLOCK] for begin in range(0, max(len(raw), 1), BLOCK)]


def whole(head: Checkpoint, part: Callable[[int], bytes | None]) -> dict[str, bytes]:
    """Return the sections of a checkpoint from its head; ``part`` returns what a part holds, if it stands.

    Raises
    ------
    BrokenError
        A part is missing, or is not what the head names.
    """
    if not head.blocks:
        return {STATE: head.state}
    found: dict[str, list[bytes]] = {}
    packed, place = None, 0
    for i, block in enumerate(head.blocks, start=1):
        if block.number == HERE:
            packed, place = head.state[place : place + block.size], place + block.size
        else:
            packed = part(block.number)
        what = f"block {i} of {len(head.blocks)}, section {block.section}, part {block.number}"
        found.setdefault(block.section, []).append(_read(block, packed, what))
    return {name: b"".join(blocks) for name, blocks in found.items()}


def _read(block: Block, packed: bytes | None, what: str) -> bytes:
    """Return what a block holds."""
    if packed is None:
        raise BrokenError(f"{what}: missing")
    try:
        raw = zlib.decompress(packed)
    except zlib.error as error:
        raise BrokenError(f"{what}: {error}") from error
    if len(packed) != block.size or hashlib.blake2b(raw, digest_size=16).hexdigest() != block.digest:
        raise BrokenError(f"{what}: {len(packed)} bytes, not the {block.size} that the head names")
    return raw
