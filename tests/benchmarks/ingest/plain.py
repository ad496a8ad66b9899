"""The yardstick: the same decoding and the same numpy, and nothing else.

It does: decode as the worker does, look each name up (once for the same binary names), keep a window of load and memory
of each member, sum them over clusters, fit the same parabolas through all of them at each tick, and encode what it
foresees in the same columns as the worker's records, names included.

It does not: rules, refusals, membership, late samples, duplicates, gaps that are held, probes and faults, age, requests
of balancers; the ensemble beyond the parabola, its scores and probation; records of the clusters; sending anything, or
writing checkpoints. Of two samples of one period the later one stays.
"""

import msgspec
import numpy as np

from predictors import kinematic
from streams.records.columns import HealthBlock, unpack
from streams.records.own import NUMBER
from streams.records.packed import MAGIC
from streams.records.sample import SAMPLE, Health, HealthColumns, Tick
from streams.window import Floats
from tests.benchmarks.ingest.load import CLUSTERS, EACH, MEMBERS, PERIOD_S, names

WINDOW = 20
"""Periods: what 300 s are."""
HORIZON_S = 60.0


class Plain:
    """Takes messages in, and returns the bytes of all forecasts at a tick."""

    def __init__(self) -> None:
        self._row = {name: c * EACH + m for c in range(CLUSTERS) for m, name in enumerate(names(c))}
        self._names = list(self._row)
        self._load = np.full((WINDOW, MEMBERS), np.nan)
        self._memory = np.full((WINDOW, MEMBERS), np.nan)
        self._singles: list[Health] = []
        self._columns: list[HealthColumns] = []
        self._blocks: list[HealthBlock] = []
        self._known: dict[bytes, list[int]] = {}

    def message(self, raw: bytes) -> bytes:
        """Take one message in."""
        if raw[:1] == MAGIC[:1]:
            self._blocks.append(unpack(raw))
            return b""
        sample = SAMPLE.decode(raw)
        if isinstance(sample, Health):
            self._singles.append(sample)
        elif isinstance(sample, HealthColumns):
            self._columns.append(sample)
        elif isinstance(sample, Tick):
            return self._tick(sample.at)
        return b""

    def _tick(self, at: float) -> bytes:
        """Store what came, and forecast every member and every cluster."""
        for matrix in (self._load, self._memory):
            matrix[:-1] = matrix[1:]
            matrix[-1] = np.nan
        self._store_singles()
        self._store_columns()
        t = (np.arange(-WINDOW, 0, dtype=np.float64) + 0.5) * PERIOD_S
        out: list[bytes] = []
        for matrix in (self._load, self._memory):
            totals: Floats = np.add.reduceat(matrix, np.arange(0, MEMBERS, EACH), axis=1)
            for periods in (matrix, totals):
                ceiling = np.full(periods.shape[1], np.inf)
                values = kinematic.values(t, periods.T, horizon_s=HORIZON_S, ceiling=ceiling)
                out.append(values.astype(NUMBER).tobytes())
        return msgspec.json.encode([at, self._names, *out])

    def _store_singles(self) -> None:
        """Store what came one by one."""
        came, self._singles = self._singles, []
        rows = [self._row[each.member] for each in came]
        self._load[-1, rows] = np.array([each.load_average for each in came], dtype=np.float64)
        self._memory[-1, rows] = np.array([each.memory_consumption for each in came], dtype=np.float64)

    def _store_columns(self) -> None:
        """Store what came in columns."""
        came, self._columns = self._columns, []
        for each in came:
            rows = [self._row[name] for name in each.member]
            self._load[-1, rows] = np.array(each.load_average, dtype=np.float64)
            self._memory[-1, rows] = np.array(each.memory_consumption, dtype=np.float64)
        blocks, self._blocks = self._blocks, []
        for block in blocks:
            if (at := self._known.get(block.prefix + block.suffixes)) is None:
                at = self._known[block.prefix + block.suffixes] = [self._row[name] for name in block.members]
            self._load[-1, at], self._memory[-1, at] = block.load, block.memory
