"""The stream worker without its shell: one partition of ``pileus.samples``, folded into forecasts.

Everything it does hangs on the records it is fed, in their order. It reads no clock: time comes in
as ticks. Feed it the same records again and it gives the same forecasts, to the bit.
"""

import math
from collections import Counter, deque

import msgspec

from streams.cluster import BalancerWindow, Cluster, MemberWindow, Rules
from streams.records.forecast import Forecasts
from streams.records.log import Rejected
from streams.records.member import Claim, ClusterInstance, Member
from streams.records.record import Record
from streams.records.sample import SAMPLE, Health, HealthColumns, Requests, Sample, Tick
from streams.topics import SAMPLES

LAYOUT = 1
"""Version of the snapshot; raised when :class:`Progress` or anything in it changes."""
EXAMPLES = 3
EXAMPLE_LENGTH = 200


class Progress(msgspec.Struct):
    """All that a restart needs: the clusters' windows and how far each log counts."""

    at: float = -math.inf
    """The last tick."""
    members_offset: int = 0
    instances_offset: int = 0
    epoch: int = 0
    """The newest claim among the members: records of an older decider do not count."""
    clusters: dict[str, Cluster] = {}


class Fold:
    """The state of one partition, and what each message makes of it."""

    def __init__(self, partition: int, rules: Rules) -> None:
        self.partition = partition
        self.rules = rules
        self.progress = Progress()
        self._members: deque[tuple[int, Member | Claim]] = deque()
        self._instances: deque[tuple[int, ClusterInstance]] = deque()
        self._arrived: list[Sample] = []
        self._refused: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def member(self, offset: int, record: Member | Claim) -> None:
        """Take note of a record of ``pileus.members``; it counts from the tick that names its offset."""
        if offset >= self.progress.members_offset:
            self._members.append((offset, record))

    def instance(self, offset: int, record: ClusterInstance) -> None:
        """Take note of a record of ``pileus.instances``; it counts from the tick that names its offset."""
        if offset >= self.progress.instances_offset:
            self._instances.append((offset, record))

    def message(self, raw: bytes | None) -> list[Record]:
        """Take in one message of ``pileus.samples``.

        Returns
        -------
        list[Record]
            What to publish: on a tick one :class:`Forecasts`, before it the refusals since the last one; else nothing.
        """
        try:
            sample = SAMPLE.decode(raw or b"")
        except (msgspec.DecodeError, RecursionError) as error:
            self._refuse("BadJson", str(error), (raw or b"")[:EXAMPLE_LENGTH].decode(errors="replace"))
            return []
        if not isinstance(sample, Tick):
            self._arrived.append(sample)
            return []
        if not math.isfinite(sample.at) or sample.at <= self.progress.at:
            self._refuse("Duplicate", f"tick at {sample.at} is not after {self.progress.at}", "tick")
            return []
        return self._tick(sample)

    @staticmethod
    def peek(raw: bytes) -> Tick | None:
        """Return the tick in a message, or ``None`` when it is something else."""
        try:
            sample = SAMPLE.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return None
        return sample if isinstance(sample, Tick) else None

    def snapshot(self) -> bytes:
        """Write the state after a tick. Samples that came since are not in it: go back to the tick."""
        return msgspec.msgpack.encode(self.progress)

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot of the same layout. Call it before anything is fed."""
        self.progress = msgspec.msgpack.decode(state, type=Progress)

    def _tick(self, tick: Tick) -> list[Record]:
        """Evaluate every cluster."""
        self._count_in(tick)
        arrived, self._arrived = self._arrived, []
        for sample in arrived:
            self._sample(sample, tick.at)
        self.progress.at = tick.at
        clusters = [c.evaluate(tick.at, self.rules) for _, c in sorted(self.progress.clusters.items())]
        forecasts = Forecasts(
            at=tick.at, partition=self.partition, members_offset=tick.members_offset, clusters=clusters
        )
        return [*self._refusals(tick.at), forecasts]

    def _count_in(self, tick: Tick) -> None:
        """Apply the membership that this tick names."""
        while self._instances and self._instances[0][0] < tick.instances_offset:
            _, instance = self._instances.popleft()
            if instance.cluster in self.progress.clusters:
                self.progress.clusters[instance.cluster].instance = instance
            else:
                self.progress.clusters[instance.cluster] = Cluster(instance)
        while self._members and self._members[0][0] < tick.members_offset:
            offset, record = self._members.popleft()
            if isinstance(record, Claim):
                self.progress.epoch = max(self.progress.epoch, offset)
            elif record.epoch >= self.progress.epoch and (cluster := self.progress.clusters.get(record.cluster)):
                cluster.apply(record)
        self.progress.members_offset = max(self.progress.members_offset, tick.members_offset)
        self.progress.instances_offset = max(self.progress.instances_offset, tick.instances_offset)

    def _sample(self, sample: Sample, at: float) -> None:
        """Put one sample where it belongs, or refuse it."""
        match sample:
            case Health():
                self._health(sample, at)
            case HealthColumns():
                self._columns(sample, at)
            case Requests():
                self._requests(sample, at)
            case Tick():
                raise AssertionError(sample)

    def _columns(self, many: HealthColumns, at: float) -> None:
        """Take the columns apart."""
        n = len(many.member)
        blank: list[None] = [None] * n
        columns = (many.at, many.load_average or blank, many.memory_consumption or blank, many.healthy or blank)
        if any(len(column) != n for column in columns):
            lengths = ", ".join(str(len(column)) for column in columns)
            self._refuse("BadValue", f"{n} members but columns of {lengths}", many.cluster)
            return
        for member, when, load, memory, healthy in zip(many.member, *columns, strict=True):
            health = Health(
                tenant=many.tenant,
                application=many.application,
                cluster=many.cluster,
                member=member,
                at=when,
                load_average=load,
                memory_consumption=memory,
                healthy=healthy,
            )
            self._health(health, at)

    def _health(self, health: Health, at: float) -> None:
        """Take in what an agent measured."""
        cluster = self._cluster(health, at)
        if cluster is None:
            return
        if not cluster.knows(health.member):
            self._refuse("UnknownMember", f"no member '{health.member}' in cluster '{health.cluster}'", health.member)
            return
        load, memory = health.load_average, health.memory_consumption
        if not _is_number(load) or not _is_number(memory) or (memory is not None and memory > 100.0):  # noqa: PLR2004 - percent
            said = f"load_average {load} must be >= 0, memory_consumption {memory} in 0..100"
            self._refuse("BadValue", said, health.member)
            return
        window = cluster.members.setdefault(health.member, MemberWindow())
        fresh = window.newest is None or health.at > window.newest
        kept = [
            series.insert(health.at, value)
            for series, value in ((window.load_average, load), (window.memory_consumption, memory))
            if value is not None
        ]
        if kept and not any(kept):
            self._refuse("Duplicate", f"{health.member} already has a sample at {health.at}", health.member)
        if fresh:
            window.newest = health.at
            window.healthy = health.healthy
            if health.healthy is not False:
                window.unhealthy_since = None
            elif window.unhealthy_since is None:
                window.unhealthy_since = health.at

    def _requests(self, requests: Requests, at: float) -> None:
        """Take in what a balancer counted."""
        cluster = self._cluster(requests, at)
        if cluster is None:
            return
        bad = not _is_number(requests.in_flight) or requests.count < 0
        if bad or not 0.0 < requests.interval_s < math.inf:
            said = f"in_flight {requests.in_flight} and count {requests.count} must be >= 0, "
            said += f"interval_s {requests.interval_s} > 0"
            self._refuse("BadValue", said, requests.balancer)
            return
        window = cluster.balancers.setdefault(requests.balancer, BalancerWindow())
        if not window.in_flight.insert(requests.at - requests.interval_s / 2.0, requests.in_flight):
            self._refuse("Duplicate", f"{requests.balancer} already counted at {requests.at}", requests.balancer)
        if requests.at > window.newest:
            window.newest = requests.at
            window.count = requests.count

    def _cluster(self, sample: Health | Requests, at: float) -> Cluster | None:
        """Return the cluster a sample belongs to, or refuse it for its cluster or its time."""
        cluster = self.progress.clusters.get(sample.cluster)
        owner = (sample.tenant, sample.application)
        if cluster is None or (cluster.instance.tenant, cluster.instance.application) != owner:
            self._refuse("UnknownCluster", f"no cluster '{sample.cluster}' in '{'/'.join(owner)}'", sample.cluster)
            return None
        if not math.isfinite(sample.at) or sample.at > at + self.rules.max_future_s:
            bound = f"more than {self.rules.max_future_s} s after the tick at {at}"
            self._refuse("Future", f"time {sample.at} is {bound}", sample.cluster)
            return None
        if sample.at < at - self.rules.window_s:
            self._refuse("Late", f"time {sample.at} is before the window of the tick at {at}", sample.cluster)
            return None
        return cluster

    def _refuse(self, reason: str, said: str, what: str) -> None:
        """Count a message that cannot be used, and keep the first few as examples."""
        self._refused[reason] += 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(f"{what}: {said}"[:EXAMPLE_LENGTH])

    def _refusals(self, at: float) -> list[Rejected]:
        """Return the refusals since the last tick, one record per reason."""
        records = [
            Rejected(
                topic=SAMPLES.name,
                partition=self.partition,
                reason=reason,
                count=count,
                at=at,
                examples=tuple(self._examples[reason]),
            )
            for reason, count in sorted(self._refused.items())
        ]
        self._refused.clear()
        self._examples.clear()
        return records


def _is_number(value: float | None) -> bool:
    """Say whether a value is absent, or finite and not negative."""
    return value is None or (math.isfinite(value) and value >= 0.0)
