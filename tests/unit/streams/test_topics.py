import msgspec
import pytest

from streams.records import (
    action,
    balancer,
    checkpoint,
    control,
    decision,
    forecast,
    instance,
    log,
    member,
    metadata,
    sample,
)
from streams.records.record import Record
from streams.topics import DAY_MS, HOUR_MS, PER_APPLICATION, TOPICS, Topic

MODULES = (action, balancer, checkpoint, control, decision, forecast, instance, log, member, metadata, sample)
LATER = {"definition", "history"}
"""Kinds that topics name and nothing writes yet."""


def kinds() -> set[str]:
    records = {each for module in MODULES for each in vars(module).values() if isinstance(each, type)}
    return {
        str(msgspec.inspect.type_info(each).tag)  # type: ignore[attr-defined]  # a Struct's
        for each in records
        if issubclass(each, Record) and each is not Record
    }


def test_every_name_is_there_once_and_begins_as_it_should() -> None:
    names = [topic.name for topic in TOPICS]

    assert len(set(names)) == len(names)
    assert all(name.startswith("pileus.") for name in names)


def test_every_kind_of_record_has_a_topic_and_no_topic_carries_another() -> None:
    carried = {kind for topic in TOPICS for kind in topic.carries.split(", ")}

    assert kinds() <= carried
    assert carried - kinds() <= LATER


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_can_be_created(topic: Topic) -> None:
    assert topic.partitions in {PER_APPLICATION, 1}
    assert topic.key
    assert all(isinstance(value, str) for value in topic.configs().values())


def test_a_topic_is_kept_for_a_time_or_compacted() -> None:
    kept = Topic("a", "key", "kind", retention_ms=DAY_MS)
    compacted = Topic("b", "key", "kind", compacted=True, compaction_lag_ms=HOUR_MS)
    large = Topic("c", "key", "kind", compacted=True, max_message_bytes=100)

    assert kept.configs() == {"cleanup.policy": "delete", "retention.ms": "86400000"}
    assert compacted.configs() == {"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}
    assert large.configs()["max.message.bytes"] == "100"
    assert Topic("d", "key", "kind", compacted=True, segment_bytes=9).configs()["segment.bytes"] == "9"
