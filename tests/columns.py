"""Samples in columns, for tests of the store."""

from collections.abc import Sequence

import numpy as np

from streams.arrived import Arrived
from streams.rows import Members
from streams.store import Store


def a_store(*members: str, width: float = 5.0) -> Store:
    """Return a store of one cluster ``c``; its members have the rows 0, 1, ... in the order of their names."""
    store = Store(width)
    store.enroll("c", members)
    return store


def dumped(store: Store) -> dict[str, bytes]:
    """Return what a checkpoint has of a store."""
    return {each.name: each.write() for each in store.sections()}


def restored(store: Store, width: float) -> Store:
    """Return the store that comes out of that."""
    return Store.restored(dumped(store), {name: Members(rows) for name, rows in store.rows.items()}, width)


def arrived(samples: Sequence[tuple[int, float, float | None, float | None, bool | None]]) -> Arrived:
    """Return samples (row, time, load, memory, probe) in columns."""
    row, *others = list(zip(*samples, strict=True)) or [()] * 5
    return Arrived(np.array(row, dtype=np.int64), *(np.array(each, dtype=np.float64) for each in others))
