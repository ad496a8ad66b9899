"""A consumer's state at an offset (``pileus.checkpoints``): where a restart goes on from. See docs/decisions/0008."""

import msgspec

from streams.records.record import Record

HERE = -1
"""Number of a block that stands in the head itself."""


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Where a piece of a section stands; a section is its blocks, one after the other."""

    section: str
    number: int
    """Of the part that holds it; -1: it stands in ``state``, after those before it."""
    size: int
    """Bytes there: compressed (zlib)."""
    digest: str
    """BLAKE2b of what was compressed (16 bytes, in hexadecimal)."""


class Checkpoint(Record, frozen=True, kw_only=True):
    """The state of a fold after everything below ``offset``: the *head* of a checkpoint, written last."""

    role: str
    """Which consumer: ``worker`` or ``decider``."""
    partition: int
    offset: int
    """Next offset to be applied."""
    layout: int
    """Version of the sections; a reader that knows another one starts anew."""
    state: bytes
    """The blocks that stand here; without ``blocks`` the one section ``state``, as it is."""
    writer: str = ""
    """Who wrote it; the key is ``<role>/<partition>/<writer>``."""
    blocks: tuple[Block, ...] = ()
    """All of them."""


class Part(Record, frozen=True, kw_only=True, tag="checkpoint-part"):
    """One block of a checkpoint; its key is its head's with ``/<number>``. It counts if the head names it."""

    raw: bytes
    """Compressed (zlib)."""


CHECKPOINT = msgspec.json.Decoder(Checkpoint)
PART = msgspec.json.Decoder(Part)
