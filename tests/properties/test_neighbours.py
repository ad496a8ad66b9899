"""What is said of a cluster does not hang on the clusters that are measured beside it, in one pass."""

from hypothesis import given, settings
from hypothesis import strategies as st

from config.cluster import CalendarSpec, EventSpec, PredictionSpec
from predictors.registry import PREDICTORS
from streams.cluster import Rules
from streams.fold import Fold
from streams.records.forecast import ClusterForecast, Forecasts
from streams.records.record import Record
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance, health_columns, raw

RULES = Rules(sample_interval_s=1.0, evaluation_s=1.0, window_s=20.0, fault_s=5.0, predictor="kinematic")
START, TICKS = 1000.0, 40

events = st.builds(
    EventSpec,
    name=st.just("sale"),
    start=st.integers(940, 1080).map(float),
    end=st.integers(1081, 1200).map(float),
    factor=st.sampled_from([0.5, 2.0]),
)
predictions = st.builds(
    PredictionSpec,
    predictor=st.sampled_from([None, *PREDICTORS]),
    window_s=st.sampled_from([None, 20.0, 31.0, 33.0, 60.0]),
    horizon_s=st.sampled_from([None, 3.0, 6.0, 40.0]),
    calendar=st.one_of(st.just(CalendarSpec()), st.builds(CalendarSpec, events=st.tuples(events))),
)
clusters = st.tuples(
    predictions,
    st.none() | predictions,
    st.integers(0, 3),
    st.lists(st.tuples(st.floats(0.0, 90.0), st.sampled_from([True, True, True, False])), min_size=5, max_size=9),
)
Drawn = tuple[PredictionSpec, PredictionSpec | None, int, list[tuple[float, bool]]]


@settings(max_examples=12, deadline=None)
@given(drawn=st.lists(clusters, min_size=2, max_size=4))
def test_clusters_measured_together_are_forecast_as_each_alone(drawn: list[Drawn]) -> None:
    names = [f"shop-{i}" for i in range(len(drawn))]

    together = run(dict(zip(names, drawn, strict=True)))

    for i, (name, one) in enumerate(zip(names, drawn, strict=True)):
        alone = run({name: one})
        assert [raw(of[0]) for of in alone] == [raw(of[i]) for of in together]


def run(drawn: dict[str, Drawn]) -> list[list[ClusterForecast]]:
    """Return the forecasts of some clusters, tick by tick."""
    fold, count = Fold(0, RULES), 0
    for i, (name, (own, shadow, members, _)) in enumerate(drawn.items()):
        fold.instance(i, an_instance(name, default_lead_time_s=6.0, prediction=own, shadow=shadow))
        for member in range(members):
            fold.member(count, a_member(f"{name}-{member}", cluster=name, at=START + 3.0 * member))
            count += 1
    return [
        clusters_of([each for r in period(drawn, START + t) for each in fold.message(raw(r))]) for t in range(TICKS)
    ]


def period(drawn: dict[str, Drawn], at: float) -> list[Record]:
    """Return what is measured in the second before a tick, and the tick."""
    records: list[Record] = []
    for name, (_, _, members, loads) in drawn.items():
        load, known = loads[int(at) % len(loads)]
        samples = [
            a_health(f"{name}-{member}", cluster=name, at=at - 0.5, load=load + member, memory=load / 2.0)
            for member in range(members)
            if known or member
        ]
        records += [health_columns(*samples, cluster=name)] if samples else []
        records += [a_requests(load / 4.0, at=at, interval_s=1.0, cluster=name)] if known else []
    return [*records, a_tick(at)]


def clusters_of(published: list[Record]) -> list[ClusterForecast]:
    (forecasts,) = [each for each in published if isinstance(each, Forecasts)]
    return forecasts.clusters
