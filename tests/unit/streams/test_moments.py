"""Times and durations as operators write them."""

import pytest

from streams.moments import clock, duration, moment, written

NOW = 1_780_488_240.0
"""2026-06-03T12:04:00Z."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("1d", 86400.0), ("1h30m", 5400.0), ("0.5h", 1800.0)],
)
def test_a_duration(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-1h", "0s", "1h30", "2w", "1h-30m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration as 90s"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-06-03T12:00:00Z", "2026-06-03T12:00:00Z", id="UTC"),
        pytest.param("2026-06-03T12:00:00", "2026-06-03T12:00:00Z", id="no zone is UTC"),
        pytest.param("2026-06-03T14:00:00+02:00", "2026-06-03T12:00:00Z", id="another zone"),
        pytest.param("2026-06-03", "2026-06-03T00:00:00Z", id="a day is its beginning"),
        pytest.param("12:03", "2026-06-03T12:03:00Z", id="today"),
        pytest.param("12:04:30", "2026-06-02T12:04:30Z", id="later than now is yesterday"),
        pytest.param("1780488000.5", "2026-06-03T12:00:00Z", id="seconds"),
    ],
)
def test_a_moment(text: str, expected: str) -> None:
    assert written(moment(text, now=NOW)) == expected


@pytest.mark.parametrize("text", ["noon", "25:00", "2026-13-01", "12.30.00"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time as"):
        moment(text, now=NOW)


def test_the_date_is_written_when_it_is_another_one() -> None:
    assert (clock(NOW + 60.0, beside=NOW), clock(NOW + 86_400.0, beside=NOW)) == ("12:05:00Z", "2026-06-04T12:04:00Z")
