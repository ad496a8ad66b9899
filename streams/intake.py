"""The *intake* holds what came since the last tick. At a tick it is judged and stored, all at once."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from streams import skew
from streams.ages import Ages
from streams.came import Came
from streams.cluster import Cluster, Rules
from streams.facts import NAME_MAX
from streams.judged import LARGEST, OF_FATE, Bounds, Refused, judge, said, tell
from streams.reading import read
from streams.records.apart import misfit
from streams.records.columns import HealthBlock
from streams.records.record import encode
from streams.records.sample import HealthColumns, Requests
from streams.refusals import Refusals
from streams.rows import Directory
from streams.skipped import Held, Skipped, misnamed
from streams.store import Fates
from streams.survey import Survey
from streams.window import Floats

HELD = 32 * 1024 * 1024
"""Bytes of messages held between two ticks at most, about 200 000 samples. The oldest go first: this is how a worker
that is behind comes to fresh data, for it writes no ticks meanwhile (:mod:`streams.pace`)."""
COUNT_MAX = 2**53
"""Largest count that every JSON reader takes."""


class Intake:
    """The samples between two ticks."""

    def __init__(self, rules: Rules, refusals: Refusals) -> None:
        self._rules = rules
        self._refusals = refusals
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._skipped = Skipped()
        self.ages = Ages()

    def hold(self, messages: Sequence[bytes]) -> None:
        """Keep messages, none of them a tick, until the next one; when there are too many, give up the oldest."""
        self._held.extend(messages)
        self._held_bytes += sum(map(len, messages))
        while self._held_bytes > HELD:
            oldest = self._held.popleft()
            self._held_bytes -= len(oldest)
            for some in read([oldest], self._refusals):
                for sample in some:
                    self._skipped.add(sample)

    def take(self, clusters: Mapping[str, Cluster], survey: Survey, at: float) -> int:
        """Put what is held where it belongs, or refuse it; return how many samples were used."""
        held, self._held, self._held_bytes = list(self._held), deque(), 0
        self._skipped.tell(self._refusals, room=HELD)
        self._skipped = Skipped()
        singles, many = read(held, self._refusals)
        counted = sorted((s for s in many if isinstance(s, Requests)), key=lambda s: (s.at, encode(s)))
        came = Came.of(
            singles,
            self._envelopes(many),
            self._blocks(many, survey),
            _directory(clusters, survey),
            survey.places,
        )
        self._watch(came, clusters, survey, at)
        self.ages.count(at - came.columns.at)
        bounds = Bounds(at, self._rules.max_future_s, self._late(came, clusters, survey, at))
        reasons = self._health(came, survey, bounds)
        refused = [each for each in (self._requests(sample, clusters, at) for sample in counted) if each is not None]
        tell(self._refusals, came, reasons, refused, bounds=bounds)
        return int((reasons == 0).sum()) + len(counted) - len(refused)

    def _watch(self, came: Came, clusters: Mapping[str, Cluster], survey: Survey, at: float) -> None:
        """Look at the members' clocks."""
        rules = self._rules
        bound = skew.Bound(rules.max_future_s, rules.stale_s, rules.fault_s)
        clocks = {name: cluster.clocks for name, cluster in clusters.items()}
        skew.watch(came, clocks, survey.store.rows, at=at, bound=bound)

    def _envelopes(self, held: Iterable[Held]) -> list[HealthColumns]:
        """Return the envelopes that make rows; refuse the others."""
        fitting = []
        for sample in held:
            if isinstance(sample, HealthColumns):
                if (why := misfit(sample)) == "":
                    fitting.append(sample)
                else:
                    self._refusals.add("BadValue", why, sample.cluster)
        return fitting

    def _blocks(self, held: Iterable[Held], survey: Survey) -> list[HealthBlock]:
        """Return the binary envelopes whose names can be read; refuse the others."""
        fitting = []
        for sample in held:
            if not isinstance(sample, HealthBlock):
                continue
            if survey.places.has(sample) or not (why := misnamed(sample)):
                fitting.append(sample)
            else:
                self._refusals.add("BadValue", why, sample.cluster)
        return fitting

    def _reach(self, cluster: Cluster) -> float:
        """Return how old a cluster's samples may be (s): as long as its window was at the last tick."""
        return cluster.window_s or self._rules.window(0.0)

    def _late(self, came: Came, clusters: Mapping[str, Cluster], survey: Survey, at: float) -> Floats | float:
        """Return the time before which a sample is late: one for all, or one for each."""
        spans = [self._reach(cluster) for cluster in clusters.values()]
        if len(set(spans)) <= 1:
            return at - spans[0] if spans else at
        of_cluster = np.array(spans)
        of_row = np.zeros(survey.store.capacity)
        for span, members in zip(spans, (survey.store.rows[name] for name in clusters), strict=True):
            of_row[list(members.values())] = span
        row = came.columns.row
        unknown = of_cluster[np.clip(-2 - row, 0, len(spans) - 1)]
        return at - np.where(row >= 0, of_row[np.maximum(row, 0)], unknown)

    def _health(self, came: Came, survey: Survey, bounds: Bounds) -> Fates:
        """Take in what agents measured; return why each sample is refused, by number."""
        reasons = judge(came.columns, bounds)
        good = np.flatnonzero(reasons == 0)
        columns = came.columns if good.size == reasons.size else came.columns.chosen(good)
        reasons[good] = OF_FATE[survey.store.take(columns, stale_s=self._rules.stale_s)]
        return reasons

    def _requests(self, sample: Requests, clusters: Mapping[str, Cluster], at: float) -> Refused | None:
        """Take in what a balancer counted, or say why not."""
        cluster = clusters.get(sample.cluster)
        if cluster is None or not cluster.belongs_to(sample.tenant, sample.application):
            reason = "UnknownCluster"
        elif not sample.at <= at + self._rules.max_future_s:
            reason = "Future"
        elif sample.at < at - self._reach(cluster):
            reason = "Late"
        elif why := _wrong(sample, self._rules.window_s):
            return Refused(sample, "BadValue", why)
        elif reason := cluster.take_requests(sample):
            return Refused(sample, reason, f"interval that ends at {sample.at}")
        if not reason:
            return None
        return Refused(sample, reason, said(sample, reason, Bounds(at, self._rules.max_future_s)))


def _directory(clusters: Mapping[str, Cluster], survey: Survey) -> Directory:
    """Return who is known: the clusters are numbered from -2 downwards, for their members that are not."""
    directory = Directory()
    for number, (name, cluster) in enumerate(clusters.items()):
        members = survey.store.rows[name]
        members.absent = -2 - number
        directory[cluster.instance.tenant, cluster.instance.application, name] = members
    return directory


def _wrong(requests: Requests, longest_s: float) -> str:
    """Say which value of a balancer is out of bounds; empty when none is."""
    if not 0.0 <= requests.in_flight <= LARGEST:
        return f"in_flight {requests.in_flight} must be in 0..{LARGEST:g}"
    if not is_count(requests.count):
        return f"count {requests.count} must be in 0..2^53"
    if not 0.0 < requests.interval_s <= longest_s:
        return f"interval_s {requests.interval_s} must be above 0, at most {longest_s:g}"
    if len(requests.balancer) > NAME_MAX:
        return f"balancer has {len(requests.balancer)} characters, at most {NAME_MAX} are allowed"
    return ""


def is_count(value: int) -> bool:
    """Say whether a count is what every reader can take."""
    return 0 <= value <= COUNT_MAX
