"""Replay: the recorded samples through the very functions that ran live, and the results compared, byte for byte."""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from actuators.declared import Declared
from actuators.judge import Judge, Remembered
from actuators.shadows import policy_of
from config.autoscaling import AutoscalingPolicy
from config.cluster import ClusterSpec
from config.resolve import governed
from streams import facts
from streams.cluster import Rules
from streams.fold import Fold
from streams.recording import Line
from streams.records.control import CONTROL as ORDER
from streams.records.control import Shadow
from streams.records.decision import DECISION, Decision, Given, Memory
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.forecast import ClusterForecast, Forecasts
from streams.records.history import HISTORY as PAST
from streams.records.record import encode
from streams.topics import CONTROL, DECISIONS, FORECASTS, HISTORY, INSTANCES, MEMBERS, SAMPLES, SHADOW, Topic

SHOWN = 5
"""Differences that are named."""


@dataclass
class Replayed:
    """What came out of a recording, in the order of the ticks."""

    forecasts: list[Forecasts] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    """Those that are worth telling, as live."""
    shadows: list[Decision] = field(default_factory=list)
    """Those of shadows, the same."""


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


def replay(
    recording: Sequence[Line], specs: Iterable[ClusterSpec] | None = None, *, rules: Rules, heartbeat_s: float
) -> Replayed:
    """Feed a recording to the folds and the judges. Pure: time comes from the recording alone.

    What came from beside the forecasts (a pause, what is left of a budget) stands in the recorded decisions, and so
    does the memory that each cluster begins with.

    Parameters
    ----------
    specs
        Clusters that count from the beginning to the end. ``None``: those of the recording, each definition from the
        tick on at which the decider took it in.
    """
    declared = Declared.recorded(recording) if specs is None else Declared.always(specs)
    beside, shadows = _Beside(recording, DECISIONS), _Shadows(recording, heartbeat_s)
    judges, replayed = dict[tuple[str, int], Judge](), Replayed()
    for partition in sorted({line.partition for line in recording if line.topic in {SAMPLES.name, FORECASTS.name}}):
        for forecasts in _forecasts(recording, partition, rules):
            replayed.forecasts.append(forecasts)
            for forecast in forecasts.clusters:
                term = declared.at(forecast.cluster, forecasts.at)
                if term is None or term.spec is None:
                    continue
                key = forecast.cluster, term.life
                if key not in judges and (memory := beside.memory(forecast.cluster, forecasts.at)) is not None:
                    judges[key] = Judge(heartbeat_s, Remembered(memory=memory))
                if (judge := judges.get(key)) is not None:
                    replayed.decisions += _decide(judge, term.spec, forecast, forecasts.at, beside)
                replayed.shadows += shadows.decide(term.spec, forecast, forecasts.at)
    return replayed


def _decide(
    judge: Judge, spec: ClusterSpec, forecast: ClusterForecast, at: float, beside: "_Beside"
) -> Iterator[Decision]:
    """Take the decision of one tick again, when it is worth telling."""
    given = beside.given(forecast.cluster, at)
    cap, pause, room = (given.cap, given.pause, given.room) if given else (None, None, None)
    decision, tell = judge.decide(spec, forecast, at, cap=cap, pause=pause, room=room)
    if tell:
        yield decision


class _Beside:
    """What each decision was given beside its forecast: that changes only where a decision is published."""

    def __init__(self, recording: Iterable[Line], topic: Topic) -> None:
        self._decisions: dict[str, list[Decision]] = defaultdict(list)
        for line in recording:
            if line.topic == topic.name and line.value:
                with suppress(msgspec.DecodeError):  # it comes out as not equal
                    decision = DECISION.decode(line.value)
                    self._decisions[decision.cluster].append(decision)
        for decisions in self._decisions.values():
            decisions.sort(key=_tick)

    def last(self, cluster: str, ordered: float) -> float:
        """Return when the last decision of one of its shadows was published."""
        return max((d.at for d in self._decisions.get(cluster, []) if d.given.shadow == ordered), default=-math.inf)

    def given(self, cluster: str, at: float) -> Given | None:
        """Return what the last decision published until then was given; ``None`` before the first."""
        decisions = self._decisions.get(cluster, [])
        i = bisect_right(decisions, at, key=_tick)
        return decisions[i - 1].given if i else None

    def memory(self, cluster: str, at: float) -> Memory | None:
        """Return what a cluster remembers that begins on a tick; ``None`` while its first decision is still to come."""
        decisions = self._decisions.get(cluster, [])
        i = bisect_left(decisions, at, key=_tick)
        if i == len(decisions):
            return Memory()
        return decisions[i].given.memory if decisions[i].at == at else None


class _Shadows:
    """The shadows of a recording: which decided when stands in their decisions, what they were in their orders.

    Each begins with the memory that its first recorded decision was given; from there on its memory is its own.
    """

    def __init__(self, recording: Sequence[Line], heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._beside = _Beside(recording, SHADOW)
        self._orders = [order for line in recording if (order := _shadow_order(line)) is not None]
        self._judges: dict[str, tuple[float, ClusterSpec, Judge]] = {}

    def decide(self, declared: ClusterSpec, forecast: ClusterForecast, at: float) -> Iterator[Decision]:
        """Decide one cluster, as it is declared, on one tick, if a shadow did."""
        cluster, given = forecast.cluster, self._beside.given(forecast.cluster, at)
        if given is None or given.shadow is None:
            return
        ordered, spec, judge = self._judges.get(cluster, (None, None, None))
        if ordered != given.shadow:
            spec = self._spec(declared, given.shadow)
            judge = Judge(self._heartbeat_s, Remembered(memory=given.memory), shadow=given.shadow)
            if spec is None:
                return
            self._judges[cluster] = given.shadow, spec, judge
        if spec is None or judge is None or self._over(cluster, given.shadow, at):
            return
        decision, tell = judge.decide(spec, forecast, at, cap=given.cap, pause=given.pause)
        if tell:
            yield decision

    def _spec(self, spec: ClusterSpec, ordered: float) -> ClusterSpec | None:
        """Return a cluster as a shadow has it; ``None`` when the recording has no such order."""
        policies = (policy_of(each) for each in self._orders if each.at == ordered and each.tenant == spec.tenant)
        policy = next((each for each in policies if isinstance(each, AutoscalingPolicy)), None)
        return None if policy is None else governed(spec, policy)

    def _over(self, cluster: str, ordered: float, at: float) -> bool:
        """Say whether a shadow has ended: another order came, and nothing of it was published since."""
        named = {(each.tenant, each.policy) for each in self._orders if each.at == ordered}
        later = [each.at for each in self._orders if each.at > ordered and (each.tenant, each.policy) in named]
        return at > self._beside.last(cluster, ordered) and at >= min(later, default=math.inf)


def _shadow_order(line: Line) -> Shadow | None:
    """Return the order about a shadow that a line holds."""
    if line.topic != CONTROL.name or not line.value:
        return None
    with suppress(msgspec.DecodeError):
        order = ORDER.decode(line.value)
        return order if isinstance(order, Shadow) else None
    return None


def compare(recording: Sequence[Line], replayed: Replayed) -> tuple[Comparison, ...]:
    """Compare forecasts and decisions with the recorded ones, those of shadows too if there are any.

    Those delivered twice count once. Of a recording without samples the decisions alone: its forecasts were taken as
    they are.
    """
    found = [_compare("decisions", _of(recording, DECISIONS.name), _told(replayed.decisions))]
    if any(line.topic == SAMPLES.name for line in recording):
        forecasts = {encode(f).decode(): (f.at, f"forecasts at {f.at}") for f in replayed.forecasts}
        found.insert(0, _compare("forecasts", _of(recording, FORECASTS.name), forecasts))
    if recorded := _of(recording, SHADOW.name):
        found.append(_compare("shadows", recorded, _told(replayed.shadows)))
    return tuple(found)


def _told(decisions: Iterable[Decision]) -> dict[str, tuple[float, str]]:
    """Return decisions as they are published, when they were taken, and their names."""
    return {encode(d).decode(): (d.at, f"decision {d.decision}") for d in decisions}


def _forecasts(recording: Sequence[Line], partition: int, rules: Rules) -> Iterable[Forecasts]:
    """Fold one partition: first what is known of members, then the samples, in the order of the log.

    Without any sample of it the forecasts are those that were recorded.
    """
    fold = Fold(partition, rules)
    by_topic: dict[str, list[Line]] = defaultdict(list)
    for line in recording:
        if line.partition == partition and line.value:
            by_topic[line.topic].append(line)
    if not by_topic[SAMPLES.name]:
        yield from _recorded(by_topic[FORECASTS.name])
        return
    for line in sorted(by_topic[MEMBERS.name], key=lambda each: each.offset):
        fold.member(line.offset, facts.member(line.value.encode()))
    for line in sorted(by_topic[INSTANCES.name], key=lambda each: each.offset):
        fold.instance(line.offset, facts.instance(line.value.encode()))
    _remember(fold, sorted((each for each in recording if each.topic == HISTORY.name), key=lambda each: each.offset))
    for line in sorted(by_topic[SAMPLES.name], key=lambda each: each.offset):
        made = fold.message(line.value.encode(), written_at=line.at or math.inf)
        yield from (record for record in made if isinstance(record, Forecasts))


def _recorded(lines: Iterable[Line]) -> Iterator[Forecasts]:
    """Return recorded forecasts, each tick once, as the decider takes them in."""
    last = -math.inf
    for line in sorted(lines, key=lambda each: each.offset):
        record = FORECAST.decode(line.value)
        if record.at > last:
            last = record.at
            yield record


def _remember(fold: Fold, history: Iterable[Line]) -> None:
    """Tell a fold the history of its partition: each slot counts from its end on, the recorded ones of then as well."""
    for line in history:
        if line.partition != fold.partition:
            continue
        if line.value:
            fold.remember(PAST.decode(line.value))
        else:
            fold.unremember(line.key)


def _tick(decision: Decision) -> float:
    """Return a decision's time."""
    return decision.at


def _of(recording: Iterable[Line], topic: str) -> dict[str, str]:
    """Return what was recorded on a topic, and where each record stands."""
    return {ln.value: f"partition {ln.partition} offset {ln.offset}" for ln in recording if ln.topic == topic}


def _compare(kind: str, recorded: Mapping[str, str], made: Mapping[str, tuple[float, str]]) -> Comparison:
    """Count the recorded records that the replay made too.

    From the time of the last one that is equal nothing is extra: the recording may end in the midst of it.
    """
    missing = [where for value, where in recorded.items() if value not in made]
    equal = [made[value][0] for value in recorded if value in made]
    span = (min(equal, default=math.inf), max(equal, default=-math.inf))
    extra = [name for value, (at, name) in made.items() if value not in recorded and span[0] <= at < span[1]]
    return Comparison(kind, len(recorded), len(recorded) - len(missing), tuple(missing[:SHOWN]), tuple(extra[:SHOWN]))
