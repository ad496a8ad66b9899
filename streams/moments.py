"""Times and durations as operators write and read them. Pure: the present is an argument."""

import math
import re
from datetime import UTC, datetime, timedelta

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?Z?")


def duration(text: str) -> float:
    """Return how long ``90s``, ``30m``, ``2h``, ``1d`` or ``1h30m`` is (s).

    Raises
    ------
    ValueError
        It is no duration, or none at all.
    """
    parts = DURATION.findall(text)
    seconds = math.fsum(float(number) * UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < seconds < math.inf:
        raise ValueError(f"'{text}' must be a duration as 90s, 30m, 2h, 1d or 1h30m")
    return seconds


def moment(text: str, *, now: float) -> float:
    """Return the time that a text means (s since the Unix epoch).

    ISO 8601, UTC when no zone is named; ``12:04:30`` of today or, if that is still to come, of yesterday; seconds
    since the Unix epoch.

    Raises
    ------
    ValueError
        It is none of these.
    """
    today = datetime.fromtimestamp(now, UTC)
    try:
        if found := CLOCK.fullmatch(text):
            hour, minute, second = (int(part or 0) for part in found.groups())
            given = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return (given if given <= today else given - timedelta(days=1)).timestamp()
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    except ValueError as error:
        raise ValueError(f"'{text}' must be a time as 2026-06-03T12:04:30Z or 12:04:30") from error


def written(at: float) -> str:
    """Write a time (s since the Unix epoch): date and time, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(at: float, *, beside: float) -> str:
    """Write a time without its date when it is that of another one."""
    text = written(at)
    day, _, time = text.partition("T")
    return time if written(beside).startswith(day) else text
