"""A consumer's state at an offset (``pileus.checkpoints``): where a restart goes on from."""

import msgspec

from streams.records.record import Record


class Checkpoint(Record, frozen=True, kw_only=True):
    """The state of a fold after everything below ``offset``."""

    role: str
    """Which consumer: ``worker`` or ``decider``."""
    partition: int
    offset: int
    """Next offset to be applied."""
    layout: int
    """Version of ``state``; a reader that knows another one starts anew."""
    state: bytes


CHECKPOINT = msgspec.json.Decoder(Checkpoint)
