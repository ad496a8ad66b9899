"""Make the topics, list what the broker has, and declare definitions (kafka-python)."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streams.topics import DEFINITIONS, PER_APPLICATION, TOPICS, Topic

EXISTS = 36
"""Kafka's error code for a topic that is there already."""
TIMEOUT_MS = 10_000


class TopicError(Exception):
    """A topic could not be made, or is not what Pileus needs."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as declared and as found."""

    topic: Topic
    partitions: int
    """As declared."""
    found: int | None
    """As found; ``None`` when it is missing."""


def partitions_of(topic: Topic, partitions: int) -> int:
    """Return how many partitions a topic has when per-application topics have ``partitions``."""
    return partitions if topic.partitions == PER_APPLICATION else topic.partitions


def create_topics(broker: str, *, partitions: int, replication: int, topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Make the topics that are missing and return their names. Asking again makes nothing.

    Raises
    ------
    TopicError
        If the broker refuses one, or one exists with another number of partitions.
    """
    with closing(_admin(broker)) as admin:
        wanted = [
            NewTopic(t.name, partitions_of(t, partitions), replication, topic_configs=t.configs()) for t in topics
        ]
        answer = admin.create_topics(wanted, raise_errors=False, timeout_ms=TIMEOUT_MS)
        codes = {t["name"]: (t["error_code"], t.get("error_message")) for t in answer["topics"]}
        for name, (code, message) in codes.items():
            if code not in {0, EXISTS}:
                raise TopicError(f"{name}: the broker at {broker} refused it: {message} (error {code})")
        admin.wait_for_topics(list(codes), timeout_ms=TIMEOUT_MS)
    for state in list_topics(broker, partitions=partitions):
        if state.found is not None and state.found != state.partitions:
            said = f"has {state.found} partitions, the settings say {state.partitions}"
            raise TopicError(f"{state.topic.name}: {said}; per-application topics must all have the same number")
    return [name for name, (code, _) in codes.items() if code == 0]


def list_topics(broker: str, *, partitions: int) -> list[TopicState]:
    """Return every topic of Pileus with what the broker has."""
    with closing(_admin(broker)) as admin:
        found = {t["name"]: len(t["partitions"]) for t in admin.describe_topics()}
    return [TopicState(t, partitions_of(t, partitions), found.get(t.name)) for t in TOPICS]


def count_partitions(broker: str, topic: Topic) -> int:
    """Return how many partitions a topic of Pileus has at a broker.

    Raises
    ------
    TopicError
        The topic is missing.
    """
    found = next(each.found for each in list_topics(broker, partitions=1) if each.topic == topic)
    if not found:
        raise TopicError("the topic is missing, see 'pileus topics create'")
    return found


def publish_definitions(broker: str, documents: Iterable[tuple[str, bytes | None]]) -> None:
    """Put definitions into ``pileus.definitions``: key ``kind/tenant/id``, value the document; ``None`` deletes.

    Raises
    ------
    KafkaError
        If the broker did not take one of them in time.
    """
    publish_messages(broker, DEFINITIONS, ((0, key, value) for key, value in documents))


def publish_messages(broker: str, topic: Topic, messages: Iterable[tuple[int, str, bytes | None]]) -> None:
    """Put messages (partition, key, value) into a topic; a value of ``None`` deletes the key.

    Raises
    ------
    KafkaError
        If the broker did not take one of them in time.
    """
    producer = KafkaProducer(bootstrap_servers=broker, acks="all", enable_idempotence=False)
    try:
        sent = [producer.send(topic.name, key=key.encode(), value=value, partition=p) for p, key, value in messages]
        for each in sent:
            each.get(TIMEOUT_MS / 1000)
    finally:
        producer.close(TIMEOUT_MS / 1000)


def _admin(broker: str) -> KafkaAdminClient:
    """Connect to a broker."""
    return KafkaAdminClient(bootstrap_servers=broker, request_timeout_ms=TIMEOUT_MS)
