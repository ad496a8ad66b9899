"""The last week of every signal of a partition, slot by slot: what rows that begin anew remember.

It is a fold over the ticks, as everything in the worker, and ``pileus.history`` is its durable form: a checkpoint
does not hold it. What is read there counts from the tick that ends its slot on, whenever it was read, so that a
restart, a replay and an unbroken run remember the same at every tick.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from streams.records.forecast import Signal
from streams.records.history import SLOT_S, SLOTS, History
from streams.records.instance import Announcement
from streams.records.record import Record
from streams.window import ROUNDING, Floats, Grid

DAY = SLOTS // 7
"""Slots."""
SLOT = np.dtype([("number", np.int32), ("value", np.float32), ("known", np.float16)])
UNKNOWN = np.array((-1, np.nan, 0.0), SLOT)
TINY = 1e-9
"""Share of a slot that arithmetic may be wrong by."""


class Forgotten(Record, frozen=True, kw_only=True):
    """Keys of ``pileus.history`` that hold nothing any more. On the topic: a record without a value for each."""

    keys: tuple[str, ...]


class Week:
    """One signal: its newest slots, each at its number modulo a week; a day takes room once it is known of."""

    def __init__(self) -> None:
        self._days: list[NDArray[np.void] | None] = [None] * (SLOTS // DAY)

    def put(self, number: int, value: float, known: float) -> bool:
        """Keep a slot; False when there is a newer one in its place, or the same one of which more was known."""
        which, place = divmod(number % SLOTS, DAY)
        day = self._days[which]
        if day is None:
            day = self._days[which] = np.full(DAY, UNKNOWN, SLOT)
        there, _, before = day[place].item()
        if there > number or (there == number and before > np.float16(known)):
            return False
        day[place] = (number, value, known)
        return True

    def clear(self, place: int) -> None:
        """Forget what stands at a place."""
        if (day := self._days[place // DAY]) is not None:
            day[place % DAY] = UNKNOWN

    def get(self, numbers: NDArray[np.int64]) -> Floats:
        """Return the values of slots (float64[n]); NaN where there is none."""
        which, place = np.divmod(numbers % SLOTS, DAY)
        values = np.full(numbers.shape, np.nan)
        for number, day in enumerate(self._days):
            if day is not None and (here := which == number).any():
                slots = day[place[here]]
                values[here] = np.where(slots["number"] == numbers[here], slots["value"], np.nan)
        return values

    def numbers(self) -> list[int]:
        """Return the numbers of the slots that are known, by their places."""
        return [number for day in self._days if day is not None for number in day["number"].tolist() if number >= 0]


class Past:
    """Every signal by its name, ``<cluster>/<signal>``."""

    def __init__(self) -> None:
        self._weeks: dict[str, Week] = {}
        self._coming: dict[str, dict[int, History]] = {}
        """What was read and has not ended yet at the last tick, by signal and number."""

    def tell(self, record: History, *, end: int) -> None:
        """Take in what was read; the slots below ``end`` were over at the last tick."""
        name = f"{record.cluster}/{record.signal}"
        if record.slot < end:
            self._put(name, record)
        else:
            self._coming.setdefault(name, {})[record.slot] = record

    def untell(self, key: str) -> None:
        """Take in that a key holds nothing any more."""
        name, _, place = key.rpartition("/")
        if not place.isdecimal() or int(place) >= SLOTS:
            return
        if (week := self._weeks.get(name)) is not None:
            week.clear(int(place))
        coming = self._coming.get(name, {})
        for number in [each for each in coming if each % SLOTS == int(place)]:
            del coming[number]

    def advance(self, end: int) -> None:
        """Let what was read of the slots below ``end`` count: they are over."""
        for name, coming in list(self._coming.items()):
            for number in sorted(each for each in coming if each < end):
                self._put(name, coming.pop(number))
            if not coming:
                del self._coming[name]

    def keep(self, record: History) -> bool:
        """Keep a slot that has ended; False when more of it was known already."""
        return self._put(f"{record.cluster}/{record.signal}", record)

    def forget(self, cluster: str) -> Forgotten | None:
        """Forget what has ended of a cluster, and return the keys that held it; ``None`` when there are none."""
        names = sorted(name for name in self._weeks if name.rpartition("/")[0] == cluster)
        weeks: Mapping[str, Week] = {name: self._weeks.pop(name) for name in names}
        keys = (f"{name}/{number % SLOTS}" for name in names for number in weeks[name].numbers())
        return Forgotten(keys=tuple(keys)) if names else None

    def begin(self, name: str) -> float:
        """Return when the oldest known slot of a signal begins (s); infinite when none is known."""
        week = self._weeks.get(name)
        return min(week.numbers(), default=math.inf) * SLOT_S if week is not None else math.inf

    def load(self, name: str, times: Floats) -> Floats:
        """Return the load at some times (float64[n]): between the middles of two slots; of one alone, its own.

        NaN where neither is known.
        """
        week = self._weeks.get(name)
        if week is None:
            return np.full(times.shape, np.nan)
        place = times / SLOT_S - 0.5
        left = np.floor(place).astype(np.int64)
        share = place - left
        a, b = week.get(left), week.get(left + 1)
        between = np.where(np.isnan(a), b, np.where(np.isnan(b), a, a + share * (b - a)))
        return np.where(share == 0.0, a, between)

    def _put(self, name: str, record: History) -> bool:
        return self._weeks.setdefault(name, Week()).put(record.slot, record.value, record.known)


def over(at: float, width: float) -> int:
    """Return the number of the first slot that is not over with the periods that have ended at a tick."""
    if at == -math.inf:
        return 0
    return math.floor(math.floor(at / width + ROUNDING) * width / SLOT_S + TINY)


def means(values: Floats, grid: Grid, *, first: int, end: int) -> Iterator[tuple[int, float, float]]:
    """Yield number, mean and known share of the slots from ``first`` to before ``end``, as far as a window has them.

    A window that is shorter than a slot has its last part alone.
    """
    number = np.floor(grid.middles(0.0) / SLOT_S).astype(np.int64)
    for slot in range(max(first, int(number[0])), min(end, int(number[-1]) + 1)):
        inside = values[number == slot]
        known = inside[np.isfinite(inside)]
        if known.size:
            yield slot, float(np.add.reduce(known) / known.size), min(1.0, known.size * grid.width / SLOT_S)


def slot_record(instance: Announcement, signal: Signal, slot: tuple[int, float, float]) -> History:
    """Return what is kept of a slot: its number, its mean, and the share in which the total was known."""
    number, value, known = slot
    return History(
        tenant=instance.tenant,
        application=instance.application,
        cluster=instance.cluster,
        signal=signal,
        slot=number,
        at=number * SLOT_S,
        value=value,
        known=known,
    )
