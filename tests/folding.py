"""Feed a fold, and look at what comes out."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from streams.cluster import Rules
from streams.fold import Fold
from streams.records.forecast import ClusterForecast, Forecasts, Signal, SignalForecast
from streams.records.instance import Announcement
from streams.records.log import Rejected
from streams.records.member import Member
from streams.records.record import Record
from streams.records.sample import Health, Requests
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance, raw

Timed = Health | Requests

RULES = Rules(sample_interval_s=5.0, evaluation_s=5.0, window_s=100.0, predictor="kinematic")
"""The defaults with a shorter window: 120 s, twice the horizon of a cluster without lead times."""


def a_fold(
    *,
    members: Iterable[Member] = (),
    instances: Sequence[Announcement] = (an_instance(),),
    rules: Rules = RULES,
) -> Fold:
    """Return a fold that knows some clusters and members; they count from the first tick."""
    fold = Fold(0, rules)
    for offset, instance in enumerate(instances):
        fold.instance(offset, instance)
    for offset, member in enumerate(members):
        fold.member(offset, member)
    return fold


def serving(*names: str, since: float = 100.0) -> list[Member]:
    """Return members that serve."""
    return [a_member(name, at=since) for name in names]


def health(name: str, *, begin: float, end: float, load: float = 40.0, every: float = 5.0) -> list[Timed]:
    """Return a member's samples, one in the middle of each period."""
    count = round((end - begin) / every)
    return [a_health(name, at=begin + (i + 0.5) * every, load=load) for i in range(count)]


def requests(balancer: str, *, begin: float, end: float, in_flight: float = 10.0, every: float = 5.0) -> list[Timed]:
    """Return a balancer's samples, one at the end of each interval."""
    count = round((end - begin) / every)
    return [
        a_requests(in_flight, at=begin + (i + 1) * every, interval_s=every, balancer=balancer, count=i)
        for i in range(count)
    ]


def feed(fold: Fold, *records: Record) -> list[Record]:
    """Feed records in this order; return all that is published."""
    return [published for record in records for published in fold.message(raw(record))]


def play(fold: Fold, samples: Iterable[Timed], *, ticks: Iterable[float]) -> Iterator[ClusterForecast]:
    """Feed samples as they become due and tick in between; yield the forecast of the only cluster at each tick."""
    coming = deque(sorted(samples, key=lambda sample: sample.at))
    for at in ticks:
        while coming and coming[0].at <= at:
            feed(fold, coming.popleft())
        yield forecast(fold, at)


def tick(fold: Fold, at: float) -> Forecasts:
    """Tick, and return the forecasts alone."""
    (forecasts,) = [each for each in feed(fold, a_tick(at)) if isinstance(each, Forecasts)]
    return forecasts


def forecast(fold: Fold, at: float) -> ClusterForecast:
    """Tick, and return the forecast of the only cluster."""
    (of,) = tick(fold, at).clusters
    return of


def signal(of: ClusterForecast, which: Signal) -> SignalForecast:
    """Return one signal of a cluster."""
    (found,) = [each for each in of.signals if each.signal is which]
    return found


def refused(fold: Fold, at: float) -> dict[str, int]:
    """Tick, and return how many samples were refused, by reason."""
    return {each.reason: each.count for each in feed(fold, a_tick(at)) if isinstance(each, Rejected)}
