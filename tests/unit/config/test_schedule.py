"""Cron expressions mean what cron has them mean, or are refused with field and bound."""

import pytest

from config.schedule import cron


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        pytest.param("5 * * * *", 0, {5}, id="one value"),
        pytest.param("* * * * *", 1, set(range(24)), id="every value"),
        pytest.param("*/20 * * * *", 0, {0, 20, 40}, id="every twentieth"),
        pytest.param("10/20 * * * *", 0, {10, 30, 50}, id="every twentieth from the tenth on"),
        pytest.param("1-9/4,30 * * * *", 0, {1, 5, 9, 30}, id="a list of a range with step and a value"),
        pytest.param("0 0 1 JAN-mar *", 3, {1, 2, 3}, id="months by name"),
        pytest.param("0 0 * * fri-7", 4, {5, 6, 0}, id="seven is Sunday"),
        pytest.param("0 0 * * sun", 4, {0}, id="Sunday by name"),
    ],
)
def test_a_field_allows(text: str, field: int, values: set[int]) -> None:
    assert cron(text)[field] == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("60 * * * *", "minute '60' must lie within 0-59", id="minute 60"),
        pytest.param("* * 0 * *", "day of month '0' must lie within 1-31", id="day 0"),
        pytest.param("* * * 13 *", "month '13' must lie within 1-12", id="month 13"),
        pytest.param("* * * mon *", "month 'mon' must lie within 1-12", id="a day for a month"),
        pytest.param("9-5 * * * *", "minute '9-5' must lie", id="a range upside down"),
        pytest.param("*/0 * * * *", "must have a step of at least 1", id="no step"),
        pytest.param("a * * * *", "minute 'a' must lie", id="a word"),
        pytest.param(", * * * *", "minute '' must lie", id="an empty item"),
        pytest.param("@daily", "must have five fields", id="a nickname"),
    ],
)
def test_what_is_no_cron_expression_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        cron(text)

    assert message in str(caught.value)
