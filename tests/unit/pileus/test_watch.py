"""What a run takes in of the topics."""

from types import SimpleNamespace
from typing import cast

import msgspec
from aiokafka.structs import ConsumerRecord

from pileus.stack.watch import Watch
from streams.records.instance import Instance, Phase
from streams.records.member import State
from streams.topics import INSTANCES, MEMBERS, Topic
from tests.unit.pileus.instances import an_instance
from tests.unit.pileus.records import a_member

SHOP = {("default", "shop")}


def message(
    topic: Topic, record: msgspec.Struct | bytes | None, *, key: str = "", at: float = 1000.0
) -> ConsumerRecord:
    value = msgspec.json.encode(record) if isinstance(record, msgspec.Struct) else record
    return cast(
        "ConsumerRecord", SimpleNamespace(topic=topic.name, key=key.encode(), value=value, timestamp=int(at * 1000))
    )


def of_instance(instance: Instance, *, at: float = 1000.0) -> ConsumerRecord:
    return message(INSTANCES, instance, key=instance.instance, at=at)


def test_what_was_written_before_the_run_is_known_and_not_reported() -> None:
    watch = Watch("web", since=1000.0)
    watch.take(of_instance(an_instance("db", phase=Phase.ACTIVE), at=900.0))
    watch.take(of_instance(an_instance("web"), at=1001.0))

    assert [each.alias for each in watch.lives.left(SHOP)] == ["db", "web"]
    assert [each.name for each in watch.lives.changes] == ["web"]
    assert len(watch.written) == 1


def test_what_is_kept_no_more_is_forgotten() -> None:
    watch = Watch("web", since=1000.0)
    watch.take(of_instance(an_instance("db")))
    watch.take(message(INSTANCES, None, key="default/shop/here/db"))
    watch.take(message(MEMBERS, None, key="web-1"))
    watch.take(message(INSTANCES, b"{", key="default/shop/here/web"))

    assert watch.lives.left(SHOP) == []


def test_members_of_every_cluster_count_for_the_lives_and_those_of_one_for_the_view() -> None:
    watch = Watch("web", since=1000.0)
    watch.take(of_instance(an_instance("db")))
    db = a_member("db-1", State.ACTIVE, cluster="db")
    watch.take(message(MEMBERS, msgspec.structs.replace(db, cluster_instance="default/shop/here/db")))
    watch.take(message(MEMBERS, a_member("web-1", State.ACTIVE)))

    assert [each.serving for each in watch.lives.clusters(SHOP)] == [1]
    assert list(watch.members) == ["web-1"]
