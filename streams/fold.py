"""The stream worker without its shell: one partition of ``pileus.samples``, folded into forecasts.

Everything it does hangs on the records it is fed, in their order. It reads no clock: time comes in
as ticks. Feed it the same records again and it gives the same forecasts, to the bit. Between two
ticks the order of the samples does not matter.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice

import msgspec
from msgspec.structs import replace

from config.cluster import PredictionSpec
from predictors.registry import PREDICTORS
from streams import unplaced
from streams.ages import Ages
from streams.cluster import Cluster, Measured, Rules
from streams.facts import AHEAD_S, NAME_MAX, TIME_MAX, Misread
from streams.foresight import Foresight
from streams.intake import Intake, is_count
from streams.ledger import Section
from streams.membership import Move
from streams.past import Forgotten, Past, means, over, slot_record
from streams.pending import Pending
from streams.probation import Probation
from streams.progress import Progress, rebuilt, sections
from streams.prospect import foretell
from streams.records.forecast import ClusterForecast, Forecasts, Signal
from streams.records.history import History
from streams.records.instance import Announcement, InstanceRecord
from streams.records.member import Claim, Member
from streams.records.record import UNREADABLE, Record
from streams.records.sample import SAMPLE, Tick
from streams.refusals import Refusals
from streams.store import Store
from streams.survey import Survey
from streams.topics import INSTANCES, MEMBERS, SAMPLES
from streams.unplaced import Unplaced
from streams.window import ROUNDING

TICK = b'"tick"'
"""Stands in every tick, and in little else."""
LAYOUT = 8
"""Version of the sections; raised when anything in :mod:`streams.progress` changes."""
FARTHEST_S = 86_400.0
"""Longest window and horizon that a policy may ask for (s)."""
CLUSTERS = 50_000
"""Clusters of a partition at most."""
MEMBERS_EACH = 100_000
"""Members of a cluster at most."""


class Fold:
    """The state of one partition, and what each message makes of it."""

    def __init__(self, partition: int, rules: Rules) -> None:
        self.partition = partition
        self.rules = rules
        self.progress = Progress()
        self.store = Store(rules.evaluation_s)
        self._survey = Survey(self.store)
        self._unplaced = Unplaced(self.progress.unplaced)
        self._foresight = Foresight()
        self._probation = Probation()
        self._past = Past()
        self._forgotten: list[Forgotten] = []
        self._members = Pending()
        self._instances: deque[tuple[int, Announcement | Misread]] = deque()
        self._refusals = Refusals(SAMPLES.name, partition)
        self._intake = Intake(rules, self._refusals)
        self._misfits = Refusals(INSTANCES.name, partition)
        self._strangers = Refusals(MEMBERS.name, partition)

    def member(self, offset: int, record: Member | Claim | Misread) -> None:
        """Take note of a record of ``pileus.members``, in the order of the log; it counts from the tick after it."""
        if offset >= self.progress.members_offset:
            self._members.add(offset, record)

    def instance(self, offset: int, record: InstanceRecord | Misread) -> None:
        """Take note of a cluster in ``pileus.instances``, in the order of the log; it counts from the tick after it."""
        if isinstance(record, Announcement | Misread) and offset >= self.progress.instances_offset:
            self._instances.append((offset, record))

    def remember(self, record: History) -> None:
        """Take in a record of ``pileus.history``. Call it after :meth:`restore`, before any message is fed."""
        self._past.tell(record, end=over(self.progress.at, self.rules.evaluation_s))

    def unremember(self, key: str) -> None:
        """Take in that a key of ``pileus.history`` was cleared, in the order of the log."""
        self._past.untell(key)

    def hold(self, messages: Sequence[bytes]) -> None:
        """Take in messages of ``pileus.samples`` that are no ticks: :data:`TICK` stands in none of them."""
        self._intake.hold([raw for raw in messages if raw])
        if empty := sum(not raw for raw in messages):
            self._refusals.add("BadJson", "Input data was truncated", "", count=empty)

    def message(self, raw: bytes | None, *, written_at: float = math.inf, named: bool = True) -> list[Record]:
        """Take in one message of ``pileus.samples``.

        Parameters
        ----------
        written_at
            When it was written to the log (s since the Unix epoch): a tick far ahead of that is refused.
        named
            False: the membership that a tick names is not there; such a one is refused.

        Returns
        -------
        list[Record]
            What to publish: on a tick one :class:`Forecasts`, before it the refusals since the last one, the slots of
            the history that are over and the keys of it that are forgotten; else nothing.
            Each sample is counted once, in ``Forecasts.samples`` when it was used or else in a refusal.
        """
        raw = raw or b""
        sample = self.peek(raw)
        if sample is None:
            self.hold((raw,))
            return []
        reason, said = self._wrong(sample, written_at)
        if not reason and not named:
            said = f"offsets {sample.members_offset} and {sample.instances_offset} are not there"
            reason = "BadValue"
        if reason:
            self._refusals.add(reason, said, "tick")
            return []
        return self._tick(sample)

    @staticmethod
    def peek(raw: bytes) -> Tick | None:
        """Return the tick in a message, or ``None`` when it is something else."""
        if TICK not in raw:
            return None
        try:
            sample = SAMPLE.decode(raw)
        except UNREADABLE:
            return None
        return sample if isinstance(sample, Tick) else None

    @property
    def ages(self) -> Ages:
        """Return how old samples were when they counted, since this process has the partition."""
        return self._intake.ages

    def sections(self) -> list[Section]:
        """Return the state after the last tick. Samples that came since are not in it: go back to the tick."""
        return list(sections(self.progress, self.store, self._foresight, self._probation))

    def snapshot(self) -> bytes:
        """Write the same down as a whole."""
        return msgspec.msgpack.encode({each.name: each.write() for each in self.sections()})

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot of the same layout. Call it before anything is fed.

        Raises
        ------
        msgspec.DecodeError
            The snapshot is damaged; the fold stays as it was.
        """
        self.rebuild(msgspec.msgpack.decode(state, type=dict[str, bytes]))

    def rebuild(self, found: Mapping[str, bytes]) -> None:
        """Go on from the sections of a checkpoint: as :meth:`restore`."""
        state = rebuilt(found, self.rules.evaluation_s)
        self.progress, self.store, self._foresight, self._probation = state
        self._survey = Survey(self.store)
        self._unplaced = Unplaced(self.progress.unplaced)
        for cluster in self.progress.clusters:
            self._survey.touch(cluster)

    def is_next(self, tick: Tick, written_at: float) -> bool:
        """Say whether a tick that was written then goes on from the last one."""
        return not self._wrong(tick, written_at)[0]

    def _wrong(self, tick: Tick, written_at: float) -> tuple[str, str]:
        """Return the reason why a tick does not go on from the last one, and what to say of it; empty when it does."""
        offsets, last = (tick.members_offset, tick.instances_offset), self.progress.at
        if not 0.0 < tick.at <= TIME_MAX or not all(map(is_count, offsets)):
            said = f"at {tick.at} must be in 0..{TIME_MAX:g}, offsets {offsets[0]} and {offsets[1]} in 0..2^53"
            return "BadValue", said
        if tick.at <= last:
            return "Duplicate" if tick.at == last else "Late", f"at {tick.at} is not after the last one at {last}"
        if tick.at > written_at + AHEAD_S:
            return "Future", f"at {tick.at} is more than {AHEAD_S:g} s after it was written at {written_at}"
        return "", ""

    def _tick(self, tick: Tick) -> list[Record]:
        """Evaluate every cluster."""
        self._count_in(tick)
        self._survey.refresh(self.progress.clusters)
        used = self._intake.take(self.progress.clusters, self._survey, tick.at)
        before, self.progress.at = self.progress.at, tick.at
        clusters, slots = self._evaluate(tick.at, before)
        forecasts = Forecasts(
            at=tick.at, partition=self.partition, members_offset=tick.members_offset, clusters=clusters, samples=used
        )
        forgotten, self._forgotten = self._forgotten, []
        refused = (each.take(tick.at) for each in (self._refusals, self._misfits, self._strangers))
        return [*chain.from_iterable(refused), *forgotten, *slots, forecasts]

    def _evaluate(self, at: float, before: float) -> tuple[list[ClusterForecast], list[History]]:
        """Measure every cluster, foresee all their signals at once, and say what comes of it; keep what is over."""
        clusters = dict(sorted(self.progress.clusters.items()))
        measured = self._survey.measure(clusters, at, self.rules)
        slots = self._keep(
            [(c.instance, each) for c, each in zip(clusters.values(), measured, strict=True)], at, before
        )
        prospects = [prospect for each in measured for prospect in each.prospects]
        outlooks = self._foresight.look([s for each in prospects for s in each.watched()], at, self._past)
        candidates = [
            candidate
            for prospect, predictions in zip(prospects, foretell(prospects, at), strict=True)
            for candidate in prospect.candidates(predictions, outlooks, at, stale_s=self.rules.stale_s)
        ]
        number = math.floor(at / self.rules.evaluation_s + ROUNDING)
        self.store.settle(before=number - 1)
        settled = iter(self._probation.settle(candidates, number=number, at=at))
        forecasts = [
            cluster.conclude(each, list(islice(settled, len(each.prospects) * len(Signal))))
            for cluster, each in zip(clusters.values(), measured, strict=True)
        ]
        return forecasts, slots

    def _keep(self, measured: Iterable[tuple[Announcement, Measured]], at: float, before: float) -> list[History]:
        """Keep the slots of the history that are over since the last tick, and return those that are new."""
        first, end = over(before, self.rules.evaluation_s), over(at, self.rules.evaluation_s)
        if first == end:
            return []
        self._past.advance(end)
        slots = (
            slot_record(instance, total.signal, slot)
            for instance, each in measured
            for total in each.totals
            for slot in means(total.values, each.grid, first=first, end=end)
        )
        return [slot for slot in slots if self._past.keep(slot)]

    def _count_in(self, tick: Tick) -> None:
        """Apply the membership that this tick names."""
        progress = self.progress
        while self._instances and self._instances[0][0] < tick.instances_offset:
            offset, instance = self._instances.popleft()
            progress.instances_offset = offset + 1
            if isinstance(instance, Misread):
                self._misfits.add(instance.reason, instance.said, instance.what)
            else:
                self._announce(self._usable(instance))
        for offset, move in self._members.take(tick.members_offset):
            progress.members_offset = offset + 1
            if move is None:
                progress.epoch = max(progress.epoch, offset)
            elif isinstance(move, Misread):
                self._strangers.add(move.reason, move.said, move.what)
            elif move.epoch >= progress.epoch:
                self._place(move)

    def _usable(self, instance: Announcement) -> Announcement:
        """Return a cluster without predictions that cannot be followed: the default counts in their place."""
        if said := _impossible(instance.prediction):
            self._misfits.add("BadValue", said, instance.cluster)
            instance = replace(instance, prediction=PredictionSpec())
        if instance.shadow is not None and (said := _impossible(instance.shadow)):
            self._misfits.add("BadValue", f"shadow: {said}", instance.cluster)
            instance = replace(instance, shadow=None)
        return instance

    def _announce(self, instance: Announcement) -> None:
        """Take in a cluster, with the members that were there before it, or give it up."""
        clusters = self.progress.clusters
        if instance.state == "Terminated":
            if clusters.pop(instance.cluster, None) is not None:
                self._survey.drop(instance.cluster)
            if (forgotten := self._past.forget(instance.cluster)) is not None:
                self._forgotten.append(forgotten)
        elif instance.cluster in clusters:
            clusters[instance.cluster].instance = instance
            self._survey.touch(instance.cluster)  # it may be another tenant's now
        elif len(clusters) >= CLUSTERS:
            self._misfits.add("Overload", f"more than {CLUSTERS} clusters in a partition", instance.cluster)
        else:
            clusters[instance.cluster] = Cluster(instance)
            self._survey.touch(instance.cluster)
            for move in self._unplaced.take(instance.cluster):
                clusters[instance.cluster].apply(move)

    def _place(self, move: Move) -> None:
        """Take in a member, or put it by until its cluster is announced."""
        if (cluster := self.progress.clusters.get(move.cluster)) is not None:
            alive = cluster.membership.alive
            if len(alive) >= MEMBERS_EACH and move.member not in alive:
                said = f"more than {MEMBERS_EACH} members in cluster '{move.cluster}'"
                self._strangers.add("Overload", said, move.member)
                return
            cluster.apply(move)
            self._survey.touch(move.cluster)
            return
        if not self._unplaced.put(move):
            said = f"more than {unplaced.MOST} members of clusters that are not announced"
            self._strangers.add("Overload", said, move.member)


def _impossible(prediction: PredictionSpec) -> str:
    """Say why a load cannot be forecast so; empty when it can."""
    name = prediction.predictor
    if name is not None and name not in PREDICTORS:
        return f"predictor '{name[:NAME_MAX]}' must be one of {', '.join(PREDICTORS)}"
    for field, value in (("window_s", prediction.window_s), ("horizon_s", prediction.horizon_s)):
        if value is not None and not 0.0 < value <= FARTHEST_S:
            return f"{field} {value} must be above 0, at most {FARTHEST_S:g}"
    return ""
