"""What one fold that is never interrupted makes of a log, and whether that is what stands in the topics."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from config.settings import Settings
from pileus.rules import worker_rules
from streams.fold import Fold
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.forecast import Forecasts
from streams.records.history import HISTORY as SLOT
from streams.records.history import History
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.log import REJECTED as REJECTION
from streams.records.log import Rejected
from streams.records.member import MEMBERS as MEMBER
from streams.records.record import Record, encode
from streams.topics import FORECASTS, HISTORY, INSTANCES, MEMBERS, REJECTED, SAMPLES
from tests.chaos.stream import Sent
from tests.pieces import Reader

TOPICS = (SAMPLES, MEMBERS, INSTANCES, FORECASTS, REJECTED, HISTORY)
"""What a comparison has to read."""

About = tuple[str, ...]
"""What a record is about: its topic, and what tells it from others there. Two records about the same are equal."""


class Made(NamedTuple):
    """One record, and the tick that it came of (s since the Unix epoch)."""

    at: float
    record: Record
    value: bytes


class Alike(NamedTuple):
    """What was found in one partition."""

    ticks: int
    repeated: int
    """Forecasts that were published again, byte by byte the same."""
    used: int
    refused: int
    """Samples, each once."""
    known: int
    """Most members that were heard at a tick."""
    slots: int
    """Records of the history."""


def compare(reader: Reader, settings: Settings, sent: Mapping[int, Sent]) -> list[Alike]:
    """Fail unless everything published is what one unbroken fold of each partition makes: nothing else, nothing less.

    Every message that was sent stands in the log, unchanged and once; every sample in it was used or refused.
    """
    reader.drained()
    return [alike(reader, settings, partition, each) for partition, each in sent.items()]


def alike(reader: Reader, settings: Settings, partition: int, sent: Sent) -> Alike:
    """Compare one partition; the reader has read all there is."""
    _all_there(reader, partition, sent)
    made, published = unbroken(reader, settings, partition), _published(reader, partition)
    for about, values in published.items():
        expected = made[about].value if about in made else b"nothing"
        assert values == {expected}, f"partition {partition}, {about}: expected {expected!r}, published {values!r}"
    forecasts = [m.record for a, m in made.items() if a in published and isinstance(m.record, Forecasts)]
    newest = forecasts[-1]
    missing = [about for about, each in made.items() if each.at < newest.at and about not in published]
    assert not missing, f"partition {partition}: {len(missing)} never published: {missing[:5]}"
    used = sum(each.samples for each in forecasts)
    refused = _refused(made, newest.at) - _ticks_refused(reader, partition, len(forecasts))
    assert used + refused == sent.samples, f"partition {partition}: {used} used, {refused} refused, {sent.samples} sent"
    return Alike(
        ticks=len(forecasts),
        repeated=len(reader.of(FORECASTS, partition)) - len(forecasts),
        used=used,
        refused=refused,
        known=max(sum(each.known for each in forecast.clusters) for forecast in forecasts),
        slots=sum(topic == HISTORY.name for topic, *_ in published),
    )


def unbroken(reader: Reader, settings: Settings, partition: int) -> dict[About, Made]:
    """Return what one fold makes of the whole log."""
    fold, made = Fold(partition, worker_rules(settings)), dict[About, Made]()
    for message in reader.of(MEMBERS, partition):
        if message.value:
            fold.member(message.offset, MEMBER.decode(message.value))
    for message in reader.of(INSTANCES, partition):
        if message.value:
            fold.instance(message.offset, INSTANCE.decode(message.value))
    for message in reader.of(SAMPLES, partition):
        for record in fold.message(message.value):
            made[_about(record)] = Made(fold.progress.at, record, encode(record))
    return made


def samples_in(reader: Reader, partition: int) -> dict[int, bytes]:
    """Return all of a partition of ``pileus.samples`` but its ticks, by offset."""
    return {m.offset: m.value for m in reader.of(SAMPLES, partition) if b'"tick"' not in m.value}


def evaluated(reader: Reader, partition: int) -> int:
    """Return how far a partition of ``pileus.samples`` is evaluated: the offset of the last tick with a forecast."""
    newest = max(FORECAST.decode(message.value).at for message in reader.of(FORECASTS, partition))
    return next(offset for offset, at in _ticks(reader, partition) if at == newest)


def _ticks(reader: Reader, partition: int) -> list[tuple[int, float]]:
    """Return offset and time of each tick (s since the Unix epoch)."""
    ticks = ((m.offset, Fold.peek(m.value)) for m in reader.of(SAMPLES, partition) if b'"tick"' in m.value)
    return [(offset, tick.at) for offset, tick in ticks if tick is not None]


def _ticks_refused(reader: Reader, partition: int, counted: int) -> int:
    """Return how many ticks counted for nothing: two owners of a moment wrote one each for the same period."""
    until = evaluated(reader, partition)
    return sum(offset <= until for offset, _ in _ticks(reader, partition)) - counted


def _all_there(reader: Reader, partition: int, sent: Sent) -> None:
    """Fail unless the log holds what was sent, and ticks."""
    log = samples_in(reader, partition)
    odd = sorted(offset for offset, _ in log.items() ^ sent.values.items())
    assert not odd, f"partition {partition}: {len(log)} messages, {len(sent.values)} sent, unlike at {odd[:5]}"


def _refused(made: Mapping[About, Made], until: float) -> int:
    """Return how many samples were refused up to a tick."""
    counted = (m.record for m in made.values() if m.at <= until and isinstance(m.record, Rejected))
    return sum(record.count for record in counted if record.topic == SAMPLES.name)


def _published(reader: Reader, partition: int) -> dict[About, set[bytes]]:
    """Return every value that was published about the same."""
    found: dict[About, set[bytes]] = {}
    for record, value in _records(reader, partition):
        found.setdefault(_about(record), set()).add(value)
    return found


def _records(reader: Reader, partition: int) -> Iterator[tuple[Record, bytes]]:
    """Yield what workers published for a partition."""
    for message in reader.of(FORECASTS, partition):
        yield FORECAST.decode(message.value), message.value
    for message in reader.of(HISTORY, partition):
        yield SLOT.decode(message.value), message.value
    for message in reader.of(REJECTED):
        record = REJECTION.decode(message.value)
        if record.partition == partition:
            yield record, message.value


def _about(record: Record) -> About:
    """Return what a record is about."""
    match record:
        case Forecasts():
            return FORECASTS.name, str(record.at)
        case Rejected():
            return REJECTED.name, record.topic, record.reason, str(record.at)
        case History():
            return HISTORY.name, record.cluster, record.signal, str(record.slot)
    raise AssertionError(f"a worker does not publish {record}")
