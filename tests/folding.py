"""Feed a fold, and look at what comes out."""

from collections.abc import Iterable, Sequence

from streams.cluster import Rules
from streams.fold import Fold
from streams.records.forecast import ClusterForecast, Forecasts, Signal, SignalForecast
from streams.records.log import Rejected
from streams.records.member import ClusterInstance, Member
from streams.records.record import Record
from tests.builders import a_member, a_tick, an_instance, raw

RULES = Rules(sample_interval_s=5.0, evaluation_s=5.0, window_s=100.0)
"""The defaults with a shorter window: 20 periods of 5 s."""


def a_fold(
    *,
    members: Iterable[Member] = (),
    instances: Sequence[ClusterInstance] = (an_instance(),),
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


def feed(fold: Fold, *records: Record) -> list[Record]:
    """Feed records in this order; return all that is published."""
    return [published for record in records for published in fold.message(raw(record))]


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
