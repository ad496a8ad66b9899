"""Which samples can be used: each is judged by its time, its member and its values, all at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np

from streams.arrived import Arrived
from streams.bucket import Bools, Ints
from streams.came import Came
from streams.records.record import encode
from streams.records.sample import Health, Requests
from streams.refusals import EXAMPLES, Refusals
from streams.rows import NOBODY
from streams.store import Fate, Fates
from streams.window import Floats

LARGEST = 1e9
"""Largest load (percent) and requests in flight that are believed: sums of them stay exact enough, and finite."""
REASONS = (
    "",
    "UnknownCluster",
    "Future",
    "Late",
    "UnknownMember",
    "BadValue",
    "Overload",
    "Duplicate",
)
"""Why a sample is refused, by number."""
OF_FATE = np.array([REASONS.index(reason) for reason in ("", "Overload", "Duplicate")], dtype=np.int8)
"""By :class:`streams.store.Fate`."""
assert [fate.value for fate in Fate] == [0, 1, 2]  # noqa: S101 - the order above


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a sample's time must be in, seen from a tick."""

    at: float
    """The tick."""
    future_s: float
    """How far after it a sample may be."""
    late: Floats | float = 0.0
    """Before this time a sample is late: for each of them, or for all."""


def judge(columns: Arrived, bounds: Bounds) -> Fates:
    """Return the number of each sample's reason in :data:`REASONS`, as far as the sample alone says it; 0: none."""
    checks = (
        (columns.row == NOBODY, "UnknownCluster"),
        (~(columns.at <= bounds.at + bounds.future_s), "Future"),
        (columns.at < bounds.late, "Late"),
        (columns.row < NOBODY, "UnknownMember"),
        (_beyond(columns.load, LARGEST), "BadValue"),
        (_beyond(columns.memory, 100.0), "BadValue"),
    )
    reasons: Fates = np.zeros(columns.row.size, dtype=np.int8)
    for wrong, reason in reversed(checks):
        reasons[wrong] = REASONS.index(reason)
    return reasons


def _beyond(values: Floats, most: float) -> Bools:
    """Say which values are out of 0..``most``; NaN is none."""
    return (values < 0.0) | (values > most)


@dataclass(frozen=True, slots=True)
class Refused:
    """One record that was refused, with what to tell of it."""

    record: Health | Requests
    reason: str
    said: str

    @property
    def what(self) -> str:
        """Return who said it."""
        return self.record.member if isinstance(self.record, Health) else self.record.balancer


def tell(refusals: Refusals, came: Came, reasons: Fates, requests: Sequence[Refused], *, bounds: Bounds) -> None:
    """Count what was refused, and keep the first of each reason as examples: by time, then by text."""
    for number in range(1, len(REASONS)):
        reason = REASONS[number]
        here = np.flatnonzero(reasons == number)
        others = [each for each in requests if each.reason == reason]
        if not here.size and not others:
            continue
        first = [Refused(s, reason, said(s, reason, bounds)) for s in map(came.sample, _earliest(came, here))]
        examples = nsmallest(EXAMPLES, [*first, *others], key=lambda each: _place(each.record))
        for each in examples:
            refusals.add(reason, each.said, each.what)
        if rest := here.size + len(others) - len(examples):
            refusals.add(reason, "", "", count=int(rest))


def _place(record: Health | Requests) -> tuple[float, bytes]:
    """Return what records are put in order by."""
    return record.at, encode(record)


def _earliest(came: Came, here: Ints) -> Iterator[int]:
    """Yield the samples that may be among the first: not later than the third."""
    at = came.columns.at[here]
    if here.size > EXAMPLES:
        third = np.partition(at, EXAMPLES - 1)[EXAMPLES - 1]
        here = here[~(at > third)]
    yield from here.tolist()


def said(sample: Health | Requests, reason: str, bounds: Bounds) -> str:
    """Say what is wrong with a sample."""
    match reason:
        case "UnknownCluster":
            return f"no cluster '{sample.cluster[:255]}' in '{sample.tenant}/{sample.application}'"
        case "Future":
            ahead = f"{sample.at - bounds.at:.1f} s after the tick at {bounds.at}"
            return f"at {sample.at} is {ahead}, more than {bounds.future_s} s: a clock that is ahead"
        case "Late":
            return f"at {sample.at} is before the window of the tick at {bounds.at}"
        case "UnknownMember":
            return f"no such member in cluster '{sample.cluster}'"
        case "BadValue" if isinstance(sample, Health):
            return _bad_value(sample)
    return f"at {sample.at}"


def _bad_value(sample: Health) -> str:
    """Say which value is out of bounds."""
    if sample.load_average is not None and not 0.0 <= sample.load_average <= LARGEST:
        return f"load_average {sample.load_average} must be in 0..{LARGEST:g}"
    return f"memory_consumption {sample.memory_consumption} must be in 0..100"
