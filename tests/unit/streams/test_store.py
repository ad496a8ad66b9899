"""What the store keeps of members, sample by sample: every case here holds for any order within a tick."""

import math

import numpy as np
import pytest

from streams import window
from streams.arrived import Arrived
from streams.store import Fate, Store
from tests.columns import a_store, arrived, restored

NAN = math.nan


def given(store: Store, *samples: tuple[float, float | None, float | None, bool | None]) -> list[Fate]:
    """Put samples of the only member in, each by itself: time, load, memory, what the probe said."""
    return [Fate(store.take(arrived([(0, *sample)]), stale_s=15.0)[0]) for sample in samples]


def test_a_sample_for_a_time_that_is_there_is_a_duplicate_and_the_larger_value_stays() -> None:
    store = a_store("a")
    fates = given(store, (10.0, 5.0, 1.0, None), (20.0, 6.0, 1.0, None), (15.0, 7.0, 1.0, None), (15.0, 9.0, 1.0, None))

    assert fates == [Fate.USED, Fate.USED, Fate.USED, Fate.DUPLICATE]
    assert store.series("c", "a")[0].times == [10.0, 15.0, 20.0]
    assert store.series("c", "a")[0].values == [5.0, 9.0, 6.0]
    assert (store.states.newest[0], store.load.value[0]) == (20.0, 6.0)


def test_a_sample_without_a_measurement_is_a_sign_of_life() -> None:
    store = a_store("a")

    fates = given(store, (10.0, None, None, None), (20.0, None, None, None), (20.0, None, None, None))

    assert fates == [Fate.USED, Fate.USED, Fate.DUPLICATE]
    assert (store.states.newest[0], store.buckets) == (20.0, {})


def test_one_signal_may_complete_another() -> None:
    store = a_store("a")

    assert given(store, (10.0, 5.0, None, None), (10.0, None, 6.0, True)) == [Fate.USED, Fate.USED]
    assert [series.values for series in store.series("c", "a")] == [[5.0], [6.0]]
    assert store.states.healthy[0] == 1.0


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one tick"])
@pytest.mark.parametrize(
    ("probes", "healthy", "since"),
    [
        pytest.param([], 0.0, NAN, id="never probed"),
        pytest.param([(10.0, True)], 1.0, NAN, id="well"),
        pytest.param([(10.0, False), (15.0, False)], 0.0, 10.0, id="ill since the first failure"),
        pytest.param([(10.0, False), (15.0, True), (20.0, False)], 0.0, 20.0, id="ill again"),
        pytest.param([(10.0, False), (15.0, True)], 1.0, NAN, id="recovered"),
        pytest.param([(10.0, False), (15.0, None)], 0.0, 10.0, id="a sample without a probe says nothing"),
        pytest.param([(10.0, False), (30.0, False)], 0.0, 30.0, id="after a silence it begins anew"),
        pytest.param([(10.0, False), (25.0, False)], 0.0, 10.0, id="a silence that is just not too long"),
    ],
)
def test_a_member_is_unhealthy_since_its_probes_fail(
    *, probes: list[tuple[float, bool | None]], healthy: float, since: float, together: bool
) -> None:
    store = a_store("a")
    samples = [(0, at, None, None, said) for at, said in probes]
    for each in [samples] if together else [[sample] for sample in samples]:
        store.take(arrived(each), stale_s=15.0)

    assert store.states.healthy[0] == healthy
    assert np.array_equal(store.states.unhealthy_since[:1], [since], equal_nan=True)


def test_a_late_probe_does_not_count() -> None:
    store = a_store("a")
    given(store, (20.0, 1.0, 1.0, False), (15.0, 1.0, 1.0, True))

    assert (store.states.healthy[0], store.states.unhealthy_since[0]) == (0.0, 20.0)


def test_of_two_probes_for_one_time_the_worse_counts() -> None:
    store = a_store("a")
    store.take(arrived([(0, 10.0, 1.0, 1.0, True), (0, 10.0, 1.0, 1.0, False)]), stale_s=15.0)

    assert store.states.unhealthy_since[0] == 10.0


def test_a_member_that_is_full_takes_no_more_and_its_neighbour_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST", 3)
    store = a_store("a", "b")
    came = [(0, 10.0 + i, 1.0, None, None) for i in range(5)] + [(1, 10.0, 1.0, None, None)]

    fates = store.take(arrived(came), stale_s=15.0).tolist()

    assert fates == [Fate.USED] * 3 + [Fate.OVERLOAD] * 2 + [Fate.USED]
    assert store.load.count[:2].tolist() == [3, 1]


def test_a_row_is_given_on_empty() -> None:
    store = a_store("a", "b")
    store.take(arrived([(0, 10.0, 1.0, 1.0, False), (1, 10.0, 2.0, 2.0, True)]), stale_s=15.0)
    store.enroll("c", ["b", "z"])

    assert store.rows["c"] == {"b": 1, "z": 0}
    assert store.series("c", "z")[0].times == []
    assert (store.states.newest[0], store.load.count[0]) == (-math.inf, 0)
    assert store.series("c", "b")[0].values == [2.0]


def test_clusters_forget_each_at_their_own_time() -> None:
    store = a_store("a")
    store.enroll("d", ["x"])
    store.take(arrived([(r, at, 1.0, None, None) for r in (0, 1) for at in (2.0, 7.0, 12.0)]), stale_s=15.0)
    store.forget({"c": 2, "d": 0})
    store.forget({"c": 2, "d": 1})

    assert store.series("c", "a")[0].times == [12.0]
    assert store.series("d", "x")[0].times == [7.0, 12.0]
    assert store.load.count[:2].tolist() == [1, 2]


def test_forgetting_takes_as_long_as_there_are_buckets_not_as_time_is_long() -> None:
    store = a_store("a")
    store.forget({"c": 2**60})
    store.take(arrived([(0, 2.0, 1.0, None, None)]), stale_s=15.0)
    store.forget({"c": 2**61})

    assert store.buckets == {}


def test_a_window_that_grows_takes_late_samples_again() -> None:
    store = a_store("a")
    store.take(arrived([(0, 12.0, 1.0, None, None)]), stale_s=15.0)
    store.forget({"c": 2})
    store.forget({"c": 0})
    store.take(arrived([(0, 3.0, 4.0, None, None)]), stale_s=15.0)
    store.forget({"c": 0})

    assert store.series("c", "a")[0].times == [3.0, 12.0]


def test_the_newest_sample_is_not_from_the_future() -> None:
    store, rows = a_store("a"), np.array([0])
    store.take(arrived([(0, at, 1.0, None, None) for at in (1.0, 8.0, 11.0)]), stale_s=15.0)

    assert [store.heard(store.load, rows, at).tolist() for at in (0.5, 9.0, 11.0)] == [[-math.inf], [8.0], [11.0]]


@pytest.mark.parametrize("width", [5.0, 3.0])
def test_a_store_comes_back_as_it_was_also_with_another_period(width: float) -> None:
    chance = np.random.default_rng(1)
    store = a_store(*"abcdefgh")
    came = [(int(chance.integers(8)), float(chance.random() * 40), float(i), None, i % 3 == 0) for i in range(200)]
    store.take(arrived(came), stale_s=15.0)

    again = restored(store, width)

    assert [again.series("c", name)[0] for name in "abcdefgh"] == [store.series("c", name)[0] for name in "abcdefgh"]
    for ours, theirs in zip(again.states.columns(), store.states.columns(), strict=True):
        assert np.array_equal(ours, theirs, equal_nan=True)
    assert np.array_equal(again.load.at, store.load.at)
    assert np.array_equal(again.load.count, store.load.count)


def test_what_did_not_change_is_said_to_be_the_same() -> None:
    store = a_store("a")
    store.take(arrived([(0, 2.0, 1.0, None, None), (0, 7.0, 1.0, None, None)]), stale_s=15.0)
    first = {each.name: each.stamp for each in store.sections()}
    store.take(arrived([(0, 8.0, 1.0, None, None)]), stale_s=15.0)
    store.settle(before=1)
    second = {each.name: each.stamp for each in store.sections()}

    assert second["bucket/0"] is first["bucket/0"] is not None
    assert second["bucket/1"] is not first["bucket/1"]


def test_nothing_comes_of_nothing() -> None:
    assert a_store("a").take(Arrived(*(np.zeros(0) for _ in range(5))), stale_s=15.0).size == 0  # type: ignore[arg-type]
