"""What many members cost, as a process of its own: ``python -m tests.benchmarks.ingest.many MEMBERS``; prints JSON.

Folds of at most 62,500 members stand beside each other as the partitions of a worker do, 200 members in a cluster; each
takes a sample of every member and period until its windows are full. No broker is in it.
"""

import gc
import json
import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np
import psutil

from streams.cluster import Rules
from streams.fold import Fold
from streams.heap import give_back
from streams.records.member import MEMBERS as MEMBER
from streams.records.packed import pack
from streams.records.record import encode
from streams.records.sample import HealthColumns
from tests.builders import a_member, a_tick, an_instance

EACH = 200
MOST = 62_500 // EACH * EACH
PERIOD_S, PERIODS = 15.0, 24
BEGIN = 1_700_000_010.0
LAST = 4
"""Ticks that count: windows are full by then."""


def folds(members: int) -> Iterator[Fold]:
    """Yield the partitions; each knows its members."""
    for first in range(0, members, MOST):
        fold, offset = Fold(0, Rules(sample_interval_s=PERIOD_S, evaluation_s=PERIOD_S)), 0
        for c in range(min(MOST, members - first) // EACH):
            fold.instance(offset, an_instance(f"shop-web-{c}", at=BEGIN - 900.0))
            for m in range(EACH):
                raw = encode(a_member(f"shop-web-{c}-{m}", cluster=f"shop-web-{c}", at=BEGIN - 640.0))
                fold.member(offset, MEMBER.decode(raw))
                offset += 1
        yield fold


def envelopes(clusters: int, at: float, chance: np.random.Generator) -> list[bytes]:
    """Return what all members measured in the second before ``at``."""
    return [
        pack(
            HealthColumns(
                application="shop",
                cluster=f"shop-web-{c}",
                member=[f"shop-web-{c}-{m}" for m in range(EACH)],
                at=np.round(at - chance.random(EACH), 3).tolist(),
                load_average=(50.0 + 20.0 * chance.standard_normal(EACH)).clip(0.0).round(2).tolist(),
                memory_consumption=(40.0 + chance.standard_normal(EACH)).clip(0.0).round(2).tolist(),
                healthy=[True] * EACH,
            )
        )
        for c in range(clusters)
    ]


def ticked(fold: Fold, period: int, chance: np.random.Generator) -> float:
    """Take one period in; return the CPU-seconds of its tick, the encoding of what it publishes included."""
    clusters = len(fold.progress.clusters) or MOST // EACH
    end = BEGIN + (period + 1) * PERIOD_S
    fold.hold(envelopes(clusters, end - 5.0, chance))
    tick = encode(a_tick(end, members=10**9, instances=10**9))
    began = time.process_time()
    for record in fold.message(tick):
        encode(record)
    return time.process_time() - began


def main() -> None:
    """Run it and print what it cost."""
    members, chance = int(sys.argv[1]), np.random.default_rng(1)
    gc.set_threshold(50_000)
    process = psutil.Process()
    before = process.memory_info().rss
    standing = list(folds(members))
    costs = [sum(ticked(fold, period, chance) for fold in standing) for period in range(PERIODS)]
    gc.collect()
    give_back()
    took = process.memory_info().rss - before
    written = [{each.name: each.write() for each in fold.sections()} for fold in standing]
    began = time.process_time()
    for sections in written:
        Fold(0, Rules(sample_interval_s=PERIOD_S, evaluation_s=PERIOD_S)).rebuild(sections)
    found = {
        "members": sum(len(rows) for fold in standing for rows in fold.store.rows.values()),
        "tick_cpu_s": statistics.median(costs[-LAST:]),
        "bytes_per_member": took / members,
        "restore_cpu_s": time.process_time() - began,
        "checkpoint_bytes": sum(len(raw) for sections in written for raw in sections.values()),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
