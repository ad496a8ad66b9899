"""Write the topics to a file as they come: what ``pileus replay`` reads."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO

import msgspec
from aiokafka.structs import ConsumerRecord

from config.settings import Settings
from streams.follow import Follower
from streams.recording import SETTINGS, Line, write
from streams.records.columns import as_columns, unpack_all
from streams.records.packed import MAGIC
from streams.records.record import encode
from streams.topics import (
    CONTROL,
    DECISIONS,
    DEFINITIONS,
    FORECASTS,
    HISTORY,
    INSTANCES,
    MEMBERS,
    SAMPLES,
    SHADOW,
    Topic,
)

RECORDED = (DEFINITIONS, INSTANCES, MEMBERS, CONTROL, HISTORY, SAMPLES, FORECASTS, DECISIONS, SHADOW)
"""What a decision hangs on, and what came of it."""


class Recorder:
    """Writes every message of the recorded topics to a file, the settings first."""

    def __init__(self, out: BinaryIO, settings: Settings, *, topics: Iterable[Topic] = RECORDED) -> None:
        self._out = out
        self._topics = tuple(topics)
        self._settings = settings
        self.count = 0
        self._write(Line(topic=SETTINGS, partition=0, offset=0, at=0.0, value=msgspec.json.encode(settings).decode()))

    def follower(self) -> Follower:
        """Return what feeds this recorder."""
        return follower_of(self._settings, self._topics, self.take)

    def take(self, message: ConsumerRecord) -> None:
        """Write one message."""
        self._write(line_of(message))
        self.count += 1

    def _write(self, line: Line) -> None:
        self._out.write(write(line))


def follower_of(settings: Settings, topics: Iterable[Topic], take: Callable[[ConsumerRecord], object]) -> Follower:
    """Return what hands every message of some topics over, from the beginning on."""
    return Follower(
        settings.broker, {(t.name, p): take for t in topics for p in range(t.partitions or settings.partitions)}
    )


def line_of(message: ConsumerRecord) -> Line:
    """Return a message as a recording has it."""
    return Line(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        at=message.timestamp / 1000.0,
        key=(message.key or b"").decode(errors="replace"),
        value=_text(message.value or b""),
    )


def _text(value: bytes) -> str:
    """Return a message as a recording has it: binary columns as the JSON that says the same."""
    if value.startswith(MAGIC):
        with suppress(ValueError):  # whoever replays what cannot be read refuses it, as the worker did
            return encode(as_columns(*unpack_all(value))).decode()
    return value.decode(errors="replace")
