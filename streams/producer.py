"""The connection to Kafka that :mod:`streams.publisher` delivers through: kafka-python, tamed.

What kafka-python 3.0 does otherwise, and what is done about it here: a refused connection leaves its socket
open (so it is closed, and the address is tried before a producer is made); topics are created by asking for
them, whatever ``allow_auto_create_topics`` says (so the client is told again); ``close`` raises and leaves its
thread running when something is still under way (so ``flush`` does not raise).
"""

import socket
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import (
    CorruptRecordError,
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket

from streams.publisher import Message, RefusedError

CONNECT_S = 1.0
"""To reach one address (s)."""
DELIVERY_S = 5.0
"""For one batch to be acknowledged, retries included (s)."""
REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError, CorruptRecordError)
"""What the same message will meet again."""


class _Producer(KafkaProducer):  # type: ignore[misc]  # kafka-python has no types
    """A KafkaProducer that can be closed at any time."""

    def flush(self, timeout: float | None = None) -> None:
        """Wait for what is under way; when time is up, go on (``close`` then ends the thread)."""
        try:
            super().flush(timeout)
        except KafkaTimeoutError:
            return


class _Socket(KafkaNetSocket):  # type: ignore[misc]
    """How to connect when ``proxy_url`` is ``pileus:``: directly, and closing what was refused."""

    SCHEMES = ("pileus",)

    async def sock_connect(self, net: Any, sock: socket.socket, sockaddr: Any, timeout_at: float | None = None) -> Any:
        """Connect, or close the socket and raise."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


def no_topics(**configs: Any) -> Any:
    """Build kafka-python's network client so that it creates no topic."""
    client = KafkaNetClient(**configs)
    client.cluster.config["allow_auto_create_topics"] = False
    return client


class KafkaConnection:
    """One connected producer: acknowledged by all in-sync replicas, one request at a time, hence in order."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._producer = _Producer(
            bootstrap_servers=list(addresses),
            kafka_client=no_topics,
            client_id="pileus",
            proxy_url=f"{_Socket.SCHEMES[0]}:",
            acks="all",
            enable_idempotence=False,  # Tansu has none; a sample sent twice is known by its time
            max_in_flight_requests_per_connection=1,
            bootstrap_timeout_ms=3000,
            max_block_ms=500,
            request_timeout_ms=3000,
            delivery_timeout_ms=int(1000 * DELIVERY_S),
            reconnect_backoff_max_ms=1000,
            metrics_enabled=False,
        )

    def deliver(self, messages: Sequence[Message]) -> list[Exception | None]:
        """Send and wait, at most about ``DELIVERY_S``; a topic that cannot be had is asked for once."""
        closed: dict[str, Exception] = {}
        handles = [self._send(message, closed) for message in messages]
        until = time.monotonic() + DELIVERY_S + 1.0
        return [handle if isinstance(handle, Exception) else _answer(handle, until) for handle in handles]

    def close(self) -> None:
        """Let go at once."""
        self._producer.close(timeout=0)

    def _send(self, message: Message, closed: dict[str, Exception]) -> Any:
        """Hand one message to kafka-python; return its handle or the error."""
        if message.topic in closed:
            return closed[message.topic]
        try:
            return self._producer.send(message.topic, value=message.value, key=message.key, partition=message.partition)
        except REFUSED as error:
            return RefusedError(str(error))
        except (KafkaError, ValueError) as error:
            closed[message.topic] = ConnectionError(f"{message.topic}: {error}")
            return closed[message.topic]


def _answer(handle: Any, until: float) -> Exception | None:
    """Wait for one acknowledgement."""
    try:
        handle.get(timeout=max(until - time.monotonic(), 0.0))
    except REFUSED as error:
        return RefusedError(str(error))
    except KafkaError as error:
        return ConnectionError(str(error))
    return None


def connect(broker: str) -> KafkaConnection:
    """Connect to ``broker`` (``HOST:PORT``, several with commas).

    Raises
    ------
    OSError
        No address can be reached.
    KafkaError
        One can, but what answers is not (yet) a broker.
    ValueError
        An address has no port.
    """
    addresses = [address.strip() for address in broker.split(",") if address.strip()]
    error: OSError = ConnectionError(f"broker '{broker}' names no address")
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
            return KafkaConnection(addresses)
        except OSError as reason:
            error = ConnectionError(f"broker {address}: {reason}")
    raise error
