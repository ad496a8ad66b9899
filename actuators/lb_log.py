"""Follow one partition of ``pileus.members`` in a thread of its own, with kafka-python and without a group."""

import itertools
import socket
import threading
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from actuators.lb_members import MembersFold, Seen
from streams.producer import no_topics
from streams.topics import MEMBERS

POLL_MS = 500
POLLS_UNTIL_TOLD = 20
"""Polls after which a log that cannot be read to its end is worth a warning."""
PAUSE_S = 0.5
"""Rest after a failure (s)."""
CONNECT_S = 1.0
JOIN_S = 3.0

log = structlog.get_logger()


class MembersLog:
    """Feeds a fold, from the beginning of the partition, and stays with it. The broker may come and go."""

    def __init__(self, broker: str, fold: MembersFold, *, partition: int) -> None:
        self._addresses = [address.strip() for address in broker.split(",") if address.strip()]
        self._fold = fold
        self._where = TopicPartition(MEMBERS.name, partition)
        self._next = 0
        self._seen = fold.seen(revision=0, complete=False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="members", daemon=True)

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join(JOIN_S)

    def seen(self) -> Seen:
        """Return what was read so far."""
        return self._seen

    def _run(self) -> None:
        """Read until stopped; after a failure on a new connection, from where it stopped."""
        before = ""
        while not self._stop.is_set():
            try:
                self._follow()
            except (KafkaError, OSError, ValueError) as error:
                if (reason := repr(error)) != before:
                    log.warning("cannot read the members now, nothing changes", error=reason)
                before = reason
                self._stop.wait(PAUSE_S)

    def _follow(self) -> None:
        """Read on one connection until stopped."""
        consumer = self._connect()
        try:
            consumer.assign([self._where])
            consumer.seek(self._where, self._next)
            for polls in itertools.count(1):
                if self._stop.is_set():
                    return
                records = consumer.poll(timeout_ms=POLL_MS).get(self._where, [])
                self._read(records)
                self._publish(consumer, changed=bool(records))
                if polls == POLLS_UNTIL_TOLD and not self._seen.complete:
                    log.warning("the members are not read yet, nothing changes", partition=self._where.partition)
        finally:
            consumer.close(timeout_ms=1000)

    def _read(self, records: list[Any]) -> None:
        """Feed the fold; say when it could not read something."""
        before = self._fold.rejected
        for record in records:
            self._fold.read(record.offset, record.key, record.value)
        if self._fold.rejected > before:
            log.warning("members that cannot be read are ignored", count=self._fold.rejected)

    def _publish(self, consumer: Any, *, changed: bool) -> None:
        """Let others see what was read. The end is the fetch's high watermark: right on every broker."""
        position = consumer.position(self._where, timeout_ms=1000)
        end = consumer.highwater(self._where)
        if position is None or end is None:
            return
        complete = self._seen.complete or position >= end
        if complete and not self._seen.complete:
            log.info("the members are read", revision=position)
        if changed or position != self._next or complete != self._seen.complete:
            self._seen = self._fold.seen(revision=position, complete=complete)
        self._next = position

    def _connect(self) -> Any:
        """Connect; kafka-python leaks sockets when nobody is there, so the address is tried first."""
        errors: list[str] = []
        for address in self._addresses:
            host, _, port = address.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
            except OSError as error:
                errors.append(f"{address}: {error}")
                continue
            return KafkaConsumer(
                bootstrap_servers=self._addresses,
                client_id="pileus-lb-agent",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                kafka_client=no_topics,
                reconnect_backoff_max_ms=1000,
                metrics_enabled=False,
            )
        raise ConnectionError(f"no broker: {'; '.join(errors) or 'no address'}")
