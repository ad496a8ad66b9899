"""Follow an application's partition of ``pileus.metadata`` in a thread of its own (kafka-python, no group).

The broker holds each fetch back until there is something to read, so following costs next to nothing.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streams.agent.metadata import MetadataFile, MetadataFiles, MetadataFold
from streams.producer import no_topics
from streams.topics import METADATA

POLL_MS = 500
FETCH_MS = 2000
"""How long the broker may hold a fetch back (ms)."""
REQUEST_MS = 10_000
CLOSE_MS = 500
CONNECT_S = 1.0
PAUSE_S = 1.0
"""Rest after the first failure (s); doubles with each further one."""
MAX_PAUSE_S = 30.0


class MetadataLog:
    """Keep a file as the topic has it. The broker may come and go; without it the file stays as it is.

    ``tell`` hears why following does not work when it stops working, and ``""`` when it works again.
    """

    def __init__(
        self,
        broker: str,
        fold: MetadataFold,
        file: MetadataFile | MetadataFiles,
        *,
        partition: int,
        tell: Callable[[str], None],
    ) -> None:
        self._addresses = [address.strip() for address in broker.split(",") if address.strip()]
        self._fold, self._file = fold, file
        self._where = TopicPartition(METADATA.name, partition)
        self._next = 0
        self._complete = False
        self._tell = tell
        self._error = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metadata", daemon=True)

    def start(self) -> None:
        """Begin to follow; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end; returns at once."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its end, for at most so long."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        """Follow until stopped; after a failure on a new connection, from where it stopped."""
        pause_s = PAUSE_S
        while not self._stop.is_set():
            before = self._next
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a client library raises
                self._say(str(error) or type(error).__name__)
                pause_s = PAUSE_S if self._next != before else min(2 * pause_s, MAX_PAUSE_S)
                self._stop.wait(pause_s)

    def _follow(self) -> None:
        """Read on one connection until stopped."""
        consumer = self._connect()
        try:
            consumer.assign([self._where])
            consumer.seek(self._where, self._next)
            while not self._stop.is_set():
                for record in consumer.poll(timeout_ms=POLL_MS).get(self._where, []):
                    self._read(record)
                if self._caught_up(consumer):
                    self._write()
        finally:
            consumer.close(timeout_ms=CLOSE_MS)

    def _read(self, record: Any) -> None:
        """Feed the fold; say when it could not read the first record of many."""
        before = self._fold.rejected
        if record.offset < self._next:  # the broker lost its log and begins anew
            self._complete = False
        self._fold.read(record.offset, record.key, record.value)
        self._next = record.offset + 1
        if self._fold.rejected > before == 0:
            self._tell(f"offset {record.offset}: a record that cannot be read, passed over")

    def _caught_up(self, consumer: Any) -> bool:
        """Return whether the end was reached once: before that, an old value would stand in the file for a moment.

        The end is the fetch's high watermark: right on every broker. A log that ends before our place is another
        one, and is read from its beginning.
        """
        position = consumer.position(self._where, timeout_ms=POLL_MS)
        end = consumer.highwater(self._where)
        if position is None or end is None:
            return False
        if position > end:
            consumer.seek(self._where, 0)
            self._complete = False
        self._complete = self._complete or position == end
        return self._complete

    def _write(self) -> None:
        """Write the file if anything changed. It may fail for now; following goes on."""
        try:
            self._file.write(self._fold.values)
        except OSError as error:
            self._say(f"cannot write: {error}")
        else:
            self._say("")

    def _say(self, error: str) -> None:
        """Tell a change."""
        if error != self._error:
            self._error = error
            self._tell(error)

    def _connect(self) -> Any:
        """Connect; kafka-python leaks sockets when nobody is there, so the address is tried first."""
        errors: list[str] = []
        for address in self._addresses:
            host, _, port = address.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
            except OSError as error:
                errors.append(f"broker {address}: {error}")
                continue
            return _consumer(self._addresses)
        raise ConnectionError("; ".join(errors) or "broker names no address")


def _consumer(addresses: Sequence[str]) -> Any:
    """Make a consumer; when that fails, end what kafka-python leaves running."""
    clients: list[Any] = []

    def client(**configs: Any) -> Any:
        clients.append(no_topics(**configs))
        return clients[-1]

    try:
        return KafkaConsumer(
            bootstrap_servers=list(addresses),
            client_id="pileus",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            kafka_client=client,
            proxy_url="pileus:",  # streams.producer: closes what was refused
            bootstrap_timeout_ms=3000,
            request_timeout_ms=REQUEST_MS,
            fetch_max_wait_ms=FETCH_MS,
            retry_backoff_ms=500,
            reconnect_backoff_max_ms=5000,
            metrics_enabled=False,
        )
    except BaseException:
        for each in clients:
            each.close()
        raise
