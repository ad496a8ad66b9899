"""How long the clusters of a partition go without a new forecast when a worker joins, leaves or dies."""

import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from streams.records.forecast import FORECASTS as FORECAST
from streams.topics import FORECASTS
from tests.chaos.run import Rig
from tests.pieces import Reader

HOW = (signal.SIGKILL, signal.SIGTERM)


def takeovers(rig: Rig, *, rounds: int, workers: int, tell: Callable[[str], None]) -> dict[str, list[float]]:
    """End each worker in turn and start it again, and return the largest gap of any partition each time (s).

    By what happened: ``SIGKILL``, ``SIGTERM``, ``join``. Every time all is let come to rest first.
    """
    gaps: dict[str, list[float]] = defaultdict(list)
    with rig.fleet(workers) as fleet:
        rig.resumes()
        for number in range(rounds):
            how, which = HOW[number % len(HOW)], number // len(HOW) % workers
            for name, act in ((how.name, partial(fleet.end, which, how)), ("join", partial(fleet.join, which))):
                since = time.time()
                act()
                rig.resumes(records=5)
                gaps[name].append(max(_gaps(rig, since)))
                tell(f"{name:<8} {gaps[name][-1]:6.2f} s")
        rig.settle()
        fleet.stop()
    return gaps


def said(gaps: dict[str, list[float]]) -> Iterator[str]:
    """Yield median and maximum of each."""
    for name, found in sorted(gaps.items()):
        yield f"{name:<8} n {len(found):3}  median {statistics.median(found):5.1f} s  maximum {max(found):5.1f} s"


def _gaps(rig: Rig, since: float) -> Iterator[float]:
    """Yield the largest gap of each partition that ended after a moment (s)."""
    for partition in range(rig.settings.partitions):
        times = _first_published(rig.reader, partition)
        yield max(after - before for before, after in pairwise(times) if after > since)


def _first_published(reader: Reader, partition: int) -> list[float]:
    """Return when the forecast of each tick was published for the first time, in order (s since the Unix epoch)."""
    found: dict[float, float] = {}
    for message in reader.of(FORECASTS, partition):
        found.setdefault(FORECAST.decode(message.value).at, message.timestamp / 1000.0)
    return sorted(found.values())
