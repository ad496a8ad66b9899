"""A *schedule* sets other bounds while it holds: from one cron time to another, in a time zone."""

import re
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from config.definition import Definition, Text, Whole

FIELDS: tuple[tuple[str, int, int], ...] = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
"""The five fields of cron, with their bounds; Sunday is 0 and 7."""
NAMES = {
    "month": ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day of week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
"""Words that may stand for a number, by its place."""
PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?")


def cron(text: str) -> tuple[frozenset[int], ...]:
    """Return the values that each of the five fields allows; Sunday is 0.

    Raises
    ------
    ValueError
        The text is no cron expression: says which field, and its bounds.
    """
    words = text.split()
    if len(words) != len(FIELDS):
        raise ValueError("must have five fields: minute, hour, day of month, month, day of week")
    found = [_values(word, *each) for word, each in zip(words, FIELDS, strict=True)]
    return (*found[:4], frozenset(day % 7 for day in found[4]))


def _values(word: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    """Return what one field allows: ``*``, ``5``, ``1-5``, ``*/15``, ``mon-fri``, joined by commas."""
    values: set[int] = set()
    for part in word.split(","):
        found = PART.fullmatch(part)
        first, last = (lowest, highest) if found and found[1] else (_number(name, found and found[2]), None)
        if found and last is None:
            last = _number(name, found[3]) if found[3] else highest if found[4] else first
        if not found or first is None or last is None or not lowest <= first <= last <= highest:
            raise ValueError(f"{name} '{part}' must lie within {lowest}-{highest}")
        step = int(found[4] or 1)
        if not step:
            raise ValueError(f"{name} '{part}' must have a step of at least 1")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(name: str, word: str | None) -> int | None:
    """Return a number, or that of a month or day by its first three letters."""
    low = (word or "").lower()
    if low.isdecimal():
        return int(low)
    words = NAMES.get(name, ())
    return words.index(low) if low and low in words else None


def _cron_text(text: str) -> str:
    cron(text)
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError("must be a time zone as Europe/Berlin or UTC") from error
    return name


CronText = Annotated[Text, AfterValidator(_cron_text)]
"""Five fields of cron."""
Zone = Annotated[Text, AfterValidator(_zone)]
"""A time zone by its name."""


class Schedule(Definition):
    """Other bounds from ``start`` to ``end``."""

    start: CronText
    """When it begins to hold (cron)."""
    end: CronText
    """When it stops (cron)."""
    timezone: Zone = "UTC"
    min_members: Annotated[Whole, Field(ge=1)] | None = None
    """Instead of ``cartridgeMin``."""
    max_members: Annotated[Whole, Field(ge=1)] | None = None
    """Instead of ``cartridgeMax``."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min_members is None and self.max_members is None:
            raise ValueError("must hold minMembers or maxMembers")
        if self.min_members and self.max_members and self.max_members < self.min_members:
            raise ValueError(f"maxMembers = {self.max_members} must be at least minMembers = {self.min_members}")
        if self.start.split() == self.end.split():
            raise ValueError("must end at another time than it starts")
        return self
