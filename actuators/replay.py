"""Replay: the recorded samples through the very functions that ran live, and the results compared, byte for byte."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from actuators.judge import Judge
from config.cluster import ClusterSpec
from streams.cluster import Rules
from streams.fold import Fold
from streams.recording import Line
from streams.records.decision import DECISION, Decision, Given
from streams.records.forecast import Forecasts
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.member import MEMBERS as MEMBER
from streams.records.record import encode
from streams.topics import DECISIONS, FORECASTS, INSTANCES, MEMBERS, SAMPLES

SHOWN = 5
"""Differences that are named."""


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
    """Where something was recorded that the replay did not give: the first few."""
    extra: tuple[str, ...] = ()
    """What the replay gave for the time of the recording that was not recorded: the first few."""


def replay(recording: Sequence[Line], specs: Iterable[ClusterSpec], *, rules: Rules, heartbeat_s: float) -> Replayed:
    """Feed a recording to the folds and the judges. Pure: time comes from the recording alone.

    What came from beside the forecasts (a pause, what is left of a budget) stands in the recorded decisions.
    """
    of, beside = {spec.cluster: spec for spec in specs}, _Beside(recording)
    judges: dict[str, Judge] = {}
    replayed = Replayed()
    for partition in sorted({line.partition for line in recording if line.topic == SAMPLES.name}):
        for forecasts in _forecasts(recording, partition, rules):
            replayed.forecasts.append(forecasts)
            for forecast in forecasts.clusters:
                if (spec := of.get(forecast.cluster)) is None:
                    continue
                judge = judges.setdefault(forecast.cluster, Judge(heartbeat_s))
                given = beside.given(forecast.cluster, forecasts.at)
                decision, tell = judge.decide(
                    spec,
                    forecast,
                    forecasts.at,
                    cap=given.cap if given else None,
                    pause=given.pause if given else None,
                )
                if tell:
                    replayed.decisions.append(decision)
    return replayed


class _Beside:
    """What each decision was given beside its forecast: that changes only where a decision is published."""

    def __init__(self, recording: Iterable[Line]) -> None:
        self._decisions: dict[str, list[Decision]] = defaultdict(list)
        for line in recording:
            if line.topic == DECISIONS.name and line.value:
                with suppress(msgspec.DecodeError):  # it comes out as not equal
                    decision = DECISION.decode(line.value)
                    self._decisions[decision.cluster].append(decision)
        for decisions in self._decisions.values():
            decisions.sort(key=lambda decision: decision.at)

    def given(self, cluster: str, at: float) -> Given | None:
        """Return what the last decision published until then was given; ``None`` before the first."""
        decisions = self._decisions.get(cluster, [])
        i = bisect_right(decisions, at, key=lambda decision: decision.at)
        return decisions[i - 1].given if i else None


def compare(recording: Sequence[Line], replayed: Replayed) -> tuple[Comparison, Comparison]:
    """Compare forecasts and decisions with the recorded ones. Those delivered twice count once."""
    forecasts = {encode(f).decode(): (f.at, f"forecasts at {f.at}") for f in replayed.forecasts}
    decisions = {encode(d).decode(): (d.at, f"decision {d.decision}") for d in replayed.decisions}
    return (
        _compare("forecasts", _of(recording, FORECASTS.name), forecasts),
        _compare("decisions", _of(recording, DECISIONS.name), decisions),
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


def _of(recording: Iterable[Line], topic: str) -> dict[str, str]:
    """Return what was recorded on a topic, and where each record stands."""
    return {ln.value: f"partition {ln.partition} offset {ln.offset}" for ln in recording if ln.topic == topic}


def _compare(kind: str, recorded: Mapping[str, str], made: Mapping[str, tuple[float, str]]) -> Comparison:
    """Count the recorded records that the replay made too; beyond the last one that is equal nothing is extra."""
    missing = [where for value, where in recorded.items() if value not in made]
    equal = [made[value][0] for value in recorded if value in made]
    span = (min(equal, default=math.inf), max(equal, default=-math.inf))
    extra = [name for value, (at, name) in made.items() if value not in recorded and span[0] <= at <= span[1]]
    return Comparison(kind, len(recorded), len(recorded) - len(missing), tuple(missing[:SHOWN]), tuple(extra[:SHOWN]))
