"""What members add up to, period by period."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.totals import Totals
from streams.window import Floats, Grid

N, PERIODS, MEMBERS = 4, 2, 5
SIZES = np.array([2, 0, 3])
START = np.array([0.0, 0.0, 0.0, 25.0, np.inf])
END = np.array([np.inf, 65.0, np.inf, np.inf, np.inf])
Change = tuple[int, int, float]


def totals() -> Totals:
    return Totals(SIZES, START, END)


def over(of: Totals, first: int, means: Floats, stamps: list[object]) -> tuple[list[list[float]], list[int]]:
    """Return what is found for the periods from ``first`` on, of lines that begin with period 0."""
    lines = slice(first - PERIODS, first + N)
    total, known = of.over(Grid(first, N, 10.0), means[lines].copy(), stamps[lines], PERIODS)
    return [each.tolist() for each in total], known


def test_only_who_served_counts_and_who_is_not_known_counts_as_the_others() -> None:
    means = np.tile([1.0, 3.0, 10.0, 20.0, 40.0], (PERIODS + N, 1))
    means[2:, 1] = np.nan  # held for two periods

    (two, none, three), known = over(totals(), 2, means, [object()] * len(means))

    assert two == [4.0, 4.0, 2.0, 2.0]
    assert np.isnan(none).all()
    assert three == [30.0, 30.0, 30.0, 30.0]
    assert known == [1, 0, 2]


def test_a_period_is_summed_once() -> None:
    means, stamps, of = np.ones((PERIODS + N, MEMBERS)), [object() for _ in range(PERIODS + N)], totals()
    over(of, 2, means, stamps)

    assert over(of, 2, means + 1.0, stamps)[0][0] == [2.0, 2.0, 2.0, 2.0]
    assert over(of, 2, means + 1.0, [*stamps[:-1], object()])[0][0] == [2.0, 2.0, 2.0, 4.0]


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.integers(0, 11), st.integers(0, MEMBERS - 1), st.sampled_from([0.1, 0.3, 7.0, np.nan])),
                max_size=4,
            ),
            st.integers(PERIODS, 8),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_was_summed_before_changes_nothing(ticks: list[tuple[list[Change], int]]) -> None:
    means, stamps, of = np.full((12, MEMBERS), np.nan), [object() for _ in range(12)], totals()
    for changes, first in ticks:
        for number, member, value in changes:
            means[number, member], stamps[number] = value, object()

        assert str(over(of, first, means, stamps)) == str(over(totals(), first, means, stamps))
