"""*Known days*: events to come, that multiply the load, and bad days, that say nothing of the days after them."""

from datetime import datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from config.cluster import LEAST_FACTOR, MOST_FACTOR
from config.definition import Definition, Number, Text
from config.schedule import Zone

MOST = 100
"""Entries of each kind."""
FIRST_YEAR, LAST_YEAR = 1971, 4999


def _moment(text: str) -> str:
    try:
        year = datetime.fromisoformat(text).year
    except ValueError as error:
        raise ValueError("must be a time as 2026-12-01T09:00, 2026-12-01T09:00:00+01:00 or 2026-12-01") from error
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"must lie within the years {FIRST_YEAR} and {LAST_YEAR}")
    return text


Moment = Annotated[Text, AfterValidator(_moment)]
"""RFC 3339, or a local time without an offset; without a time of day: the day's begin."""


class BadDay(Definition):
    """A time that is not to be learnt from: an outage, a broken meter. It may be over already."""

    name: Annotated[Text, Field(max_length=100)] = ""
    start: Moment
    """When it begins."""
    end: Moment
    """When it is over."""
    timezone: Zone = "UTC"
    """Of times that name no offset."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        first, last = self.span()
        if not first < last:
            raise ValueError(f"end = {self.end} must be after start = {self.start}")
        return self

    def span(self) -> tuple[float, float]:
        """Return start and end (s since the Unix epoch).

        A local time that the clocks leave out counts as long after the change as it lies in the gap; one that they
        repeat counts the first time.
        """
        return self._at(self.start), self._at(self.end)

    def _at(self, text: str) -> float:
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=ZoneInfo(self.timezone))).timestamp()


class Event(BadDay):
    """A time in which the load is expected to be a multiple of what it would be otherwise."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    """What decisions call it."""
    factor: Annotated[Number, Field(ge=LEAST_FACTOR, le=MOST_FACTOR)]
    """What the load is multiplied by; below 1 on a quiet day. Events at the same time multiply."""


class Calendar(Definition):
    """What is known of days that are not as others."""

    events: Annotated[tuple[Event, ...], Field(max_length=MOST)] = ()
    bad_days: Annotated[tuple[BadDay, ...], Field(max_length=MOST)] = ()
    """What seasons learn nothing from."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        spans = [(*each.span(), each.factor) for each in self.events]
        for event in self.events:
            begin, together = event.span()[0], 1.0
            for start, end, factor in spans:
                together *= factor if start <= begin < end else 1.0
            if not LEAST_FACTOR <= together <= MOST_FACTOR:
                said = f"events that hold at {event.start} multiply to {together:g}"
                raise ValueError(f"{said}, must lie within {LEAST_FACTOR:g} and {MOST_FACTOR:g}")
        return self
