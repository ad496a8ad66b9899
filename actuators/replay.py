"""Replay: the recorded samples through the very functions that ran live, and the results compared, byte for byte."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from actuators.judge import Judge
from config.cluster import ClusterSpec
from streams.cluster import Rules
from streams.fold import Fold
from streams.recording import Line
from streams.records.decision import Decision
from streams.records.forecast import Forecasts
from streams.records.member import INSTANCES as INSTANCE
from streams.records.member import MEMBERS as MEMBER
from streams.records.record import encode
from streams.topics import DECISIONS, FORECASTS, INSTANCES, MEMBERS, SAMPLES


@dataclass
class Replayed:
    """What came out of a recording, in the order of the ticks."""

    forecasts: list[Forecasts] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    """Those that are worth telling, as live."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a replay compares with what was recorded."""

    kind: str
    recorded: int
    equal: int
    missing: tuple[str, ...]
    """Recorded, but the replay gave something else or nothing: the first few."""


def replay(recording: Sequence[Line], specs: Iterable[ClusterSpec], *, rules: Rules, heartbeat_s: float) -> Replayed:
    """Feed a recording to the folds and the judges. Pure: time comes from the recording alone."""
    of = {spec.cluster: spec for spec in specs}
    judges: dict[str, Judge] = {}
    replayed = Replayed()
    for partition in sorted({line.partition for line in recording if line.topic == SAMPLES.name}):
        for forecasts in _forecasts(recording, partition, rules):
            replayed.forecasts.append(forecasts)
            for forecast in forecasts.clusters:
                if (spec := of.get(forecast.cluster)) is None:
                    continue
                judge = judges.setdefault(forecast.cluster, Judge(heartbeat_s))
                decision, tell = judge.decide(spec, forecast, forecasts.at)
                if tell:
                    replayed.decisions.append(decision)
    return replayed


def compare(recording: Sequence[Line], replayed: Replayed) -> tuple[Comparison, Comparison]:
    """Compare forecasts and decisions with the recorded ones. Those delivered twice count once."""
    forecasts = {encode(record).decode() for record in replayed.forecasts}
    decisions = {encode(record).decode() for record in replayed.decisions}
    return _compare("forecasts", recording, FORECASTS.name, forecasts), _compare(
        "decisions", recording, DECISIONS.name, decisions
    )


def _forecasts(recording: Sequence[Line], partition: int, rules: Rules) -> Iterable[Forecasts]:
    """Fold one partition: first what is known of members, then the samples, in the order of the log."""
    fold = Fold(partition, rules)
    by_topic: dict[str, list[Line]] = defaultdict(list)
    for line in recording:
        if line.partition == partition and line.value:
            by_topic[line.topic].append(line)
    for line in sorted(by_topic[MEMBERS.name], key=lambda each: each.offset):
        fold.member(line.offset, MEMBER.decode(line.value))
    for line in sorted(by_topic[INSTANCES.name], key=lambda each: each.offset):
        fold.instance(line.offset, INSTANCE.decode(line.value))
    for line in sorted(by_topic[SAMPLES.name], key=lambda each: each.offset):
        yield from (record for record in fold.message(line.value.encode()) if isinstance(record, Forecasts))


def _compare(kind: str, recording: Iterable[Line], topic: str, made: set[str]) -> Comparison:
    """Count the recorded records that the replay made too."""
    recorded = {
        line.value: f"partition {line.partition} offset {line.offset}" for line in recording if line.topic == topic
    }
    missing = [where for value, where in recorded.items() if value not in made]
    return Comparison(kind, len(recorded), len(recorded) - len(missing), tuple(missing[:5]))
