"""What a replay is worth: elasticity, what it started and stopped, what it cost, what the users lost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from actuators.lab.elasticity import Elasticity, Floats, elasticity, merged
from actuators.lab.fleet import Fleet
from actuators.lab.load import Load
from actuators.lab.loop import ClosedLoop
from actuators.place import name
from config.cluster import ClusterSpec

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One replay in numbers. What is unknown is ``None`` or NaN, never 0."""

    hours: float
    """Time that is scored, unknown load included (h)."""
    elasticity: Elasticity
    slo_minutes: float
    """Time with fewer members than the load needs (min)."""
    lost_load: float
    """Share of the load beyond what the members that served could carry (percent)."""
    member_hours: float
    """From asked for until gone (h)."""
    cost: float | None
    """Member-hours at the partitions' prices; ``None`` when one is unknown."""
    starts: int
    stops: int
    changes: int
    """How often the number wanted changed."""
    starts_per_hour: float
    failed: int
    unknown_minutes: float
    """Time in which nobody knows the load: not scored (min)."""
    saturated_minutes: float
    """Time in which the recording may show less than was asked for (min)."""

    @property
    def price(self) -> float:
        """Return what it cost, in member-hours when there is no price."""
        return self.member_hours if self.cost is None else self.cost


def demand_of(load: Load, capacity: Mapping[str, float]) -> Floats:
    """Return how many members each period needs at least (float64[n], NaN unknown); never less than one."""
    needs = [np.ceil(load.signals[signal] / each - 1e-9) for signal, each in capacity.items()]
    need: Floats = np.maximum(np.maximum.reduce(needs), 1.0)  # NaN wherever one signal is unknown
    return need


def supply_of(fleet: Fleet) -> tuple[Floats, Floats]:
    """Return when the supply changes (s), and to how many members."""
    at, members = zip(*fleet.supply, strict=True)
    return np.array(at, dtype=np.float64), np.array(members, dtype=np.float64)


def score(loop: ClosedLoop, load: Load, *, capacity: Mapping[str, float], skip_s: float = 0.0) -> Scores:
    """Score a replay of ``load`` from ``skip_s`` after its start to its end.

    ``capacity`` is what one member can carry before users notice, by signal.
    """
    begin, end = load.start + skip_s, load.start + load.periods * load.step_s
    ends = load.start + np.arange(load.periods, dtype=np.float64) * load.step_s
    loads = [(ends, load.signals[signal]) for signal in capacity]
    edges, (demand, supply, *totals) = merged(
        (ends, demand_of(load, capacity)), supply_of(loop.fleet), *loads, begin=begin, end=end
    )
    lives = loop.fleet.all_lives()
    first = math.ceil(skip_s / load.step_s - 1e-9)
    hours = (end - begin) / HOUR_S
    by_place = _hours(loop.fleet, begin, end)
    starts = sum(begin <= life.begin < end and life.begin > load.start for life in lives)
    made = elasticity(edges, demand, supply, step_s=load.step_s)
    return Scores(
        hours=hours,
        elasticity=made,
        slo_minutes=float(np.diff(edges)[demand > supply].sum()) / 60.0,
        lost_load=_lost(edges, supply, list(zip(capacity.values(), totals, strict=True))),
        member_hours=sum(by_place.values()),
        cost=_cost(loop.spec, by_place),
        starts=starts,
        stops=sum(begin <= life.end < end for life in lives),
        changes=sum(begin <= change.at < end for change in loop.changes),
        starts_per_hour=starts / hours if hours > 0.0 else float("nan"),
        failed=loop.fleet.failed,
        unknown_minutes=float(load.unknown[first:].sum()) * load.step_s / 60.0,
        saturated_minutes=float(load.saturated[first:].sum()) * load.step_s / 60.0,
    )


def _hours(fleet: Fleet, begin: float, end: float) -> dict[str, float]:
    """Return the member-hours of each partition."""
    hours: dict[str, float] = {}
    for life in fleet.all_lives():
        lasted = min(life.end, end) - max(life.begin, begin)
        if lasted > 0.0:
            hours[life.place] = hours.get(life.place, 0.0) + lasted / HOUR_S
    return hours


def _cost(spec: ClusterSpec, hours: Mapping[str, float]) -> float | None:
    """Return what member-hours cost; ``None`` when a price is unknown."""
    prices = {name(partition): partition.price_per_hour for partition in spec.partitions}
    costs = [price * lasted for place, lasted in hours.items() if (price := prices.get(place)) is not None]
    return sum(costs) if len(costs) == len(hours) else None


def _lost(edges: Floats, supply: Floats, totals: Sequence[tuple[float, Floats]]) -> float:
    """Return the share of the load that found nobody, of the signal that lost most (percent)."""
    lasts = np.diff(edges)
    shares = [0.0]
    for capacity, total in totals:
        known = np.isfinite(total)
        asked = float((total[known] * lasts[known]).sum())
        lost = np.maximum(total[known] - supply[known] * capacity, 0.0) * lasts[known]
        if asked > 0.0:
            shares.append(100.0 * float(lost.sum()) / asked)
    return max(shares)
