"""How many partitions, workers and bytes so many members need, reckoned from measured figures: docs/scale.md.

``python -m tests.benchmarks.plan`` prints the table. Nothing here was run at that size; what was, docs/scale.md says.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

SIZES = (10**6, 10**7, 10**8)
"""Members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured, on one core of the machine that docs/scale.md names; per member where nothing else is said."""

    samples_per_cpu_s: float = 165_000.0
    """A million members on one worker, a sample each per 15 s: 5.7 us each in binary envelopes, 0.3 more in JSON."""
    sample_bytes: float = 47.0
    """On the wire, in envelopes of 50 or more in JSON."""
    forecast_bytes: float = 41.0
    """Per tick."""
    checkpoint_bytes: float = 37.0
    """Per checkpoint, compressed: what one writes a tick after the one before."""
    memory_bytes: float = 1060.0
    """Of a worker's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an operator chooses."""

    interval_s: float = 15.0
    """Between two samples, and between two ticks."""
    checkpoint_s: float = 60.0
    busy: float = 0.5
    """Share of a core that a worker may need in the mean: the rest is for taking over from others."""
    members_per_partition: int = 50_000
    """So that a tick of a partition takes well below a second, and a worker restores one in seconds."""
    copies: int = 3
    """Replication of the broker's topics."""
    kept_h: float = 24.0
    """How long samples and forecasts are kept (h)."""
    core_per_hour: float = 0.04
    """Price of one core with 4 GB (an assumption, in a unit of your own)."""
    gb_per_month: float = 0.1
    """Price of a gigabyte on disk (likewise)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes."""

    members: int
    partitions: int
    cores: int
    """Of stream workers, one process each."""
    memory_gb: float
    ingress_mb_s: float
    """Samples into the broker, before its copies."""
    written_mb_s: float
    """Samples, forecasts and checkpoints, copies included."""
    disk_tb: float
    """Samples and forecasts, copies included."""
    per_hour: float


def plan(members: int, figures: Figures, choice: Choice) -> Plan:
    """Reckon what so many members take."""
    samples = members / choice.interval_s
    cores = math.ceil(samples / figures.samples_per_cpu_s / choice.busy)
    ingress = samples * figures.sample_bytes
    kept = ingress + samples * figures.forecast_bytes
    written = kept + members / choice.checkpoint_s * figures.checkpoint_bytes
    disk = kept * choice.kept_h * 3600.0 * choice.copies
    return Plan(
        members=members,
        partitions=max(2 * cores, math.ceil(members / choice.members_per_partition)),
        cores=cores,
        memory_gb=members * figures.memory_bytes / 1e9,
        ingress_mb_s=ingress / 1e6,
        written_mb_s=written * choice.copies / 1e6,
        disk_tb=disk / 1e12,
        per_hour=cores * choice.core_per_hour + disk / 1e9 * choice.gb_per_month / 730.0,
    )


def table(figures: Figures, choice: Choice) -> Iterator[str]:
    """Yield the lines of the table, as Markdown."""
    titles = ("members", "partitions", "worker cores", "memory", "samples in", "written by brokers", "disk", "per hour")
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for members in SIZES:
        of = plan(members, figures, choice)
        who = f"| {members:,} | {of.partitions:,} | {of.cores:,} | {of.memory_gb:,.1f} GB |"
        bytes_ = f" {of.ingress_mb_s:,.1f} MB/s | {of.written_mb_s:,.0f} MB/s | {of.disk_tb:,.1f} TB |"
        yield f"{who}{bytes_} {of.per_hour:,.2f} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(Figures(), Choice())) + "\n")
