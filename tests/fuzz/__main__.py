"""Feed a fold and all other readers mutated messages, and print what became of them.

    python -m tests.fuzz --messages 1000000 --seed 1
    python -m tests.fuzz --churn 100000

It ends with an error when a reader raises, or when what was used and what was refused are not what was handed in.
"""

import argparse
import sys
import time

import numpy as np

from tests.fuzz.churn import churned
from tests.fuzz.mutate import Mutator
from tests.fuzz.readers import READERS
from tests.fuzz.world import World, resident_mb


def main() -> None:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--churn", type=int, default=0, help="members that pass through a cluster, instead of messages")
    args = parser.parse_args()
    if args.churn:
        _churn(args.churn)
    else:
        _fold(args.messages, args.seed)
        _readers(args.messages // 10, args.seed)


def _fold(messages: int, seed: int) -> None:
    """Feed the fold."""
    world, began = World(seed), time.perf_counter()
    world.run(messages // 10)
    early = resident_mb(), world.books.largest
    world.run(messages)
    _say(f"{world.books.messages:,} mutated messages, seed {seed}: {time.perf_counter() - began:.0f} s")
    _say(world.books.table())
    _say(f"after a tenth of them {early[0]:.0f} MB, a snapshot of at most {early[1]:,} bytes")
    _say(f"at the end {resident_mb():.0f} MB, {world.books.largest:,} bytes")


def _readers(records: int, seed: int) -> None:
    """Feed the readers of the other topics."""
    for make in READERS:
        reader, mutator, began = make(), Mutator(np.random.default_rng(seed)), time.perf_counter()
        for _ in range(records):
            topic, seeds = reader.pick(mutator)
            reader.read(topic, mutator.spoil(seeds))
        assert reader.goes_on()
        _say(f"{make.__name__}: {records:,} mutated records, {time.perf_counter() - began:.0f} s")


def _churn(gone: int) -> None:
    """Let members come and go."""
    began = time.perf_counter()
    early, late = churned(live=100, gone=gone)
    _say(
        f"{gone:,} members passed through a cluster of 100: {time.perf_counter() - began:.0f} s, {resident_mb():.0f} MB"
    )
    for name, size in early.items():
        _say(f"{name:10} {size:8,} -> {late[name]:8,}")
    assert late == early


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
