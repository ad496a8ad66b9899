"""A recording: the topics as they were, one JSON line per message. What replay reads."""

from collections.abc import Iterable, Iterator

import msgspec

from config.settings import Settings

SETTINGS = "settings"
"""The topic of the line that holds the settings that were in force; no topic of Kafka."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it stood in Kafka. ``value`` is its JSON, to the letter."""

    topic: str
    partition: int
    offset: int
    at: float
    """When it was written to Kafka (s since the Unix epoch)."""
    key: str = ""
    value: str = ""


_LINE = msgspec.json.Decoder(Line)


def lines(text: Iterable[bytes]) -> Iterator[Line]:
    """Read a recording.

    Raises
    ------
    ValueError
        Naming the line that cannot be read.
    """
    for number, raw in enumerate(text, start=1):
        if not raw.strip():
            continue
        try:
            yield _LINE.decode(raw)
        except ValueError as error:
            raise ValueError(f"line {number}: must be a message as 'pileus record' writes it: {error}") from error


def write(line: Line) -> bytes:
    """Return one line of a recording."""
    return msgspec.json.encode(line) + b"\n"


def recorded_settings(recording: Iterable[Line]) -> Settings:
    """Return the settings that were in force.

    Raises
    ------
    ValueError
        When the recording holds none.
    """
    for line in recording:
        if line.topic == SETTINGS:
            return msgspec.json.decode(line.value, type=Settings)
    raise ValueError("no line with the settings: is this a recording of 'pileus record' or 'pileus run --record'?")
