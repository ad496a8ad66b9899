"""The brokers that the other tests stand on."""

import os
import signal
import socket
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from pileus.stack.broker import Broker, BrokerError, answers
from pileus.stack.tansu import start_tansu
from tests.brokers import free_port, start_kafka


def make_topic(address: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=address, request_timeout_ms=10_000)
    admin.create_topics([NewTopic(name, 1, 1)])
    admin.close()


def publish(address: str, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=address, enable_idempotence=False)
    for value in values:
        producer.send(topic, value, partition=0).get(timeout=10)
    producer.close(timeout=10)


def read(address: str, topic: str, *, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=address, consumer_timeout_ms=10_000)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    values = [record.value for _, record in zip(range(count), consumer, strict=False)]
    consumer.close()
    return values


def test_what_is_published_is_read_back_in_order(broker: Broker) -> None:
    make_topic(broker.address, "order")
    publish(broker.address, "order", b"1", b"2", b"3")

    assert read(broker.address, "order", count=3) == [b"1", b"2", b"3"]


def test_a_fresh_broker_has_no_topics(fresh_broker: Broker) -> None:
    admin = KafkaAdminClient(bootstrap_servers=fresh_broker.address)
    topics = admin.list_topics()
    admin.close()

    assert topics == []


def test_kafka_killed_and_started_again_keeps_its_port_and_its_records(fresh_kafka: Broker) -> None:
    make_topic(fresh_kafka.address, "kept")
    publish(fresh_kafka.address, "kept", b"before")
    fresh_kafka.kill()

    again = start_kafka(fresh_kafka.log.parent)
    try:
        assert again.address == fresh_kafka.address
        assert read(again.address, "kept", count=1) == [b"before"]
    finally:
        again.stop()


def test_a_stopped_broker_is_gone_and_stopping_it_again_is_fine(fresh_broker: Broker) -> None:
    assert answers(fresh_broker.address)

    fresh_broker.stop()
    fresh_broker.stop()

    assert not answers(fresh_broker.address)
    with pytest.raises(ProcessLookupError):
        os.killpg(fresh_broker.pid, 0)


def test_a_broker_that_does_not_obey_is_killed(fresh_tansu: Broker) -> None:
    os.kill(fresh_tansu.pid, signal.SIGSTOP)  # SIGTERM waits until it is continued: it never is

    fresh_tansu.stop(grace_s=0.1)

    assert fresh_tansu.process.returncode == -signal.SIGKILL


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(BrokerError, match=f"port {port} on 127.0.0.1 cannot be used"):
            start_tansu(port, directory=tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_broker_that_ends_at_its_start_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "tansu"
    broken.write_text("#!/bin/sh\necho no memory left\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(broken))

    with pytest.raises(BrokerError, match=r"(?s)ended with 3 at its start.*no memory left"):
        start_tansu(free_port(), directory=tmp_path / "run")


def test_a_broker_that_stays_silent_is_reported_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "tansu"
    silent.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec cat {tmp_path}/fifo\n")
    os.mkfifo(tmp_path / "fifo")
    silent.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(silent))

    with pytest.raises(BrokerError, match=r"no answer on 127\.0\.0\.1:\d+ within 0\.5 s"):
        start_tansu(free_port(), directory=tmp_path / "run", timeout_s=0.5)

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
