"""Find time and level in a line of a log. What a line does not say stays unsaid."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

HEAD = 160
"""Time and level are looked for in so many characters."""
AHEAD_S = 86_400.0
"""A time further in the future than this is no time of this line (s)."""

ISO = re.compile(
    r"(?<!\d)(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?(?!\d)",
)
COMMON = re.compile(r"\[(\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
SYSLOG = re.compile(r"^(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d)\b")
EPOCH = re.compile(
    r"(?:^\[?|\"(?:ts|time|timestamp)\":\s?\"?|\b(?:ts|time|timestamp)=)(?:(\d{10}(?:\.\d{1,9})?)|(\d{13}))(?![\d.])",
)
LEVEL_NAMES = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|CRITICAL|CRIT|FATAL|ALERT|EMERG|PANIC"
LEVEL = re.compile(
    rf"\b({LEVEL_NAMES})\b"  # a bare word must be in capitals: prose has "error" too
    rf"|(?i:\"?\b(?:level|lvl|severity)\"?\s?[=:]\s?\"?({LEVEL_NAMES})\b)"
    rf"|[\[<(](?i:({LEVEL_NAMES}))[\])>]"
    rf"|(?:^|\s)(?i:({LEVEL_NAMES})):(?=\s)",
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def level_of(text: str) -> str:
    """Return the level as the line has it, upper case; empty when it has none."""
    found = LEVEL.search(text, 0, HEAD)
    return next((word for word in found.groups() if word), "").upper() if found else ""


def time_of(text: str, *, read_at: float, zone: tzinfo | None = None) -> float:
    """Return the time in the line (s since the Unix epoch), ``read_at`` when it has none that can be.

    Understood: ISO 8601 (space or ``T``, comma or point), common log format, syslog (without a year: the
    last one that fits), Unix seconds or milliseconds at the start or after ``ts`` / ``time``. A time without
    a zone is of ``zone``; ``None`` is this machine's.
    """
    head = text[:HEAD]
    for read in (_iso, _common, _syslog, _epoch):
        try:
            at = read(head, read_at, zone)
        except (ValueError, OverflowError, OSError):  # the 31st of February, the year 0
            continue
        if at is not None and 0 <= at <= read_at + AHEAD_S:
            return at
    return read_at


def _iso(head: str, _read_at: float, zone: tzinfo | None) -> float | None:
    """Read ISO 8601."""
    found = ISO.search(head)
    if not found:
        return None
    day, clock, fraction, offset = found.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}{offset or ''}")
    return _stamp(moment, zone) + float(f"0.{fraction or 0}")


def _common(head: str, _read_at: float, zone: tzinfo | None) -> float | None:
    """Read the common log format of web servers."""
    found = COMMON.search(head)
    if not found:
        return None
    day, month, rest = found[1].split("/")
    year, _, clock = rest.partition(":")
    clock, offset = clock.split(" ")
    return _stamp(datetime.fromisoformat(f"{year}-{_month(month)}-{int(day):02}T{clock}{offset}"), zone)


def _syslog(head: str, read_at: float, zone: tzinfo | None) -> float | None:
    """Read RFC 3164: the year is the one that puts it closest before the time of reading."""
    found = SYSLOG.search(head)
    if not found:
        return None
    month, day, clock = _month(found[1]), int(found[2]), found[3]
    newest = (datetime.fromtimestamp(read_at, tz=UTC) + timedelta(days=1)).year
    for year in (newest, newest - 1):
        at = _stamp(datetime.fromisoformat(f"{year}-{month}-{day:02}T{clock}"), zone)
        if at <= read_at + AHEAD_S:
            return at
    return None


def _epoch(head: str, _read_at: float, _zone: tzinfo | None) -> float | None:
    """Read Unix time in seconds or milliseconds."""
    found = EPOCH.search(head)
    if not found:
        return None
    return float(found[1]) if found[1] else int(found[2]) / 1000.0


def _stamp(moment: datetime, zone: tzinfo | None) -> float:
    """Return seconds since the Unix epoch."""
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.timestamp()


def _month(name: str) -> str:
    """Return the month's number, two digits.

    Raises
    ------
    ValueError
        There is no such month.
    """
    return f"{MONTHS.index(name) + 1:02}"
