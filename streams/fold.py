"""The stream worker without its shell: one partition of ``pileus.samples``, folded into forecasts.

Everything it does hangs on the records it is fed, in their order. It reads no clock: time comes in
as ticks. Feed it the same records again and it gives the same forecasts, to the bit. Between two
ticks the order of the samples does not matter.
"""

import math
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec
from msgspec.structs import replace

from config.cluster import PredictionSpec
from predictors.registry import PREDICTORS
from streams.cluster import Cluster, Measured, Rules
from streams.foresight import Foresight, Kept
from streams.past import Forgotten, Past, means, over, slot_record
from streams.probation import Probation, Scored
from streams.records.forecast import ClusterForecast, Forecasts, Signal
from streams.records.history import History
from streams.records.instance import Announcement, InstanceRecord
from streams.records.member import Claim, Member, State
from streams.records.record import Record, encode
from streams.records.sample import SAMPLE, Health, HealthColumns, Requests, Sample, Tick
from streams.refusals import EXAMPLE_LENGTH, Refusals
from streams.topics import INSTANCES, SAMPLES
from streams.window import ROUNDING

LAYOUT = 6
"""Version of the snapshot; raised when :class:`Progress` or anything in it changes."""
HELD = 32 * 1024 * 1024
"""Bytes of messages held between two ticks at most, about 200 000 samples. The oldest go first: after a long pause
without ticks they are too late anyway."""
LARGEST = 1e9
"""Largest load (percent) and requests in flight that are believed: sums of them stay exact enough, and finite."""
COUNT_MAX = 2**53
"""Largest count that every JSON reader takes."""
NAME_MAX = 255
"""Longest name of a balancer."""
FARTHEST_S = 86_400.0
"""Longest window and horizon that a policy may ask for (s)."""
TIME_MAX = 1e11
"""Latest time of a tick (s since the Unix epoch): the year 5138."""


class Progress(msgspec.Struct):
    """All that a restart needs: the clusters' windows and how far each log counts."""

    at: float = -math.inf
    """The last tick."""
    members_offset: int = 0
    instances_offset: int = 0
    """Records below these offsets are in already."""
    epoch: int = 0
    """The newest claim among the members: records of an older decider do not count."""
    clusters: dict[str, Cluster] = {}
    foresight: list[Kept] = []
    """The predictors' rows, as of the last snapshot."""
    probation: Scored | None = None
    """What forecasts were worth, as of the last snapshot."""
    unplaced: dict[str, dict[str, Member]] = {}
    """Members whose cluster is not announced yet, by cluster: the two logs are read side by side."""


class Fold:
    """The state of one partition, and what each message makes of it."""

    def __init__(self, partition: int, rules: Rules) -> None:
        self.partition = partition
        self.rules = rules
        self.progress = Progress()
        self._foresight = Foresight()
        self._probation = Probation()
        self._past = Past()
        self._forgotten: list[Forgotten] = []
        self._members: deque[tuple[int, Member | Claim]] = deque()
        self._instances: deque[tuple[int, Announcement]] = deque()
        self._held: deque[tuple[int, Health | HealthColumns | Requests]] = deque()
        self._held_bytes = 0
        self._refusals = Refusals(SAMPLES.name, partition)
        self._misfits = Refusals(INSTANCES.name, partition)

    def member(self, offset: int, record: Member | Claim) -> None:
        """Take note of a record of ``pileus.members``, in the order of the log; it counts from the tick after it."""
        if offset >= self.progress.members_offset:
            self._members.append((offset, record))

    def instance(self, offset: int, record: InstanceRecord) -> None:
        """Take note of a cluster in ``pileus.instances``, in the order of the log; it counts from the tick after it."""
        if isinstance(record, Announcement) and offset >= self.progress.instances_offset:
            self._instances.append((offset, record))

    def remember(self, record: History) -> None:
        """Take in a record of ``pileus.history``. Call it after :meth:`restore`, before any message is fed."""
        self._past.tell(record, end=over(self.progress.at, self.rules.evaluation_s))

    def unremember(self, key: str) -> None:
        """Take in that a key of ``pileus.history`` was cleared, in the order of the log."""
        self._past.untell(key)

    def message(self, raw: bytes | None) -> list[Record]:
        """Take in one message of ``pileus.samples``.

        Returns
        -------
        list[Record]
            What to publish: on a tick one :class:`Forecasts`, before it the refusals since the last one, the slots of
            the history that are over and the keys of it that are forgotten; else nothing.
            Each sample is counted once, in ``Forecasts.samples`` when it was used or else in a refusal.
        """
        raw = raw or b""
        try:
            sample = SAMPLE.decode(raw)
        except (ValueError, RecursionError) as error:
            reason = "BadValue" if isinstance(error, msgspec.ValidationError) else "BadJson"
            self._refusals.add(reason, str(error), raw[:EXAMPLE_LENGTH].decode(errors="replace"))
            return []
        if not isinstance(sample, Tick):
            self._hold(sample, len(raw))
            return []
        return self._tick(sample) if self._is_next(sample) else []

    @staticmethod
    def peek(raw: bytes) -> Tick | None:
        """Return the tick in a message, or ``None`` when it is something else."""
        try:
            sample = SAMPLE.decode(raw)
        except (ValueError, RecursionError):
            return None
        return sample if isinstance(sample, Tick) else None

    def snapshot(self) -> bytes:
        """Write the state after a tick. Samples that came since are not in it: go back to the tick."""
        self.progress.foresight, self.progress.probation = self._foresight.dump(), self._probation.dump()
        return zlib.compress(msgspec.msgpack.encode(self.progress), level=1)

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot of the same layout. Call it before anything is fed.

        Raises
        ------
        msgspec.DecodeError
            The snapshot is damaged; the fold stays as it was.
        """
        try:
            packed = zlib.decompress(state)
        except zlib.error as error:
            raise msgspec.DecodeError(f"snapshot of {len(state)} bytes: {error}") from error
        progress, seen, scored = msgspec.msgpack.decode(packed, type=Progress), Foresight(), Probation()
        try:
            seen.restore(progress.foresight)
            if progress.probation is not None:
                scored.restore(progress.probation)
        except ValueError as error:
            raise msgspec.DecodeError(f"rows of the predictors: {error}") from error
        self.progress, self._foresight, self._probation = progress, seen, scored

    def _hold(self, sample: Health | HealthColumns | Requests, size: int) -> None:
        """Keep a sample until the next tick; when there are too many, give up the oldest."""
        self._held.append((size, sample))
        self._held_bytes += size
        while self._held_bytes > HELD:
            size, oldest = self._held.popleft()
            self._held_bytes -= size
            said = f"more than {HELD} bytes of samples between two ticks"
            self._refusals.add("Overload", said, oldest.cluster, count=_weight(oldest))

    def _is_next(self, tick: Tick) -> bool:
        """Say whether a tick goes on from the last one; refuse it otherwise."""
        if not 0.0 < tick.at <= TIME_MAX or not _is_count(tick.members_offset) or not _is_count(tick.instances_offset):
            said = f"at {tick.at} must be in 0..{TIME_MAX:g}, offsets {tick.members_offset} and "
            self._refusals.add("BadValue", f"{said}{tick.instances_offset} in 0..2^53", "tick")
        elif tick.at <= self.progress.at:
            reason = "Duplicate" if tick.at == self.progress.at else "Late"
            self._refusals.add(reason, f"at {tick.at} is not after the last one at {self.progress.at}", "tick")
        else:
            return True
        return False

    def _tick(self, tick: Tick) -> list[Record]:
        """Evaluate every cluster."""
        self._count_in(tick)
        used = sum(self._sample(sample, tick.at) for sample in self._release())
        before, self.progress.at = self.progress.at, tick.at
        clusters, slots = self._evaluate(tick.at, before)
        forecasts = Forecasts(
            at=tick.at, partition=self.partition, members_offset=tick.members_offset, clusters=clusters, samples=used
        )
        forgotten, self._forgotten = self._forgotten, []
        return [*self._refusals.take(tick.at), *self._misfits.take(tick.at), *forgotten, *slots, forecasts]

    def _evaluate(self, at: float, before: float) -> tuple[list[ClusterForecast], list[History]]:
        """Measure every cluster, foresee all their signals at once, and say what comes of it; keep what is over."""
        clusters = [cluster for _, cluster in sorted(self.progress.clusters.items())]
        measured = [cluster.measure(at, self.rules) for cluster in clusters]
        slots = self._keep([(c.instance, each) for c, each in zip(clusters, measured, strict=True)], at, before)
        prospects = [prospect for each in measured for prospect in each.prospects]
        outlooks = self._foresight.look([s for each in prospects for s in each.watched()], at, self._past)
        stale_s = self.rules.stale_s
        candidates = [each for prospect in prospects for each in prospect.candidates(outlooks, at, stale_s=stale_s)]
        number = math.floor(at / self.rules.evaluation_s + ROUNDING)
        settled = iter(self._probation.settle(candidates, number=number, at=at))
        forecasts = [
            cluster.conclude(each, list(islice(settled, len(each.prospects) * len(Signal))), at, self.rules)
            for cluster, each in zip(clusters, measured, strict=True)
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

    def _release(self) -> list[Health | Requests]:
        """Return the samples held, one by one, in an order that does not hang on how they came."""
        held, self._held, self._held_bytes = self._held, deque(), 0
        return sorted(self._single(sample for _, sample in held), key=lambda sample: (sample.at, encode(sample)))

    def _single(self, samples: Iterable[Health | HealthColumns | Requests]) -> Iterator[Health | Requests]:
        """Take columns apart."""
        for sample in samples:
            if not isinstance(sample, HealthColumns):
                yield sample
            elif (said := _misfit(sample)) != "":
                self._refusals.add("BadValue", said, sample.cluster)
            else:
                yield from _rows(sample)

    def _count_in(self, tick: Tick) -> None:
        """Apply the membership that this tick names."""
        progress = self.progress
        while self._instances and self._instances[0][0] < tick.instances_offset:
            offset, instance = self._instances.popleft()
            progress.instances_offset = offset + 1
            self._announce(self._usable(instance))
        while self._members and self._members[0][0] < tick.members_offset:
            offset, record = self._members.popleft()
            progress.members_offset = offset + 1
            if isinstance(record, Claim):
                progress.epoch = max(progress.epoch, offset)
            elif record.epoch >= progress.epoch:
                self._place(record)

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
            clusters.pop(instance.cluster, None)
            if (forgotten := self._past.forget(instance.cluster)) is not None:
                self._forgotten.append(forgotten)
        elif instance.cluster in clusters:
            clusters[instance.cluster].instance = instance
        else:
            clusters[instance.cluster] = Cluster(instance)
            for member in self.progress.unplaced.pop(instance.cluster, {}).values():
                clusters[instance.cluster].apply(member)

    def _place(self, member: Member) -> None:
        """Take in a member, or put it by until its cluster is announced."""
        if (cluster := self.progress.clusters.get(member.cluster)) is not None:
            cluster.apply(member)
            return
        waiting = self.progress.unplaced.setdefault(member.cluster, {})
        waiting[member.member] = member
        if member.state is State.TERMINATED:
            del waiting[member.member]
        if not waiting:
            del self.progress.unplaced[member.cluster]

    def _sample(self, sample: Health | Requests, at: float) -> bool:
        """Put one sample where it belongs, or refuse it; say whether it was used."""
        cluster = self.progress.clusters.get(sample.cluster)
        owner = (sample.tenant, sample.application)
        if cluster is None or (cluster.instance.tenant, cluster.instance.application) != owner:
            reason, said = "UnknownCluster", f"no cluster '{sample.cluster[:NAME_MAX]}' in '{'/'.join(owner)}'"
        elif (untimely := self._untimely(sample, cluster, at)) is not None:
            reason, said = untimely
        elif isinstance(sample, Health):
            reason, said = self._health(sample, cluster)
        else:
            reason, said = self._requests(sample, cluster)
        if reason:
            self._refusals.add(reason, said, sample.member if isinstance(sample, Health) else sample.balancer)
        return not reason

    def _untimely(self, sample: Health | Requests, cluster: Cluster, at: float) -> tuple[str, str] | None:
        """Say what is wrong with a sample's time."""
        if not sample.at <= at + self.rules.max_future_s:
            return "Future", f"at {sample.at} is more than {self.rules.max_future_s} s after the tick at {at}"
        if sample.at < at - (cluster.window_s or self.rules.window(0.0)):
            return "Late", f"at {sample.at} is before the window of the tick at {at}"
        return None

    def _health(self, health: Health, cluster: Cluster) -> tuple[str, str]:
        """Take in what an agent measured; return what is wrong with it."""
        if not cluster.knows(health.member):
            return "UnknownMember", f"no such member in cluster '{health.cluster}'"
        if not _is_within(health.load_average, LARGEST):
            return "BadValue", f"load_average {health.load_average} must be in 0..{LARGEST:g}"
        if not _is_within(health.memory_consumption, 100.0):
            return "BadValue", f"memory_consumption {health.memory_consumption} must be in 0..100"
        return cluster.take_health(health, self.rules), f"at {health.at}"

    def _requests(self, requests: Requests, cluster: Cluster) -> tuple[str, str]:
        """Take in what a balancer counted; return what is wrong with it."""
        if said := _wrong(requests, self.rules.window_s):
            return "BadValue", said
        return cluster.take_requests(requests), f"interval that ends at {requests.at}"


def _impossible(prediction: PredictionSpec) -> str:
    """Say why a load cannot be forecast so; empty when it can."""
    name = prediction.predictor
    if name is not None and name not in PREDICTORS:
        return f"predictor '{name[:NAME_MAX]}' must be one of {', '.join(PREDICTORS)}"
    for field, value in (("window_s", prediction.window_s), ("horizon_s", prediction.horizon_s)):
        if value is not None and not 0.0 < value <= FARTHEST_S:
            return f"{field} {value} must be above 0, at most {FARTHEST_S:g}"
    return ""


def _weight(sample: Sample) -> int:
    """Return how many samples a message carries; columns that do not fit count once."""
    return len(sample.member) if isinstance(sample, HealthColumns) and not _misfit(sample) else 1


def _misfit(many: HealthColumns) -> str:
    """Say why columns make no rows; empty when they do."""
    columns = (many.at, many.load_average, many.memory_consumption, many.healthy)
    lengths = [len(column) for column in columns if column is not None]
    n = len(many.member)
    if n and all(length == n for length in lengths):
        return ""
    return f"{n} members but columns of {', '.join(map(str, lengths))}; need at least one row"


def _rows(many: HealthColumns) -> Iterator[Health]:
    """Return each row as a sample of its own."""
    blank: list[None] = [None] * len(many.member)
    columns = (many.load_average or blank, many.memory_consumption or blank, many.healthy or blank)
    for member, at, load, memory, healthy in zip(many.member, many.at, *columns, strict=True):
        yield Health(
            tenant=many.tenant,
            application=many.application,
            cluster=many.cluster,
            member=member,
            at=at,
            load_average=load,
            memory_consumption=memory,
            healthy=healthy,
        )


def _wrong(requests: Requests, longest_s: float) -> str:
    """Say which value of a balancer is out of bounds; empty when none is."""
    if not _is_within(requests.in_flight, LARGEST):
        return f"in_flight {requests.in_flight} must be in 0..{LARGEST:g}"
    if not _is_count(requests.count):
        return f"count {requests.count} must be in 0..2^53"
    if not 0.0 < requests.interval_s <= longest_s:
        return f"interval_s {requests.interval_s} must be above 0, at most {longest_s:g}"
    if len(requests.balancer) > NAME_MAX:
        return f"balancer has {len(requests.balancer)} characters, at most {NAME_MAX} are allowed"
    return ""


def _is_within(value: float | None, most: float) -> bool:
    """Say whether a value is absent, or from 0 to ``most``."""
    return value is None or 0.0 <= value <= most


def _is_count(value: int) -> bool:
    """Say whether a count is what every reader can take."""
    return 0 <= value <= COUNT_MAX
