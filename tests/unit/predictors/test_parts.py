from dataclasses import dataclass

import numpy as np
import pytest

from predictors import parts
from predictors.series import Floats, Ints


@dataclass(slots=True)
class Inner:
    values: Floats


@dataclass(slots=True)
class Outer:
    ages: Ints
    inner: Inner
    several: tuple[Inner, ...]


def an_outer(m: int) -> Outer:
    values = np.arange(2.0 * m).reshape(2, m)
    return Outer(np.arange(m), Inner(values), (Inner(values + 100.0), Inner(values[0] - 1.0)))


def test_rows_are_taken_everywhere() -> None:
    taken = parts.take(an_outer(4), np.array([3, 0]))

    assert taken.ages.tolist() == [3, 0]
    assert taken.inner.values.tolist() == [[3.0, 0.0], [7.0, 4.0]]
    assert taken.several[1].values.tolist() == [2.0, -1.0]


def test_joined_rows_stand_behind() -> None:
    joined = parts.join(an_outer(1), an_outer(2))

    assert joined.ages.tolist() == [0, 0, 1]
    assert joined.several[0].values.shape == (2, 3)


def test_what_is_stored_comes_back() -> None:
    stored = parts.stored(parts.dump(an_outer(3)))

    again = parts.fill(an_outer(3), stored)

    assert list(stored) == ["ages", "inner.values", "several.0.values", "several.1.values"]
    np.testing.assert_array_equal(again.several[0].values, an_outer(3).several[0].values)
    again.ages += 1


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"inner\.values: need float64\(2, 3\), got nothing"):
        parts.fill(an_outer(3), {"ages": np.arange(3)})


def test_the_size_is_that_of_all_arrays() -> None:
    assert parts.size_bytes(an_outer(3)) == 8 * (3 + 6 + 6 + 3)
