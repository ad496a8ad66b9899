"""What an agent reads beside an instance: its log lines, and what it exports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from streams.agent.exports import Exports
from streams.agent.follow import Follower
from streams.agent.line import level_of, time_of
from streams.partition import application_key
from streams.records.log import LogLine
from streams.records.metadata import Metadata, metadata_key
from streams.records.record import Record
from streams.topics import LOGS, METADATA, Topic

LINES = 1000
"""Lines published per look, of all files together."""


class Publish(Protocol):
    """Where records go; :class:`streams.publisher.Publisher` is one."""

    def publish(self, topic: Topic, record: Record | bytes, *, key: bytes, owner: bytes | None = None) -> None:
        """Take a record, or one that is written already; must not wait.

        ``owner`` decides the partition when that is not ``key``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose agent this is."""

    tenant: str
    application: str
    cluster: str
    member: str


class Beside:
    """Publishes what one instance writes. ``now`` is the time of day (s since the Unix epoch)."""

    def __init__(
        self,
        identity: Identity,
        *,
        publisher: Publish,
        now: Callable[[], float],
        logs: Sequence[Follower] = (),
        exports: Exports | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self._identity = identity
        self._publisher = publisher
        self._now, self._zone = now, zone
        self._logs, self._exports = tuple(logs), exports
        self._key = application_key(identity.tenant, identity.application)

    @property
    def has_logs(self) -> bool:
        """Say whether there are logs to look at."""
        return bool(self._logs)

    def read(self) -> None:
        """Publish new lines of the logs, each file its share."""
        if not self._logs:
            return
        share = max(LINES // len(self._logs), 1)
        for log in self._logs:
            for text in log.lines(share):
                self._publisher.publish(LOGS, self._line(log.name, text), key=self._identity.member.encode())

    def export(self) -> None:
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
