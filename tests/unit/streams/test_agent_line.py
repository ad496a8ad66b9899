"""Time and level of a line: as it says them, and nothing it does not say."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agent.line import level_of, time_of

READ = datetime(2024, 5, 2, 8, 0, tzinfo=UTC).timestamp()
LAST_YEAR = datetime(2023, 12, 31, 12, tzinfo=UTC).timestamp()
NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC).timestamp()


# fmt: off
@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("2024-05-01T12:00:00Z started", NOON, id="ISO 8601 in UTC"),
        pytest.param("2024-05-01T14:00:00+02:00 started", NOON, id="ISO 8601 with an offset"),
        pytest.param("2024-05-01T12:00:00.250Z started", NOON + 0.25, id="fraction after a point"),
        pytest.param("2024-05-01 12:00:00,250 INFO started", NOON + 0.25, id="fraction after a comma"),
        pytest.param("2024-05-01T12:00:00.123456789Z x", NOON + 0.123456789, id="nanoseconds"),
        pytest.param("[2024-05-01 14:00:00 +0200] [12] [INFO] Booting", NOON, id="gunicorn"),
        pytest.param('{"level":"info","time":"2024-05-01T12:00:00Z","msg":"up"}', NOON, id="JSON with an ISO time"),
        pytest.param("<165>1 2024-05-01T12:00:00.25Z host app - - - x", NOON + 0.25, id="RFC 5424"),
        pytest.param('10.0.0.9 - - [01/May/2024:14:00:00 +0200] "GET / HTTP/1.1" 200 5', NOON, id="common log format"),
        pytest.param("May  1 12:00:00 host app[7]: x", NOON, id="syslog, this year"),
        pytest.param("<13>May 1 12:00:00 host app[7]: x", NOON, id="syslog with priority"),
        pytest.param("Dec 31 12:00:00 host app[7]: x", LAST_YEAR, id="syslog, last year"),
        pytest.param(f"{int(NOON)} started", NOON, id="Unix seconds"),
        pytest.param(f"{int(NOON)}.5 started", NOON + 0.5, id="Unix seconds with a fraction"),
        pytest.param(f"{int(NOON)}250 started", NOON + 0.25, id="Unix milliseconds"),
        pytest.param(f"level=info ts={int(NOON)}.5 msg=x", NOON + 0.5, id="logfmt"),
        pytest.param(f'{{"ts":{int(NOON)}.5,"msg":"x"}}', NOON + 0.5, id="JSON with Unix seconds"),
        pytest.param("no time at all", READ, id="none"),
        pytest.param("2024-02-31T12:00:00Z x", READ, id="a day that is none"),
        pytest.param("2024-05-01T25:00:00Z x", READ, id="an hour that is none"),
        pytest.param("Foo  1 12:00:00 host x", READ, id="a month that is none"),
        pytest.param("2034-05-01T12:00:00Z x", READ, id="a time far ahead"),
        pytest.param("order 1714564800 was paid", READ, id="a number in the text"),
        pytest.param("x" * 200 + " 2024-05-01T12:00:00Z", READ, id="a time far behind in the line"),
        pytest.param("2034-05-01T12:00:00Z at 1714564800", READ, id="the first that is understood decides"),
    ],
)
def test_time(text: str, at: float) -> None:
    assert time_of(text, read_at=READ, zone=UTC) == pytest.approx(at, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        pytest.param("2024-05-01 12:00:00,250 WARNING slow", "WARNING", id="a word in capitals"),
        pytest.param("[info] up", "INFO", id="in brackets"),
        pytest.param('{"level": "error", "msg": "x"}', "ERROR", id="JSON"),
        pytest.param("ts=1 level=warn msg=x", "WARN", id="logfmt"),
        pytest.param("error: cannot open", "ERROR", id="before a colon"),
        pytest.param("12:00 severity=CRITICAL x", "CRITICAL", id="severity"),
        pytest.param("an error happened while the info page was loading", "", id="prose has none"),
        pytest.param("GET /INFORMATION 200", "", id="part of a word"),
        pytest.param("x" * 200 + " ERROR", "", id="far behind in the line"),
        pytest.param("INFO then ERROR", "INFO", id="the first"),
    ],
)
def test_level(text: str, level: str) -> None:
    assert level_of(text) == level
# fmt: on


def test_a_time_without_zone_is_of_the_zone_given() -> None:
    assert time_of("2024-05-01 14:00:00 x", read_at=READ, zone=timezone(timedelta(hours=2))) == NOON


@given(st.text(max_size=300))
def test_any_line_has_a_time_that_can_be(text: str) -> None:
    assert 0 <= time_of(text, read_at=READ, zone=UTC) <= READ + 86_400


@given(st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d{1,9})?(Z|[+-]\d\d:\d\d)?", fullmatch=True))
def test_any_digits_have_a_time_that_can_be(text: str) -> None:
    assert 0 <= time_of(text, read_at=READ, zone=UTC) <= READ + 86_400
