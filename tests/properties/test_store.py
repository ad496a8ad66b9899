"""The store is what a brute-force recomputation says, for any order of arrival and any cut into ticks."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.store import Fate, Store
from tests.columns import a_store, arrived, dumped, restored

WIDTH, PERIODS, MEMBERS = 5.0, 8, "abc"
Sample = tuple[int, float, float | None, float | None, bool | None]

moments = st.one_of(st.integers(0, 159).map(lambda i: i / 4.0), st.floats(0.0, 39.9))
values = st.one_of(st.none(), st.floats(0.0, 1e9))
samples = st.lists(
    st.tuples(st.integers(0, 2), moments, values, values, st.sampled_from([None, True, False])), max_size=40
)


def kept(came: list[Sample], row: int, column: int) -> dict[float, float]:
    """Return what stays of one member's signal: the larger value of each time."""
    stays: dict[float, float] = {}
    for sample in came:
        value = sample[column]
        if sample[0] == row and value is not None:
            stays[sample[1]] = max(float(value), stays.get(sample[1], 0.0))
    return stays


def brute_force(came: list[Sample], row: int, column: int) -> list[float]:
    """Average what stays over each period, in the order of time."""
    stays, means = kept(came, row, column), []
    for k in range(PERIODS):
        inside = [stays[at] for at in sorted(stays) if math.floor(at / WIDTH) == k]
        total = 0.0
        for value in inside:
            total += value
        means.append(total / len(inside) if inside else math.nan)
    return means


def fed(came: list[Sample], cuts: list[int]) -> tuple[Store, int]:
    """Return a store that got the samples in as many ticks as there are cuts, and how many it used."""
    store, used = a_store(*MEMBERS), 0
    for begin, end in zip([0, *cuts], [*cuts, len(came)], strict=True):
        used += int((store.take(arrived(came[begin:end]), stale_s=15.0) == Fate.USED).sum())
    return store, used


@given(data=st.data(), came=samples)
def test_means_equal_a_recomputation_for_any_order_of_arrival(data: st.DataObject, came: list[Sample]) -> None:
    order = data.draw(st.permutations(came + came[: len(came) // 3]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=4)))

    store, _ = fed(order, cuts)
    means = store.means(np.arange(3), first=0, n=PERIODS)

    for row in range(3):
        for column in (2, 3):
            assert np.array_equal(means[column - 2][:, row], brute_force(came, row, column), equal_nan=True)
            assert store.series("c", MEMBERS[row])[column - 2].times == sorted(kept(came, row, column))
    for newest, column in ((store.load, 2), (store.memory, 3)):
        every = [kept(came, row, column) for row in range(3)]
        assert newest.count[:3].tolist() == [len(each) for each in every]
        assert newest.at[:3].tolist() == [max(each, default=-math.inf) for each in every]
        assert [v for v in newest.value[:3].tolist() if not math.isnan(v)] == [
            each[max(each)] for each in every if each
        ]


@given(data=st.data(), came=samples)
def test_within_a_tick_the_order_changes_neither_what_is_kept_nor_what_is_counted(
    data: st.DataObject, came: list[Sample]
) -> None:
    one, used = fed(came, [])
    other, again = fed(data.draw(st.permutations(came)), [])

    assert dumped(other) == dumped(one)
    assert again == used


@given(came=samples, first=st.integers(0, PERIODS), more=samples)
def test_a_store_goes_on_after_a_restart_as_if_nothing_had_been(
    came: list[Sample], first: int, more: list[Sample]
) -> None:
    store, _ = fed(came, [])
    store.forget({"c": first})
    again = restored(store, WIDTH)

    assert again.take(arrived(more), stale_s=15.0).tolist() == store.take(arrived(more), stale_s=15.0).tolist()
    assert dumped(again) == dumped(store)
    assert np.array_equal(again.load.value, store.load.value, equal_nan=True)
