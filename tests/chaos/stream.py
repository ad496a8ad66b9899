"""A steady stream of samples whose every value is known: what went out, where it stands, how many samples it holds."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from typing import Any, Self

import numpy as np
from kafka import KafkaProducer
from kafka.errors import KafkaError

from streams.partition import application_key, partition_of
from streams.records.member import State
from streams.records.packed import pack
from streams.records.record import Record, encode
from streams.topics import INSTANCES, MEMBERS, SAMPLES, Topic
from tests.builders import a_health, a_member, a_requests, an_instance, health_columns

MEMBERS_EACH = 6
EVERY_S = 0.1
ACKNOWLEDGED_S = 30.0


@dataclass
class Sent:
    """What went into one partition of ``pileus.samples``."""

    values: dict[int, bytes] = field(default_factory=dict)
    """Each message, by the offset that the broker gave it."""
    samples: int = 0
    """How many samples these messages hold; one that cannot be taken apart counts once, as in ``Forecasts``."""


class Stream:
    """Publishes samples and members of two applications in each partition until it is left.

    The client sends nothing twice.
    """

    def __init__(self, broker: str, partitions: int, *, seed: int = 7) -> None:
        self.partitions = partitions
        self.sent = {partition: Sent() for partition in range(partitions)}
        self.lost = 0
        """Messages that the broker did not acknowledge: with a broker that stays, none."""
        self._names = [_application(partition, partitions, i) for partition in range(partitions) for i in range(2)]
        self._chance = np.random.default_rng(seed)
        self._producer = KafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=0, enable_idempotence=False)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def __enter__(self) -> Self:
        for name in self._names:
            instance = an_instance(f"{name}-web", application=name)
            self._producer.send(
                INSTANCES.name, encode(instance), key=instance.cluster.encode(), partition=self._at(name)
            )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._producer.close(timeout=5)

    def end(self) -> None:
        """Send no more; what was sent is acknowledged on return."""
        self._ended.set()
        self._thread.join(2 * ACKNOWLEDGED_S)

    def _publish(self) -> None:
        """Send one round after the other, and note what the broker made of it."""
        number = 0
        while not self._ended.wait(EVERY_S):
            number += 1
            waiting: list[tuple[int, bytes, int, Any]] = []
            for name in self._names:
                partition = self._at(name)
                if number % 9 == 0:
                    self._send(MEMBERS, partition, self._member(name, number), key=name)
                for value, samples in self._round(name, number):
                    waiting.append((partition, value, samples, self._send(SAMPLES, partition, value)))
            for partition, value, samples, future in waiting:
                self._note(partition, value, samples, future)

    def _note(self, partition: int, value: bytes, samples: int, future: Any) -> None:
        try:
            offset = future.get(ACKNOWLEDGED_S).offset
        except KafkaError:
            self.lost += 1
            return
        sent = self.sent[partition]
        sent.values[offset] = value
        sent.samples += samples

    def _round(self, name: str, number: int) -> Iterator[tuple[bytes, int]]:
        """Yield one round of messages of an application, each with its number of samples; some cannot be used."""
        chance, at, cluster = self._chance, time.time(), f"{name}-web"
        requests = partial(a_requests, interval_s=EVERY_S, count=number, application=name, cluster=cluster)
        health = partial(a_health, application=name, cluster=cluster)
        yield _one(requests(float(chance.gamma(9.0)), at=at, balancer="lb-1"))
        yield _one(requests(float(chance.gamma(9.0)), at=at - float(chance.random()), balancer="lb-2"))
        loads = [
            health(f"{cluster}-{i}", at=at - float(chance.random()), load=float(chance.gamma(40.0)))
            for i in range(1, MEMBERS_EACH + 1)
        ]
        many = health_columns(*loads, application=name, cluster=cluster)
        yield (pack(many) if number % 2 else encode(many)), len(loads)
        yield _one(loads[number % MEMBERS_EACH])  # once more: a duplicate
        if number % 5 == 0:
            yield _one(health(f"{cluster}-99", at=at))
            yield _one(requests(3.0, at=at + 3600))
            yield b"no sample", 1

    def _member(self, name: str, number: int) -> Record:
        """Return a member that comes or goes."""
        state = State.ACTIVE if self._chance.random() < 0.7 else State.DRAINING
        member = f"{name}-web-{1 + number // 9 % MEMBERS_EACH}"
        return a_member(member, state=state, at=time.time(), application=name, cluster=f"{name}-web")

    def _send(self, topic: Topic, partition: int, record: Record | bytes, *, key: str = "") -> Any:
        value = record if isinstance(record, bytes) else encode(record)
        return self._producer.send(topic.name, value, key=key.encode(), partition=partition)

    def _at(self, name: str) -> int:
        return partition_of(application_key("default", name), self.partitions)


def _application(partition: int, partitions: int, number: int) -> str:
    """Return the name of the n-th application of a partition."""
    names = (f"app{i}" for i in count())
    here = (name for name in names if partition_of(application_key("default", name), partitions) == partition)
    return next(islice(here, number, None))


def _one(record: Record) -> tuple[bytes, int]:
    return encode(record), 1
