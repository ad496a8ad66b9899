"""One of several workers that share the partitions of a pre-filled topic, and what that topic holds.

``python -m tests.benchmarks.ingest.share BROKER GROUP`` is a real worker, in a consumer group of its own. For each
record of forecasts that stands it prints the time, its CPU-seconds until then, the partition, and the tick's time.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.settings import Settings
from pileus.stack.logs import log_to_stderr
from streams.cluster import Rules
from streams.records.packed import pack
from streams.records.record import encode
from streams.records.sample import HealthColumns
from streams.topics import FORECASTS
from tests.builders import a_member, a_tick, an_instance

EACH = 200
PERIOD_S = 15.0
RULES = Rules(sample_interval_s=PERIOD_S, evaluation_s=PERIOD_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Many members, one sample of each per tick, in binary envelopes of a cluster."""

    members: int
    partitions: int
    ticks: int
    begin: float
    """Time of the first tick (s since the Unix epoch), a multiple of the period."""

    @property
    def end(self) -> float:
        """Time of the last tick."""
        return self.begin + self.ticks * PERIOD_S

    @property
    def clusters(self) -> int:
        """Of one partition."""
        return self.members // self.partitions // EACH

    def instances(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield what is announced in a partition, under its keys."""
        return ((name.encode(), encode(an_instance(name))) for name in self._clusters(partition))

    def serving(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield who serves there."""
        names = ((cluster, name) for cluster in self._clusters(partition) for name in members(cluster))
        return ((name.encode(), encode(a_member(name, cluster=cluster))) for cluster, name in names)

    def log(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the log of a partition: a tick, then all samples up to each tick and it."""
        chance = np.random.default_rng(partition)
        known = {"members": self.clusters * EACH, "instances": self.clusters}
        yield b"default/shop", encode(a_tick(self.begin, **known))
        for number in range(self.ticks):
            start = self.begin + number * PERIOD_S
            for cluster in self._clusters(partition):
                yield b"default/shop", _envelope(cluster, start, chance)
            yield b"default/shop", encode(a_tick(start + PERIOD_S, **known))

    def _clusters(self, partition: int) -> list[str]:
        return [f"web-{partition}-{c}" for c in range(self.clusters)]


def members(cluster: str) -> list[str]:
    """Return the members of a cluster."""
    return [f"shop-{cluster}-{m}" for m in range(EACH)]


def _envelope(cluster: str, at: float, chance: np.random.Generator) -> bytes:
    """Return what the members of a cluster say once in a period."""
    return pack(
        HealthColumns(
            application="shop",
            cluster=cluster,
            member=members(cluster),
            at=(at + np.arange(EACH) * (PERIOD_S / EACH)).round(3).tolist(),
            load_average=(50.0 + 20.0 * chance.standard_normal(EACH)).clip(0.0).round(2).tolist(),
            memory_consumption=(40.0 + chance.standard_normal(EACH)).round(2).tolist(),
            healthy=[True] * EACH,
        )
    )


def main() -> int:
    """Be a worker until SIGTERM."""
    from streams import publish
    from streams import worker as module
    from streams.faust_app import create_faust_app, run

    broker, group = sys.argv[1:]
    log_to_stderr()
    send = publish.Sender.send

    async def sent(self: Any, topic: Any, key: str, record: Any, partition: int) -> int:
        offset = await send(self, topic, key, record, partition)
        if topic is FORECASTS:
            os.write(1, f"published {time.time()} {time.process_time()} {partition} {record.at}\n".encode())
        return offset

    publish.Sender.send = sent  # type: ignore[method-assign]
    own: Any = lambda _, **given: create_faust_app(group, **given)  # noqa: E731
    setattr(module, "create_faust_app", own)  # noqa: B010 - not for others
    settings = module.WorkerSettings(broker=broker, rules=RULES, session_s=Settings().session_s)
    return run(module.create_app(settings, now=time.time))


if __name__ == "__main__":
    sys.exit(main())
