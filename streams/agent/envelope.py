"""Many samples as few messages: one for each application, as columns in JSON or binary (docs/wire.md)."""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from streams.partition import application_key
from streams.records.packed import pack
from streams.records.record import encode
from streams.records.sample import Health, HealthColumns

MOST = 1000
"""Samples of one message; of more there are several."""
SHORT = struct.Struct("<f")
LARGEST = 3e38
"""What four bytes can say."""

T = TypeVar("T")


def envelopes(samples: Iterable[Health]) -> Iterator[tuple[bytes, HealthColumns]]:
    """Yield the samples of each application, in their order, with the key of the message."""
    of: dict[bytes, list[Health]] = {}
    for sample in samples:
        of.setdefault(application_key(sample.tenant, sample.application), []).append(sample)
    for key, found in of.items():
        for begin in range(0, len(found), MOST):
            yield key, _columns(found[begin : begin + MOST])


def _columns(samples: Sequence[Health]) -> HealthColumns:
    """Return samples of one application in columns; one that holds nothing is left out."""
    first = samples[0]
    clusters = [each.cluster for each in samples]
    several = any(cluster != first.cluster for cluster in clusters)
    return HealthColumns(
        tenant=first.tenant,
        application=first.application,
        cluster="" if several else first.cluster,
        clusters=clusters if several else None,
        member=[each.member for each in samples],
        at=[each.at for each in samples],
        load_average=_known([each.load_average for each in samples]),
        memory_consumption=_known([each.memory_consumption for each in samples]),
        healthy=_known([each.healthy for each in samples]),
    )


def _known(column: list[T | None]) -> list[T | None] | None:
    """Return a column, ``None`` when it says nothing."""
    return None if all(value is None for value in column) else column


def thousandth(value: float) -> float:
    """Return a measurement to a thousandth: the kernel's ticks are coarser, and JSON is shorter."""
    return round(value, 3)


def single(value: float) -> float:
    """Return a measurement as four bytes say it: to seven digits."""
    return float(SHORT.unpack(SHORT.pack(min(value, LARGEST)))[0])


FORMS: dict[str, tuple[Callable[[HealthColumns], bytes], Callable[[float], float]]] = {
    "json": (encode, thousandth),
    "binary": (pack, single),
}
"""How an envelope is written, and how exactly the measurements are told."""
