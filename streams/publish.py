"""Publish records from a Faust app, and do not give up while the broker is away."""

import asyncio
from dataclasses import dataclass

import faust
import structlog
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from faust.exceptions import NotReady, ProducerSendError

from streams.records.record import Record, encode
from streams.topics import Topic

RETRY_S = 0.5
NEVER = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTopicError,
    TopicAuthorizationFailedError,
    ClusterAuthorizationFailedError,
)
"""What no later try can change."""

log = structlog.get_logger()


class PublishError(Exception):
    """The broker will never take this record; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Publishes records through an app's producer."""

    app: faust.App

    async def send(self, topic: Topic, key: str, record: Record | None, partition: int) -> int:
        """Publish one record, or clear its key with ``None``; return its offset once the broker has it.

        Tries again while the broker is away.

        Raises
        ------
        PublishError
            The broker refuses this record, now and later.
        """
        said = ""
        while (offset := await self.offer(topic, key, record, partition, tell=not said)) is None:
            said = "published again"
            await asyncio.sleep(RETRY_S)
        if said:
            log.info(said, topic=topic.name, partition=partition)
        return offset

    async def offer(
        self, topic: Topic, key: str, record: Record | None, partition: int, *, tell: bool = True
    ) -> int | None:
        """Publish one record if that is possible now, and return its offset; ``None`` when it is not.

        Raises
        ------
        PublishError
            The broker refuses this record, now and later.
        """
        try:
            value = None if record is None else encode(record)
            future = await self.app.producer.send(topic.name, key.encode(), value, partition, None, None)
            return int((await future).offset)
        except (ProducerSendError, NotReady, KafkaError, OSError) as error:
            cause = error.__cause__ if isinstance(error, ProducerSendError) else error
            if isinstance(cause, NEVER):
                raise PublishError(f"{topic.name}/{partition} key {key}: {cause!r}") from error
            if tell:
                log.warning("publish failed", topic=topic.name, partition=partition, error=repr(cause))
            return None
