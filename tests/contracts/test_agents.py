"""A node agent says of an instance what the agent beside it says: the same process, measured at the same moments."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import psutil
import pytest

from streams.agent.agent import Agent
from streams.agent.beside import Beside, Identity
from streams.agent.node import Node, Opened
from streams.agent.probe import Probe
from streams.agent.probes import ask_all
from streams.agent.process import ProcessTree
from streams.agent.watched import Watched
from streams.records.columns import unpack_all
from streams.records.record import Record
from streams.records.sample import Health, HealthColumns
from streams.topics import Topic
from tests.waiting import wait_until

INTERVAL_S = 0.5
CPUS = 2.0
TICK_S = 0.01
"""How exactly the kernel counts CPU time."""
ROUNDING = 0.002
"""Percent: a node agent tells a thousandth."""
SAMPLES = 4
ME = Identity(tenant="default", application="shop", cluster="web", member="web-1")
APPLICATION = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
def serve():
    while True:
        connection, _ = server.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
        connection.close()
threading.Thread(target=serve, daemon=True).start()
ballast = bytearray(50_000_000)
while True:
    sum(range(100_000))
"""


class Kept:
    """What one agent published, as single samples."""

    def __init__(self) -> None:
        self.samples: list[Health] = []

    def publish(self, topic: Topic, record: Record | bytes, *, key: bytes, owner: bytes | None = None) -> None:
        assert (topic.name, key, owner) == ("pileus.samples", b"default/shop", None)
        if isinstance(record, bytes):
            self.samples += [block.row(0) for block in unpack_all(record)]
        elif isinstance(record, Health):
            self.samples.append(record)
        else:
            assert not isinstance(record, HealthColumns)


@pytest.fixture
def application() -> Iterator[tuple[int, int]]:
    """Return process and port of a program that computes, and answers."""
    process = subprocess.Popen([sys.executable, "-c", APPLICATION], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    wait_until(lambda: psutil.Process(process.pid).memory_info().rss > 50_000_000, within_s=20, what="its memory")
    yield process.pid, port
    process.kill()
    process.wait(10)
    process.stdout.close()


def test_both_measure_the_same(application: tuple[int, int]) -> None:
    pid, port = application
    probe = Probe(host="127.0.0.1", port=port, path="/health", timeout_s=0.2)
    stop, alone, together = threading.Event(), Kept(), Kept()

    def tree() -> ProcessTree:
        return ProcessTree(pid, cpus=CPUS, memory_limit=1 << 30)

    def opened(watched: Watched) -> Opened:
        beside = Beside(watched.who, publisher=together, now=time.time)
        return Opened(watched, tree(), beside, lambda: None)

    agent = Agent(
        ME,
        source=tree(),
        probe=probe.ask,
        publisher=alone,
        interval_s=INTERVAL_S,
        now=time.time,
        clock=time.monotonic,
    )
    node = Node(
        ME.member,  # so it measures when the agent does
        finds={"here": lambda: {ME: Watched(who=ME, measure=f"pid:{pid}", probe=probe)}},
        open_=opened,
        ask=ask_all,
        publisher=together,
        interval_s=INTERVAL_S,
        form="binary",
        now=time.time,
        clock=time.monotonic,
        tell=lambda _: None,
    )
    node.look()
    threads = [threading.Thread(target=each.run, args=(stop.wait,)) for each in (agent, node)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: min(map(len, (alone.samples, together.samples))) > SAMPLES, within_s=20, what="samples")
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)

    pairs = paired(alone.samples, together.samples)
    assert len(pairs) >= SAMPLES - 1
    for before, now in pairwise(pairs):
        (one, other), skews = now, [abs(a.at - b.at) for a, b in (before, now)]
        assert one.load_average is not None
        assert other.load_average is not None
        counted_s = 2 * TICK_S + CPUS * sum(skews)
        elapsed_s = min(b.at - a.at for a, b in zip(before, now, strict=True))
        share = sum(skews) / elapsed_s  # another interval, too
        bound = 100 * counted_s / (elapsed_s * CPUS) + share * one.load_average + ROUNDING
        assert other.load_average == pytest.approx(one.load_average, abs=bound)
        assert other.memory_consumption == pytest.approx(one.memory_consumption, abs=0.5)
        assert (one.healthy, other.healthy) == (True, True)


def paired(one: list[Health], other: list[Health]) -> list[tuple[Health, Health]]:
    """Return the samples that were taken at the same moment of the interval."""
    return [(a, b) for a in one for b in other if abs(a.at - b.at) < INTERVAL_S / 4]
