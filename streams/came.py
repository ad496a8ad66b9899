"""What came between two ticks, brought into columns: single samples and envelopes alike."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from streams.arrived import Arrived
from streams.records.columns import HealthBlock
from streams.records.sample import Health, HealthColumns
from streams.rows import Directory, Places
from streams.window import Floats


@dataclass(frozen=True, slots=True)
class Came:
    """Samples in columns, and the records that they came in."""

    columns: Arrived
    singles: Sequence[Health]
    envelopes: Sequence[HealthColumns | HealthBlock]
    begin: list[int]
    """Where the rows of each envelope begin."""

    @classmethod
    def of(
        cls,
        singles: Sequence[Health],
        envelopes: Sequence[HealthColumns],
        blocks: Sequence[HealthBlock],
        directory: Directory,
        places: Places,
    ) -> "Came":
        """Bring records into columns."""
        rows = [directory[s.tenant, s.application, s.cluster][s.member] for s in singles]
        begin = [len(rows)]
        for many in envelopes:
            rows += map(directory[many.tenant, many.application, many.cluster].__getitem__, many.member)
            begin.append(len(rows))
        for block in blocks:
            begin.append(begin[-1] + block.at.size)
        columns = Arrived(
            np.concatenate([np.array(rows, dtype=np.int64), *(places.of(block, directory) for block in blocks)]),
            _column([s.at for s in singles], [many.at for many in envelopes], [b.at for b in blocks]),
            _column(
                [s.load_average for s in singles],
                [many.load_average or _blank(many) for many in envelopes],
                [block.load for block in blocks],
            ),
            _column(
                [s.memory_consumption for s in singles],
                [many.memory_consumption or _blank(many) for many in envelopes],
                [block.memory for block in blocks],
            ),
            _column(
                [s.healthy for s in singles],
                [many.healthy or _blank(many) for many in envelopes],
                [block.healthy for block in blocks],
            ),
        )
        return cls(columns, singles, [*envelopes, *blocks], begin)

    def sample(self, i: int) -> Health:
        """Return one sample as a record."""
        if i < len(self.singles):
            return self.singles[i]
        k = bisect_right(self.begin, i) - 1
        many, j = self.envelopes[k], i - self.begin[k]
        if isinstance(many, HealthBlock):
            return many.row(j)
        return Health(
            tenant=many.tenant,
            application=many.application,
            cluster=many.cluster,
            member=many.member[j],
            at=many.at[j],
            load_average=many.load_average[j] if many.load_average else None,
            memory_consumption=many.memory_consumption[j] if many.memory_consumption else None,
            healthy=many.healthy[j] if many.healthy else None,
        )


def _blank(many: HealthColumns) -> list[None]:
    """Return a column of nothing."""
    return [None] * len(many.member)


def _column(singles: Sequence[object], columns: Iterable[Sequence[object]], blocks: Sequence[Floats]) -> Floats:
    """Return numbers as one column; ``None`` becomes NaN."""
    return np.concatenate([np.array([*singles, *chain.from_iterable(columns)], dtype=np.float64), *blocks])
