"""What a load was: the mean of one signal over five minutes (``pileus.history``)."""

from typing import Annotated

import msgspec

from streams.records.forecast import Signal
from streams.records.record import Record

SLOT_S = 300.0
"""Length of a slot (s)."""
SLOTS = 2016
"""Slots that are kept: a week, the longest season. A slot's record takes the place of the one a week before."""


class History(Record, frozen=True, kw_only=True):
    """One signal of one cluster in one slot, as it was measured: events of the calendar are in it."""

    tenant: str
    application: str
    cluster: str
    signal: Signal
    slot: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    """Number of the slot since the Unix epoch."""
    at: float
    """When it begins (s since the Unix epoch)."""
    value: Annotated[float, msgspec.Meta(ge=0.0, le=1e30)]
    """Mean of the total over the members that served, in the signal's unit."""
    known: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    """Share of the slot in which the total was known, above 0, at most 1."""


def key(cluster: str, signal: str, slot: int) -> str:
    """Return the key of a slot; after a week it comes again."""
    return f"{cluster}/{signal}/{slot % SLOTS}"


HISTORY = msgspec.json.Decoder(History)
