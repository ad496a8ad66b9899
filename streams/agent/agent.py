"""The loop of the cartridge agent: measure, ask, read, export, publish; at fixed times, until told to stop."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from streams.agent.exports import Exports
from streams.agent.follow import Follower
from streams.agent.line import level_of, time_of
from streams.agent.measure import Source
from streams.partition import application_key, murmur2
from streams.records.log import LogLine
from streams.records.metadata import Metadata, metadata_key
from streams.records.record import Record
from streams.records.sample import Health
from streams.topics import LOGS, METADATA, SAMPLES, Topic

LOOK_S = 0.5
"""Log files are looked at so often (s)."""
LINES = 1000
"""Lines published per look, of all files together."""
GONE_S = 3.0
"""An agent ends when its instance has been gone so long (s)."""


class Publish(Protocol):
    """Where records go; :class:`streams.publisher.Publisher` is one."""

    def publish(self, topic: Topic, record: Record, *, key: bytes, owner: bytes | None = None) -> None:
        """Take a record; must not wait. ``owner`` decides the partition when that is not ``key``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose agent this is."""

    tenant: str
    application: str
    cluster: str
    member: str


def phase_of(member: str, interval_s: float) -> float:
    """Return when within an interval this member samples (s): members spread, each stays where it is."""
    return murmur2(member.encode()) / 2**32 * interval_s


def next_due(now: float, *, interval_s: float, phase_s: float) -> float:
    """Return the first time after ``now`` of the form ``k * interval + phase`` (s)."""
    due = math.floor((now - phase_s) / interval_s + 1.0) * interval_s + phase_s
    return due if due > now else due + interval_s


class Agent:
    """Measure one instance until it is gone.

    ``now`` is the time of day (s since the Unix epoch) that samples carry, ``clock`` a monotonic time (s)
    that differences are taken of.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        source: Source,
        publisher: Publish,
        interval_s: float,
        now: Callable[[], float],
        clock: Callable[[], float],
        probe: Callable[[], bool] | None = None,
        logs: Sequence[Follower] = (),
        exports: Exports | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self._identity = identity
        self._source, self._probe, self._logs = source, probe, tuple(logs)
        self._exports = exports
        self._publisher = publisher
        self._interval_s = interval_s
        self._phase_s = phase_of(identity.member, interval_s)
        self._now, self._clock, self._zone = now, clock, zone
        self._key = application_key(identity.tenant, identity.application)
        self._gone_since: float | None = None

    def run(self, wait: Callable[[float], bool]) -> None:
        """Go on until ``wait(seconds)`` says True (stop) or the instance has been gone for ``GONE_S``."""
        due = self._next(self._now())
        while not wait(self._delay(due)):
            now = self._now()
            if due - now > self._interval_s:  # the clock was set back
                due = self._next(now)
            if now >= due:
                self._sample(now)
                due = self._next(max(self._now(), due))
            self._read()
            self._export()
            if self._gone_since is not None and self._clock() - self._gone_since >= GONE_S:
                break
        self._read()

    def _next(self, now: float) -> float:
        """Return when the next sample is due."""
        return next_due(now, interval_s=self._interval_s, phase_s=self._phase_s)

    def _delay(self, due: float) -> float:
        """Return how long to wait (s): to the next sample, less when logs or an absent instance want a look."""
        longest = LOOK_S if self._logs or self._gone_since is not None else self._interval_s
        return min(max(due - self._now(), 0.0), longest)

    def _sample(self, now: float) -> None:
        """Measure and publish one sample."""
        usage = self._source.measure(self._clock())
        if usage.present:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = self._clock()
        who = self._identity
        sample = Health(
            tenant=who.tenant,
            application=who.application,
            cluster=who.cluster,
            member=who.member,
            at=now,
            load_average=usage.load_average,
            memory_consumption=usage.memory_consumption,
            healthy=self._probe() if self._probe else None,
        )
        self._publisher.publish(SAMPLES, sample, key=self._key)

    def _read(self) -> None:
        """Publish new lines of the logs, each file its share."""
        if not self._logs:
            return
        share = max(LINES // len(self._logs), 1)
        for log in self._logs:
            for text in log.lines(share):
                self._publisher.publish(LOGS, self._line(log.name, text), key=self._identity.member.encode())

    def _export(self) -> None:
        """Publish what the instance exports anew."""
        if self._exports is None:
            return
        who = self._identity
        for name, value in self._exports.look().items():
            record = Metadata(
                tenant=who.tenant,
                application=who.application,
                name=name,
                value=value,
                member=who.member,
                at=self._now(),
            )
            key = metadata_key(who.tenant, who.application, name).encode()
            self._publisher.publish(METADATA, record, key=key, owner=self._key)

    def _line(self, source: str, text: str) -> LogLine:
        """Make a record of one line."""
        who = self._identity
        return LogLine(
            tenant=who.tenant,
            application=who.application,
            cluster=who.cluster,
            member=who.member,
            at=time_of(text, read_at=self._now(), zone=self._zone),
            level=level_of(text),
            text=text,
            source=source,
        )
