"""The topics on real brokers."""

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from pileus.stack.broker import Broker
from streams.admin import TopicError, create_topics, list_topics, publish_definitions
from streams.topics import DEFINITIONS, SAMPLES, TOPICS
from tests.pieces import Reader

NAMES = sorted(topic.name for topic in TOPICS)


def test_topics_are_created_once_and_listed_as_declared(fresh_broker: Broker) -> None:
    address = fresh_broker.address
    before = {state.found for state in list_topics(address, partitions=3)}

    first = create_topics(address, partitions=3, replication=1)
    again = create_topics(address, partitions=3, replication=1)

    assert (before, sorted(first), again) == ({None}, NAMES, [])
    assert {state.topic.name: state.found for state in list_topics(address, partitions=3)} == {
        topic.name: topic.partitions or 3 for topic in TOPICS
    }


def test_topics_of_another_number_of_partitions_are_refused_and_the_others_made(fresh_broker: Broker) -> None:
    admin = KafkaAdminClient(bootstrap_servers=fresh_broker.address)
    admin.create_topics([NewTopic(SAMPLES.name, 3, 1)])
    admin.close()

    with pytest.raises(TopicError, match=r"pileus\.samples: has 3 partitions, the settings say 2"):
        create_topics(fresh_broker.address, partitions=2, replication=1)

    found = {state.topic.name: state.found for state in list_topics(fresh_broker.address, partitions=2)}
    assert found == {topic.name: 3 if topic is SAMPLES else topic.partitions or 2 for topic in TOPICS}


def test_a_broker_that_refuses_is_quoted(kafka: Broker) -> None:
    with pytest.raises(TopicError, match=r"pileus\.\w+: the broker at 127\.0\.0\.1:\d+ refused it: .*\(error 38\)"):
        create_topics(kafka.address, partitions=1, replication=3)  # one node cannot keep three copies


def test_definitions_are_published_as_they_are(fresh_tansu: Broker) -> None:
    create_topics(fresh_tansu.address, partitions=1, replication=1)

    publish_definitions(fresh_tansu.address, [("cartridge/default/web", b'{"type":"web"}'), ("a/b/c", b"{}")])

    reader = Reader(fresh_tansu.address, [DEFINITIONS], 1).drained()
    assert [(m.key, m.value) for m in reader.of(DEFINITIONS)] == [
        (b"cartridge/default/web", b'{"type":"web"}'),
        (b"a/b/c", b"{}"),
    ]
    reader.close()
