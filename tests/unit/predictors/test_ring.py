import numpy as np

from predictors.ring import Ring, total


def test_each_row_finds_what_it_put_at_its_own_place() -> None:
    ring = Ring.new(4, 2, 3)
    for t in range(6):
        at = t + np.array([0, 10, 3])
        ring.put(at, np.array([at, -at], dtype=np.float64))

    assert ring.get(np.array([5, 12, 7])).tolist() == [[5.0, 12.0, 7.0], [-5.0, -12.0, -7.0]]


def test_some_rows_alone() -> None:
    ring = Ring.new(2, 1, 3)

    ring.put(np.array([1, 1]), np.array([[7.0, 9.0]]), np.array([0, 2]))

    np.testing.assert_array_equal(ring.values[:, 0], [[np.nan] * 3, [7.0, np.nan, 9.0]])
    assert ring.get(np.array([1]), np.array([2])).tolist() == [[9.0]]


def test_a_sum_does_not_depend_on_how_many_rows_are_summed() -> None:
    values = np.random.default_rng(5).normal(size=(2, 37, 300)) * 10.0 ** np.arange(37)[:, None]

    every = total(values)

    for row in range(300):
        np.testing.assert_array_equal(total(np.ascontiguousarray(values[..., [row]]))[:, 0], every[:, row])
