"""Read the topics from the broker as a recording, the whole of them or the ticks of a time range."""

import asyncio
import math

import msgspec
from aiokafka.structs import ConsumerRecord

from config.settings import Settings
from pileus.stack.broker import answers
from pileus.stack.record import RECORDED, follower_of, line_of
from streams.moments import written
from streams.recording import SETTINGS, Line
from streams.records.record import UNREADABLE
from streams.topics import DECISIONS, FORECASTS, SAMPLES, SHADOW

FETCH_S = 600.0
"""How long the reading may take."""


class FetchError(Exception):
    """The topics cannot be read; the message says what, and the bound."""


class _Ticked(msgspec.Struct):
    """A record of a tick, as far as its time."""

    at: float


_TICKED = msgspec.json.Decoder(_Ticked)


async def fetch(settings: Settings, *, since: float | None = None, until: float | None = None) -> list[Line]:
    """Return what stands in the topics now, the settings first.

    With ``since`` or ``until`` (s since the Unix epoch) forecasts and decisions of the ticks in [since, until) alone,
    and no samples: what the forecasts hang on lies before.

    Raises
    ------
    FetchError
        No broker, too slow a broker, or no decision in the range.
    """
    begin, end = since if since is not None else -math.inf, until if until is not None else math.inf
    if begin >= end:
        raise FetchError(f"--since {written(begin)} must be before --until {written(end)}")
    if not answers(settings.broker):
        raise FetchError("no Kafka answers")
    whole = since is None and until is None
    lines = [Line(topic=SETTINGS, partition=0, offset=0, at=0.0, value=msgspec.json.encode(settings).decode())]

    def take(message: ConsumerRecord) -> None:
        if message.topic not in {FORECASTS.name, DECISIONS.name, SHADOW.name} or begin <= _tick(message) < end:
            lines.append(line_of(message))

    topics = [topic for topic in RECORDED if whole or topic != SAMPLES]
    try:
        async with asyncio.timeout(FETCH_S), follower_of(settings, topics, take) as follower:
            await follower.caught_up()
    except TimeoutError as error:
        raise FetchError(f"not read within {FETCH_S:g} s; what was read: {len(lines) - 1} messages") from error
    if not any(line.topic == DECISIONS.name for line in lines):
        raise FetchError("no decision" if whole else f"no decision {_range(since, until)}")
    return lines


def _tick(message: ConsumerRecord) -> float:
    """Return the time of a record's tick; what cannot be read is not of any tick."""
    try:
        return _TICKED.decode(message.value or b"").at
    except UNREADABLE:
        return math.nan


def _range(since: float | None, until: float | None) -> str:
    """Write a range for people."""
    begin = "" if since is None else f"since {written(since)}"
    return f"{begin} until {written(until)}".strip() if until is not None else begin
