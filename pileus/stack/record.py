"""Write the topics to a file as they come: what ``pileus replay`` reads."""

from collections.abc import Iterable
from typing import BinaryIO

import msgspec
from aiokafka.structs import ConsumerRecord

from config.settings import Settings
from streams.follow import Follower
from streams.recording import SETTINGS, Line, write
from streams.topics import (
    CONTROL,
    DECISIONS,
    DEFINITIONS,
    FORECASTS,
    INSTANCES,
    MEMBERS,
    SAMPLES,
    SHADOW,
    Topic,
)

RECORDED = (DEFINITIONS, INSTANCES, MEMBERS, CONTROL, SAMPLES, FORECASTS, DECISIONS, SHADOW)
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
        partitions = {t: t.partitions or self._settings.partitions for t in self._topics}
        return Follower(
            self._settings.broker, {(t.name, p): self.take for t, count in partitions.items() for p in range(count)}
        )

    def take(self, message: ConsumerRecord) -> None:
        """Write one message."""
        self._write(
            Line(
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                at=message.timestamp / 1000.0,
                key=(message.key or b"").decode(errors="replace"),
                value=(message.value or b"").decode(errors="replace"),
            )
        )
        self.count += 1

    def _write(self, line: Line) -> None:
        self._out.write(write(line))
