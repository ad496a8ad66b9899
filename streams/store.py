"""The *store*: what all members of a partition measured, in columns. A member is a row; samples lie in buckets.

A tick hands it everything that came since the last one, at once. What it then holds depends on the set of samples
alone, never on the order in which they came.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams import window
from streams.arrived import Arrived, Groups, counted_before
from streams.bucket import Bools, Bucket, Ints, Several
from streams.column import shuffled, unshuffled
from streams.ledger import Section
from streams.rows import Members
from streams.states import NEVER, Newest, States, starts
from streams.window import Floats, Series

STATES, BUCKET = "states", "bucket/"
"""Names of sections."""
FIRST = 64
"""Rows that there is room for at first."""


class Fate(IntEnum):
    """What became of a sample."""

    USED = 0
    OVERLOAD = 1
    DUPLICATE = 2


Fates = NDArray[np.int8]


class Stored(msgspec.Struct, array_like=True):
    """The rows of a store as a checkpoint has them."""

    width: float
    size: int
    free: list[int]
    states: list[bytes]


class Store:
    """The samples of a partition's members, over periods of ``width`` s."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.rows: dict[str, Members] = {}
        """The row of each member, by cluster."""
        self.buckets: dict[int, Bucket] = {}
        """By the number of their period."""
        self.states, self.load, self.memory = States.empty(FIRST), Newest.empty(FIRST), Newest.empty(FIRST)
        self._size = 0
        self._free: list[int] = []
        self._kept: dict[str, int] = {}
        self._means: dict[int, Bucket | Several] = {}
        """By the number of their bucket, which does not change: it is averaged once."""

    # --- rows --------------------------------------------------------------------------------------------------------

    def enroll(self, cluster: str, members: Iterable[str]) -> None:
        """Give each of a cluster's members a row; take it from those that are members no more, with all they had."""
        rows, known = self.rows.setdefault(cluster, Members()), set(members)
        if gone := [rows.pop(name) for name in list(rows) if name not in known]:
            self._release(gone)
        for name in sorted(known - rows.keys()):
            rows[name] = self._free.pop() if self._free else self._grown()

    def drop(self, cluster: str) -> None:
        """Forget a cluster."""
        self._release(list(self.rows.pop(cluster, Members()).values()))
        self._kept.pop(cluster, None)

    def _release(self, rows: list[int]) -> None:
        """Forget what these rows had, and let others have them."""
        chosen = np.array(rows, dtype=np.int64)
        if (self.load.count[chosen] + self.memory.count[chosen]).any():
            gone = self._marked(chosen)
            for number in list(self.buckets):
                self._set(number, self.buckets[number].split(gone)[0])
        for column in (self.states, self.load, self.memory):
            column.reset(chosen)
        self._free = sorted([*self._free, *rows], reverse=True)

    def _grown(self) -> int:
        """Return a row that was never used."""
        if self._size == self.capacity:
            some = max(FIRST, self.capacity // 8)
            for column, more in (
                (self.states, States.empty(some)),
                (self.load, Newest.empty(some)),
                (self.memory, Newest.empty(some)),
            ):
                _extend(column, more)
        self._size += 1
        return self._size - 1

    @property
    def capacity(self) -> int:
        """How many rows there is room for."""
        return len(self.states.newest)

    def _marked(self, rows: Ints) -> Bools:
        """Return a mark on these of all rows."""
        marked = np.zeros(self.capacity, dtype=np.bool_)
        marked[rows] = True
        return marked

    def _set(self, number: int, bucket: Bucket) -> None:
        """Keep a bucket, unless it is empty."""
        if bucket.rows.size:
            self.buckets[number] = bucket
        else:
            self.buckets.pop(number, None)

    # --- samples -----------------------------------------------------------------------------------------------------

    def take(self, came: Arrived, *, stale_s: float) -> Fates:
        """Put samples in; return what became of each.

        Of two samples of a member for one time, the larger values stay and the worst probe counts. ``stale_s``: after
        so long without a probe a member's bad health begins anew.
        """
        fates: Fates = np.empty(came.row.size, dtype=np.int8)
        if came.row.size:
            order = came.order()
            fates[order] = self._take(came.chosen(order), stale_s)
        return fates

    def _take(self, came: Arrived, stale_s: float) -> Fates:
        """Put samples in that are in order."""
        groups = Groups.made(came)
        found = self._find(groups.whole)
        fresh = np.zeros(came.row.size, dtype=np.bool_)
        fresh[groups.begin] = groups.whole.at > self.states.newest[groups.whole.row]
        load = groups.first(came.load) & ~self._has(found, "load")[groups.of]
        memory = groups.first(came.memory) & ~self._has(found, "memory")[groups.of]
        over = self._over(came.row, load, memory)
        if over.any():
            fates = np.full(came.row.size, Fate.OVERLOAD, dtype=np.int8)
            fates[~over] = self._take(came.chosen(~over), stale_s)
            return fates
        probe = groups.first(came.healthy) & (came.at > self.states.probed[came.row])
        self._put(groups.whole, found)
        self.load.add(came.row[load])
        self.memory.add(came.row[memory])
        self._probe(groups.whole, stale_s)
        return np.where(fresh | load | memory | probe, Fate.USED, Fate.DUPLICATE).astype(np.int8)

    def _over(self, row: Ints, load: Bools, memory: Bools) -> Bools:
        """Say which samples come when their row is full."""
        first = starts(row)
        begin, of = np.flatnonzero(first), np.cumsum(first) - 1
        full, most = np.zeros(row.size, dtype=np.bool_), int(np.diff(begin, append=row.size).max())
        for new, count in ((load, self.load.count), (memory, self.memory.count)):
            if int(count.max()) + most >= window.MOST:
                full |= count[row] + counted_before(new, begin, of) >= window.MOST
        return full

    def _find(self, whole: Arrived) -> list[tuple[int, Ints, Ints]]:
        """Return the number of each bucket concerned, who goes there, and where the like of each stands in it."""
        period = np.floor(whole.at / self.width).astype(np.int64)
        found = []
        only_one = bool((period == period[0]).all())
        for number in period[:1].tolist() if only_one else np.unique(period).tolist():
            here = np.arange(period.size) if only_one else np.flatnonzero(period == number)
            bucket = self.buckets.get(number)
            like = np.full(here.size, -1) if bucket is None else bucket.find(whole.row[here], whole.at[here])
            found.append((number, here, like))
        return found

    def _has(self, found: list[tuple[int, Ints, Ints]], signal: str) -> Bools:
        """Say for each group whether its time has a value of this signal."""
        known = np.zeros(sum(here.size for _, here, _ in found), dtype=np.bool_)
        for number, here, like in found:
            if number in self.buckets:
                column = getattr(self.buckets[number], signal)
                known[here] = (like >= 0) & np.isfinite(column[np.maximum(like, 0)])
        return known

    def _put(self, whole: Arrived, found: list[tuple[int, Ints, Ints]]) -> None:
        """Put one sample for each row and time into the buckets."""
        measured = np.isfinite(whole.load) | np.isfinite(whole.memory)
        for number, here, like in found:
            known = measured[here]
            here, like = here[known], like[known]  # noqa: PLW2901 - of those that measured something
            columns = (whole.row[here], whole.at[here], whole.load[here], whole.memory[here])
            bucket = self.buckets.get(number)
            self._set(number, Bucket.of(*columns) if bucket is None else bucket.merge(like, *columns))
        self.states.hear(whole.row, whole.at)
        self.load.note(whole.row, whole.at, whole.load)
        self.memory.note(whole.row, whole.at, whole.memory)

    def _probe(self, whole: Arrived, stale_s: float) -> None:
        """Take in what newer probes said."""
        newer = np.isfinite(whole.healthy) & (whole.at > self.states.probed[whole.row])
        self.states.probe(whole.row[newer], whole.at[newer], whole.healthy[newer], stale_s)

    def forget(self, before: Mapping[str, int]) -> None:
        """Drop what lies before the period that each cluster names; every cluster is named."""
        lowest = min(before.values(), default=None)
        for number in [n for n in self.buckets if lowest is None or n < lowest]:
            self._lose(self.buckets.pop(number))
        gone: dict[int, list[int]] = {}
        oldest, newest = min(self.buckets, default=0), max(self.buckets, default=-1)
        for cluster, first in before.items():
            for number in range(max(oldest, self._kept.get(cluster, oldest)), min(first, newest + 1)):
                if number in self.buckets:
                    gone.setdefault(number, []).extend(self.rows.get(cluster, Members()).values())
        for number, rows in gone.items():
            kept, lost = self.buckets[number].split(self._marked(np.array(rows, dtype=np.int64)))
            self._set(number, kept)
            if lost is not None:
                self._lose(lost)
        self._kept = dict(before)
        self._means = {number: means for number, means in self._means.items() if number in self.buckets}

    def settle(self, before: int) -> None:
        """Keep the buckets below this number in as little room as they need: few samples will come for them."""
        like = None
        for number in sorted(number for number in self.buckets if number < before):
            like = self.buckets[number] = self.buckets[number].narrow(like)

    def _lose(self, lost: Bucket) -> None:
        """Count samples out."""
        row = lost.row.astype(np.int64)
        self.load.lose(row, lost.at, lost.load)
        self.memory.lose(row, lost.at, lost.memory)

    # --- what it holds -----------------------------------------------------------------------------------------------

    def means(self, rows: Ints, *, first: int, n: int) -> tuple[Floats, Floats]:
        """Average load and memory of some rows over each of ``n`` periods (a line): NaN where there is no sample."""
        load, memory = np.empty((n, rows.size)), np.empty((n, rows.size))
        place = np.full(self.capacity, -1, dtype=np.int64)
        place[rows] = np.arange(rows.size)
        like, where, source = None, place, None
        for number in range(first, first + n):
            here = number - first
            if (bucket := self._mean(number)) is None:
                load[here] = memory[here] = np.nan
                continue
            row = bucket.row
            if like is None or not np.array_equal(row, like):  # as a rule each period has the same members
                like, where = row, place.take(row, mode="clip")  # much faster than in the mode that raises
                source = bucket.places(where, rows.size)
            if source is None:
                load[here] = memory[here] = np.nan
                bucket.put(where, load[here], memory[here])
            else:
                np.take(bucket.load, source, out=load[here], mode="clip")
                np.take(bucket.memory, source, out=memory[here], mode="clip")
        return load, memory

    def stamps(self, *, first: int, n: int) -> list[object]:
        """Return what stands for the samples of each of ``n`` periods: the same object, the same samples."""
        return [bucket and bucket.stamp for bucket in map(self.buckets.get, range(first, first + n))]

    def _mean(self, number: int) -> Bucket | None:
        """Return the means of a period, a sample for each row."""
        if (bucket := self.buckets.get(number)) is None or bucket.single:
            return bucket
        known = self._means.get(number)
        if known is None or known.stamp is not bucket.stamp:
            known = self._means[number] = bucket.averaged()
        return known if isinstance(known, Bucket) else bucket.mean(known)

    def heard(self, newest: Newest, rows: Ints, at: float) -> Floats:
        """Return the time of each row's newest sample of a signal that is not after ``at``; -inf: none."""
        times = newest.at[rows]
        ahead = np.flatnonzero(times > at)
        if ahead.size:
            times[ahead] = self._not_after(newest is self.load, rows[ahead], at)
        return times

    def _not_after(self, of_load: bool, rows: Ints, at: float) -> Floats:  # noqa: FBT001 - private
        """Look the same up in the buckets: for members whose clock is ahead."""
        found = np.full(self.capacity, NEVER)
        for bucket in self.buckets.values():
            known = (bucket.at <= at) & np.isfinite(bucket.load if of_load else bucket.memory)
            np.maximum.at(found, bucket.row[known], bucket.at[known])
        return found[rows]

    def series(self, cluster: str, member: str) -> tuple[Series, Series]:
        """Return the samples of one member, load and memory: to look at."""
        load, memory = Series(), Series()
        for _, bucket in sorted(self.buckets.items()):
            for i in np.flatnonzero(bucket.row == self.rows[cluster][member]).tolist():
                for series, column in ((load, bucket.load), (memory, bucket.memory)):
                    if np.isfinite(column[i]):
                        series.insert(float(bucket.at[i]), float(column[i]))
        return load, memory

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def sections(self) -> Iterator[Section]:
        """Yield all but who has which row."""
        states = [shuffled(column[: self._size]) for column in self.states.columns()]
        raw = msgspec.msgpack.encode(Stored(self.width, self._size, self._free, states))
        yield Section(STATES, lambda: raw)
        for number, bucket in sorted(self.buckets.items()):
            yield Section(f"{BUCKET}{number}", bucket.pack, bucket.stamp)

    @classmethod
    def restored(cls, found: Mapping[str, bytes], rows: dict[str, Members], width: float) -> "Store":
        """Return the store that sections hold, over periods of ``width``.

        Raises
        ------
        msgspec.DecodeError
            They are damaged.
        KeyError
            One is missing.
        """
        store, stored = cls(width), msgspec.msgpack.decode(found[STATES], type=Stored)
        store.rows, store._free = rows, stored.free
        while store._size < stored.size:
            store._grown()
        try:
            for column, raw in zip(store.states.columns(), stored.states, strict=True):
                column[: stored.size] = unshuffled(raw, "<f8")
        except ValueError as error:
            raise msgspec.DecodeError(f"states of {stored.size} rows: {error}") from error
        buckets = {
            int(name.removeprefix(BUCKET)): Bucket.unpack(raw) for name, raw in found.items() if name.startswith(BUCKET)
        }
        for bucket in _rebucketed(buckets, stored.width, width):
            store._count_in(*bucket)
        return store

    def _count_in(self, number: int, bucket: Bucket) -> None:
        """Keep a bucket, and count its samples.

        Raises
        ------
        msgspec.DecodeError
            It is of rows that there are not.
        """
        row = bucket.row.astype(np.int64)
        if row.size and not 0 <= int(row.min()) <= int(row.max()) < self._size:
            raise msgspec.DecodeError(f"bucket {number}: rows must be in 0..{self._size - 1}")
        self._set(number, bucket)
        for newest, column in ((self.load, bucket.load), (self.memory, bucket.memory)):
            newest.note(row, bucket.at, column)
            newest.add(row[np.isfinite(column)])


def _extend(column: States | Newest, more: States | Newest) -> None:
    """Make room for more rows."""
    for name in type(column).__slots__:
        setattr(column, name, np.concatenate((getattr(column, name), getattr(more, name))))


def _rebucketed(buckets: Mapping[int, Bucket], width: float, wanted: float) -> Iterator[tuple[int, Bucket]]:
    """Yield the buckets by number, over periods of another width if that has changed."""
    if width == wanted or not buckets:
        yield from sorted(buckets.items())
        return
    row, at, load, memory = (
        np.concatenate([getattr(bucket, name) for bucket in buckets.values()])
        for name in ("row", "at", "load", "memory")
    )
    order = np.lexsort((at, row))
    row, at, load, memory = row[order], at[order], load[order], memory[order]
    period = np.floor(at / wanted).astype(np.int64)
    for number in np.unique(period).tolist():
        here = period == number
        yield number, Bucket.of(row[here], at[here], load[here], memory[here])
