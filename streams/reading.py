"""Messages between two ticks are kept as they came and *read* at the tick, many at once."""

from collections.abc import Iterable, Sequence

from streams.facts import reason
from streams.records.apart import apart
from streams.records.columns import unpack_all
from streams.records.packed import MAGIC
from streams.records.sample import SAMPLE, Health, HealthColumns, Requests, RequestsColumns, Tick
from streams.refusals import Refusals
from streams.skipped import Held

BINARY = MAGIC[:1]
"""What a binary message begins with, and no JSON."""
Sample = Health | HealthColumns | Requests | RequestsColumns | Tick


def read(raws: Sequence[bytes], refusals: Refusals) -> tuple[list[Health], list[Held]]:
    """Return what messages carry, single samples of members and all others; refuse those that cannot be read."""
    others = list[Held]()
    texts = [raw for raw in raws if raw[:1] != BINARY]
    samples = _together(texts, refusals)
    singles = [sample for sample in samples if type(sample) is Health]
    if len(singles) < len(samples):
        others += _apart((sample for sample in samples if type(sample) is not Health), refusals)
    for raw in raws if len(texts) < len(raws) else ():
        if raw[:1] == BINARY:
            others += _unpacked(raw, refusals)
    return singles, others


def _together(raws: Sequence[bytes], refusals: Refusals) -> list[Sample]:
    """Read JSON messages; refuse those that cannot be read, and go on behind them."""
    samples, refused, rest = list[Sample](), 0, iter(raws)
    while len(samples) + refused < len(raws):
        try:
            samples.extend(map(SAMPLE.decode, rest))  # what was read before one that fails stays
        except (ValueError, RecursionError) as error:
            refusals.add(reason(error), error, raws[len(samples) + refused])
            refused += 1
    return samples


def _apart(samples: Iterable[Sample], refusals: Refusals) -> Iterable[Held]:
    """Return what is of one cluster each."""
    for sample in samples:
        if isinstance(sample, Tick):  # one that is written plainly never comes here
            refusals.add("BadValue", "the kind of a tick must be written without escapes", "tick")
            continue
        try:
            yield from apart(sample)
        except ValueError as error:
            refusals.add("BadValue", str(error), getattr(sample, "cluster", "") or sample.application)


def _unpacked(raw: bytes, refusals: Refusals) -> Sequence[Held]:
    """Read a binary message."""
    try:
        return unpack_all(raw)
    except ValueError as error:
        refusals.add("BadValue", error, raw)
        return ()
