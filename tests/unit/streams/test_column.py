"""A column gives back every bit, whatever the numbers are, and takes little room for those that have few digits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.column import Ascending, Column, Packed

numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(0, 10**6).map(float),
    st.integers(0, 10**6).map(lambda n: n / 100.0),
    st.integers(1_700_000_000_000, 1_700_000_900_000).map(lambda n: n / 1000.0),
    st.just(math.nan),
)


@given(st.lists(numbers, max_size=20))
def test_every_bit_comes_back(values: list[float]) -> None:
    column = Column(np.array(values, dtype=np.float64))
    narrow, again = column.narrow(), Column.unpack(column.pack())

    for each in (narrow.values, again.values):
        assert np.array_equal(each, column.values, equal_nan=True)
        assert np.array_equal(np.signbit(each[~np.isnan(each)]), np.signbit(column.values[~np.isnan(each)]))
    assert narrow.pack() == column.pack() == again.pack()


@pytest.mark.parametrize(
    ("values", "bytes_each"),
    [
        pytest.param([1.0, 2.0, math.nan], 1, id="whole numbers and none"),
        pytest.param([12.34, 99.99, 0.0], 2, id="hundredths"),
        pytest.param([1.7e9 + 0.001, 1.7e9 + 14.999], 2, id="times to a millisecond"),
        pytest.param([0.1234567, 3.0], 8, id="many digits"),
        pytest.param([-0.0, 1.0], 8, id="a negative zero"),
        pytest.param([math.inf, 1.0], 8, id="infinity"),
    ],
)
def test_how_much_room_it_takes(values: list[float], bytes_each: int) -> None:
    assert Column(np.array(values)).narrow().raw.itemsize == bytes_each


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(Packed("<i8", 1.0, 0.0, b"12345678"), id="another type"),
        pytest.param(Packed("<f8", 1.0, 0.0, b"12345678"), id="numbers over a scale"),
        pytest.param(Packed("<u2", 100.0, 0.0, b"123"), id="half a number"),
    ],
)
def test_what_is_no_column_is_refused(packed: Packed) -> None:
    with pytest.raises(ValueError, match=r"column|reshape"):
        Column.unpack(packed)


@given(st.lists(st.integers(0, 2**31 - 1), max_size=40).map(sorted))
def test_every_number_that_does_not_descend_comes_back(numbers: list[int]) -> None:
    wide = Ascending(np.array(numbers, dtype=np.int32))

    narrow = wide.narrow()

    assert narrow.values.tolist() == wide.values.tolist() == numbers
    assert (narrow.size, narrow.values.dtype) == (len(numbers), np.dtype(np.int32))
    assert narrow.narrow() is narrow or narrow is wide


@pytest.mark.parametrize(
    ("numbers", "bytes_each"),
    [
        pytest.param([1000, 1001, 1001, 1256], 1, id="near to each other"),
        pytest.param([1000, 1256], 4, id="one too far"),
        pytest.param([], 4, id="none"),
    ],
)
def test_how_much_room_ascending_numbers_take(numbers: list[int], bytes_each: int) -> None:
    assert Ascending(np.array(numbers, dtype=np.int32)).narrow().raw.itemsize == bytes_each
