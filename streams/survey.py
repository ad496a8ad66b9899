"""A *survey* measures all clusters of a partition at a tick: in one pass, those whose windows are about as long."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from predictors import kinematic
from streams.bucket import Bools, Ints
from streams.cluster import MEMORY_CEILING, Cluster, Measured, Rules
from streams.prospect import Way
from streams.records.forecast import Fault, Signal
from streams.records.own import UNKNOWN, MemberColumns, laid_out
from streams.roster import Roster, known
from streams.rows import Places
from streams.signals import Total
from streams.states import Newest
from streams.store import Store
from streams.totals import Totals
from streams.window import Floats, Grid


@dataclass(frozen=True, slots=True)
class View:
    """How one cluster looks ahead at a tick."""

    ways: tuple[Way, ...]
    grid: Grid
    """The periods of the longest window."""
    own: Grid
    """Those of the policy's own window."""

    @classmethod
    def of(cls, cluster: Cluster, at: float, rules: Rules) -> "View":
        """Let a cluster say it."""
        ways = cluster.look(rules)
        return cls(ways, rules.grid(cluster.window_s, at), rules.grid(ways[0].window_s, at))


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The rosters of some clusters, one after the other."""

    clusters: list[Cluster]
    rosters: list[Roster]
    bounds: list[int]
    """Where each cluster's members begin, and where the last one's end."""
    names: list[str]
    rows: Ints
    start: Floats
    end: Floats
    serving: Bools
    sizes: Ints
    """Members of each cluster."""
    coming: Ints | slice
    """Where those stand that serve or are on their way."""
    load: Totals
    memory: Totals

    @classmethod
    def made(cls, clusters: list[Cluster], rosters: list[Roster]) -> "Crowd":
        """Join rosters."""
        wanted = np.concatenate([roster.wanted for roster in rosters])
        sizes = np.array([len(roster.names) for roster in rosters], dtype=np.int64)
        rows, start, end, serving = (
            np.concatenate([getattr(roster, column) for roster in rosters])
            for column in ("rows", "start", "end", "serving")
        )
        return cls(
            clusters=clusters,
            rosters=list(_views(rosters, rows=rows, start=start, end=end, serving=serving)),
            bounds=[0, *np.cumsum(sizes).tolist()],
            names=[name for roster in rosters for name in roster.names],
            rows=rows,
            start=start,
            end=end,
            serving=serving,
            sizes=sizes,
            coming=slice(None) if wanted.all() else np.flatnonzero(wanted),
            load=Totals(sizes, start, end),
            memory=Totals(sizes, start, end),
        )

    def spans(self) -> Iterator[slice]:
        """Yield where each cluster's members stand."""
        return (slice(*each) for each in pairwise(self.bounds))


def _views(rosters: list[Roster], *, rows: Ints, start: Floats, end: Floats, serving: Bools) -> Iterator[Roster]:
    """Yield the rosters with their own parts of the joined columns, so that nothing is kept twice."""
    begin = 0
    for roster in rosters:
        own = slice(begin, begin := begin + len(roster.names))
        yield replace(roster, rows=rows[own], start=start[own], end=end[own], serving=serving[own])


class Survey:
    """Keeps the rosters of a partition, and measures its clusters."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._rosters: dict[str, Roster] = {}
        self._changed: set[str] = set()
        self._crowds: dict[int, tuple[list[str], Crowd]] = {}
        """Those of alike windows, by the bits of the number of their periods."""
        self.places = Places()

    def touch(self, cluster: str) -> None:
        """Note that a cluster's membership has changed."""
        self._changed.add(cluster)

    def drop(self, cluster: str) -> None:
        """Forget a cluster."""
        self.store.drop(cluster)
        self._rosters.pop(cluster, None)
        self._changed.discard(cluster)
        self._crowds.clear()
        self.places.clear()

    def refresh(self, clusters: Mapping[str, Cluster]) -> None:
        """Follow the memberships that have changed."""
        for name in sorted(self._changed):
            membership = clusters[name].membership
            self.store.enroll(name, known(membership))
            self._rosters[name] = Roster.made(membership, self.store.rows[name])
        if self._changed:
            self._crowds.clear()
            self.places.clear()
        self._changed.clear()

    def measure(self, clusters: Mapping[str, Cluster], at: float, rules: Rules) -> list[Measured]:
        """Return what the windows hold at a tick, cluster by cluster; forget what no later tick needs."""
        views: dict[str, View] = {}
        alike: dict[int, list[str]] = {}
        before: dict[str, int] = {}
        for name, cluster in clusters.items():
            view = views[name] = View.of(cluster, at, rules)
            kept = view.grid.longer(rules.lead_periods)
            before[name] = kept.first
            if cluster.forget(kept.start, at, rules, ended=self._rosters[name].first_end):
                self.touch(name)
            alike.setdefault(view.grid.n.bit_length(), []).append(name)
        self.refresh(clusters)
        self.store.forget(before)
        found: dict[str, Measured] = {}
        for bits, names in alike.items():
            crowd = self._crowd(bits, names, clusters)
            found |= zip(names, self._group(crowd, [views[name] for name in names], at, rules), strict=True)
        return [found[name] for name in clusters]

    def _crowd(self, bits: int, names: list[str], clusters: Mapping[str, Cluster]) -> Crowd:
        """Join the rosters of these clusters, unless they are joined already."""
        before = self._crowds.get(bits)
        if before is not None and before[0] == names:
            return before[1]
        crowd = Crowd.made([clusters[name] for name in names], [self._rosters[name] for name in names])
        self._crowds[bits] = (names, crowd)
        self._rosters.update(zip(names, crowd.rosters, strict=True))
        return crowd

    def _group(self, crowd: Crowd, views: list[View], at: float, rules: Rules) -> Iterator[Measured]:
        """Measure clusters on the grid of the longest of their windows, and give each its own part."""
        lead, grid = rules.sample_periods, max((view.grid for view in views), key=lambda grid: grid.n)
        means = self.store.means(crowd.rows, first=grid.first - lead, n=grid.n + lead)
        own = self._own(crowd, views, at, means=means, rules=rules)
        loads, memories, known_ = self._totals(crowd, grid, at, means=means, rules=rules)  # its gaps are held now
        faults = self._faults(crowd, at, rules)
        each = zip(crowd.clusters, crowd.rosters, views, own, strict=True)
        for i, (cluster, roster, view, columns) in enumerate(each):
            load, memory = (total.newest(view.grid.n) for total in (loads[i], memories[i]))
            totals = (cluster.requests_total(view.grid, at, rules), load, memory)
            yield Measured(
                prospects=cluster.prospects(view.ways, totals, at, rules),
                grid=view.grid,
                totals=totals,
                known=known_[i],
                serving=roster.serves,
                starting=roster.starting,
                own=columns,
                faults=faults[i],
            )

    def _totals(
        self, crowd: Crowd, grid: Grid, at: float, *, means: tuple[Floats, Floats], rules: Rules
    ) -> tuple[list[Total], list[Total], list[int]]:
        """Sum load and memory over each cluster; say too of how many members the load is known in the newest period."""
        lead = rules.sample_periods
        stamps = self.store.stamps(first=grid.first - lead, n=grid.n + lead)
        (load, known_), (memory, _) = (
            totals.over(grid, mean, stamps, lead)
            for totals, mean in zip((crowd.load, crowd.memory), means, strict=True)
        )
        load_ages, memory_ages = (self._ages(crowd, newest, at) for newest in (self.store.load, self.store.memory))
        most = [MEMORY_CEILING * max(1, roster.serves) for roster in crowd.rosters]
        return (
            [Total(Signal.LOAD_AVERAGE, *each) for each in zip(load, load_ages, strict=True)],
            [
                Total(Signal.MEMORY_CONSUMPTION, values, age_s, ceiling=ceiling)
                for values, age_s, ceiling in zip(memory, memory_ages, most, strict=True)
            ],
            known_,
        )

    def _ages(self, crowd: Crowd, newest: Newest, at: float) -> list[float | None]:
        """Return the age of the newest sample of a signal over the members of each cluster that serve (s)."""
        times = np.where(crowd.serving, self.store.heard(newest, crowd.rows, at), -np.inf)
        most, some = np.full(len(crowd.clusters), -np.inf), np.flatnonzero(crowd.sizes)
        if some.size:
            most[some] = np.maximum.reduceat(times, np.array(crowd.bounds)[some])
        return [None if time == -np.inf else at - time for time in most.tolist()]

    def _own(
        self, crowd: Crowd, views: list[View], at: float, *, means: tuple[Floats, Floats], rules: Rules
    ) -> list[MemberColumns]:
        """Say of each member that serves or is on its way where it is heading, cluster by cluster."""
        store, coming = self.store, crowd.coming
        rows, oldest = crowd.rows[coming], at - rules.stale_s
        load, memory = (
            _ahead(predicted[coming], newest.at[rows], newest.value[rows], oldest)
            for predicted, newest in zip(_values(crowd, views, means, at), (store.load, store.memory), strict=True)
        )
        healthy = np.where(store.states.probed[rows] >= oldest, store.states.healthy[rows], UNKNOWN)
        age = np.maximum(at - store.states.newest[rows], 0.0)
        return laid_out([roster.coming for roster in crowd.rosters], load, memory, healthy, age)

    def _faults(self, crowd: Crowd, at: float, rules: Rules) -> list[list[Fault]]:
        """Name the members of each cluster that serve and are silent, or unhealthy, for longer than the fault time."""
        states, rows = self.store.states, crowd.rows
        newest, sick = states.newest[rows], states.unhealthy_since[rows]
        reports = crowd.serving & (at - newest <= rules.stale_s)
        since = np.repeat(
            [c.reports(at, any_=bool(reports[s].any())) for c, s in zip(crowd.clusters, crowd.spans(), strict=True)],
            np.diff(crowd.bounds),
        )
        heard = np.maximum(crowd.start, newest)
        ill = np.isfinite(sick) & (at - states.probed[rows] <= rules.stale_s)
        unhealthy = crowd.serving & ill & (at - sick > rules.fault_s)
        silent = crowd.serving & ~ill & (at - np.maximum(heard, since) > rules.fault_s)
        faulty = np.flatnonzero((unhealthy | silent) & np.isfinite(since))
        found: list[list[Fault]] = [[] for _ in crowd.clusters]
        owner = np.searchsorted(np.array(crowd.bounds), faulty, "right") - 1
        for i, c in zip(faulty.tolist(), owner.tolist(), strict=True):
            reason, when = ("Unhealthy", sick[i]) if unhealthy[i] else ("Silent", heard[i])
            found[c].append(Fault(member=crowd.names[i], reason=reason, since=float(when)))
        return found


def _values(crowd: Crowd, views: Sequence[View], means: tuple[Floats, Floats], at: float) -> tuple[Floats, Floats]:
    """Return load and memory of each member at the horizon of its cluster's policy; NaN with too few samples."""
    alike: dict[tuple[Grid, float], list[slice]] = {}
    load, memory = (np.full(len(crowd.names), np.nan) for _ in means)
    for view, span in zip(views, crowd.spans(), strict=True):
        alike.setdefault((view.own, view.ways[0].horizon_s), []).append(span)
    for (grid, horizon_s), spans in alike.items():
        chosen = slice(None) if len(alike) == 1 else np.concatenate([np.arange(s.start, s.stop) for s in spans])
        for found, mean, ceiling in zip((load, memory), means, (np.inf, MEMORY_CEILING), strict=True):
            windows = mean[-grid.n :, chosen].T
            most = np.full(len(windows), ceiling)
            found[chosen] = kinematic.values(grid.middles(at), windows, horizon_s=horizon_s, ceiling=most)
    return load, memory


def _ahead(predicted: Floats, at: Floats, value: Floats, oldest: float) -> Floats:
    """Return each member's value at the horizon; its newest value when it has too few, NaN when none or too old."""
    return np.where(at < oldest, np.nan, np.where(np.isnan(predicted), value, predicted))
