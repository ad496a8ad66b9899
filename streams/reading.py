"""Messages between two ticks are kept as they came and *read* at the tick, many at once."""

from collections.abc import Iterable, Sequence

from streams.facts import misread
from streams.records.apart import apart
from streams.records.columns import unpack_all
from streams.records.packed import MAGIC
from streams.records.sample import SAMPLE, Health, HealthColumns, Requests, RequestsColumns, Tick
from streams.refusals import Refusals
from streams.skipped import Held

BINARY = MAGIC[:1]
"""What a binary message begins with, and no JSON."""
TOGETHER = 1000
"""Messages that are read in one go; when one of them cannot be read they are read one by one."""
Sample = Health | HealthColumns | Requests | RequestsColumns | Tick


def read(raws: Sequence[bytes], refusals: Refusals) -> tuple[list[Health], list[Held]]:
    """Return what messages carry, single samples of members and all others; refuse those that cannot be read."""
    singles, others = list[Health](), list[Held]()
    texts = [raw for raw in raws if raw[:1] != BINARY]
    for begin in range(0, len(texts), TOGETHER):
        samples = _together(texts[begin : begin + TOGETHER], refusals)
        alone = [sample for sample in samples if type(sample) is Health]
        singles += alone
        if len(alone) < len(samples):
            others += _apart((sample for sample in samples if type(sample) is not Health), refusals)
    for raw in raws if len(texts) < len(raws) else ():
        if raw[:1] == BINARY:
            others += _unpacked(raw, refusals)
    return singles, others


def _together(raws: Sequence[bytes], refusals: Refusals) -> list[Sample]:
    """Read JSON messages."""
    try:
        return [SAMPLE.decode(raw) for raw in raws]
    except (ValueError, RecursionError):
        return [sample for raw in raws if (sample := _alone(raw, refusals)) is not None]


def _alone(raw: bytes, refusals: Refusals) -> Sample | None:
    """Read one, or refuse it."""
    try:
        sample: Sample = SAMPLE.decode(raw)
    except (ValueError, RecursionError) as error:
        wrong = misread(raw, error)
        refusals.add(wrong.reason, wrong.said, wrong.what)
        return None
    return sample


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
        wrong = misread(raw, error)
        refusals.add("BadValue", wrong.said, wrong.what)
        return ()
