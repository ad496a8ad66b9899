"""What a policy says of its forecasts, and a shadow of it: the stream worker follows."""

import math
from collections.abc import Callable, Iterator

import msgspec
import pytest

from config.cluster import PredictionSpec
from predictors.registry import PREDICTORS
from streams.cluster import FEWEST_SAMPLES, LONGEST_S, Rules
from streams.fold import Fold
from streams.probation import Turns
from streams.records.forecast import ClusterForecast, Forecasts, Score, Signal, SignalForecast
from streams.records.instance import Announcement
from streams.records.log import Rejected
from tests.actuator_builders import forecasts_of
from tests.builders import a_forecast, a_member, a_requests, a_tick, an_instance, raw
from tests.folding import a_fold, feed, forecast, refused

START = 6000.0
Load = Callable[[float], float]


def wave(t: float) -> float:
    return 50.0 + 20.0 * math.sin(t / 300.0)


def stairs(t: float) -> float:
    """Return a load that a parabola gets wrong: it jumps up and down every four minutes."""
    return 20.0 + 30.0 * (t // 240.0 % 2.0)


def play(fold: Fold, load: Load, *, begin: float = START, periods: int) -> Iterator[ClusterForecast]:
    """Feed a balancer's samples, tick by tick."""
    for i in range(1, periods + 1):
        at = begin + 5.0 * i
        feed(fold, a_requests(load(at), at=at, count=round(at)))
        yield forecast(fold, at)


def last(fold: Fold, load: Load, *, begin: float = START, periods: int) -> ClusterForecast:
    """Return the forecast of the last tick."""
    return list(play(fold, load, begin=begin, periods=periods))[-1]


def requests(of: ClusterForecast) -> SignalForecast:
    return of.signals[0]


def announced(prediction: PredictionSpec | None = None, shadow: PredictionSpec | None = None) -> Announcement:
    return an_instance(prediction=prediction, shadow=shadow)


def a_worker(prediction: PredictionSpec | None = None, shadow: PredictionSpec | None = None, **rules: object) -> Fold:
    instances = [announced(prediction, shadow)]
    return a_fold(members=[a_member(at=START)], instances=instances, rules=msgspec.convert(rules, Rules))


# --- a policy's own --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_s", "horizon_s"),
    [
        pytest.param(None, 60.0, id="none: the lead time on the grid"),
        pytest.param(47.0, 47.0, id="not rounded"),
        pytest.param(1.0, 5.0, id="at least one period"),
        pytest.param(3600.0, 3600.0, id="beyond the grid"),
    ],
)
def test_a_policy_fixes_the_horizon(given_s: float | None, horizon_s: float) -> None:
    assert last(a_worker(PredictionSpec(horizon_s=given_s)), wave, periods=30).horizon_s == horizon_s


def test_a_policy_fixes_the_window() -> None:
    short, long = (a_worker(PredictionSpec(window_s=seconds)) for seconds in (100.0, 600.0))

    one, other = (requests(last(fold, wave, periods=110)).motion for fold in (short, long))

    assert one is not None
    assert other is not None
    truth = 20.0 / 300.0 * math.cos((START + 550.0) / 300.0)
    assert abs(one.slope - truth) < abs(other.slope - truth)


@pytest.mark.parametrize(
    ("given_s", "horizon_s", "window_s"),
    [
        pytest.param(200.0, 60.0, 200.0, id="as given"),
        pytest.param(10.0, 60.0, 5.0 * FEWEST_SAMPLES, id="20 samples at least"),
        pytest.param(10.0, 86_400.0, 2_700.0, id="a predictor's step at least"),
        pytest.param(86_400.0, 60.0, LONGEST_S, id="two hours at most"),
        pytest.param(None, 60.0, 300.0, id="none: the settings'"),
        pytest.param(None, 86_400.0, LONGEST_S, id="none, and very far ahead"),
    ],
)
def test_a_window_is_what_is_needed_and_bounded(given_s: float | None, horizon_s: float, window_s: float) -> None:
    assert Rules().window(horizon_s, given_s) == window_s


@pytest.mark.parametrize("name", list(PREDICTORS))
def test_a_policy_names_its_predictor(name: str) -> None:
    said = {requests(each).predictor for each in play(a_worker(PredictionSpec(predictor=name)), wave, periods=160)}

    assert said <= {name, "kinematic", "last"}
    assert name in said or name == "seasonal", "a season is not known before a day"


def test_the_settings_count_where_a_policy_names_none() -> None:
    assert requests(last(a_worker(predictor="last"), wave, periods=30)).predictor == "last"


def test_two_clusters_have_each_their_predictor_and_their_rows_do_not_meet() -> None:
    other = an_instance("shop-db", alias="db", prediction=PredictionSpec(predictor="ensemble", horizon_s=120.0))
    instances = [announced(PredictionSpec(predictor="stratos-4.1")), other]
    alone = a_worker(instances[0].prediction)
    fold = a_fold(members=[a_member(at=START)], instances=instances, rules=Rules())
    for i in range(1, 200):
        at = START + 5.0 * i
        samples = [a_requests(wave(at), at=at, count=i, cluster=name) for name in ("shop-web", "shop-db")]
        (*_, told) = feed(fold, *samples, a_tick(at))
        (*_, lonely) = feed(alone, samples[0], a_tick(at))

    assert isinstance(told, Forecasts)
    assert isinstance(lonely, Forecasts)
    db, web = told.clusters
    assert [each.score.predictor for each in map(requests, (db, web)) if each.score] == ["ensemble", "stratos-4.1"]
    assert requests(web) == requests(lonely.clusters[0])


def test_a_policy_that_changes_counts_from_the_next_tick_on_and_samples_stay() -> None:
    fold = a_worker()
    last(fold, wave, periods=60)
    fold.instance(1, announced(PredictionSpec(predictor="last", horizon_s=30.0)))

    of = last(fold, wave, begin=START + 300.0, periods=4)

    assert (of.horizon_s, requests(of).predictor) == (30.0, "last")
    assert requests(of).motion is not None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (PredictionSpec(predictor="oracle"), "predictor 'oracle' must be one of last, kinematic, stratos-4.1"),
        (PredictionSpec(horizon_s=-5.0), "horizon_s -5.0 must be above 0"),
        (PredictionSpec(window_s=1e9), "window_s 1000000000.0 must be above 0, at most 86400"),
    ],
    ids=["unknown predictor", "negative horizon", "endless window"],
)
def test_what_cannot_be_followed_is_refused_and_counted_and_the_default_counts(
    wrong: PredictionSpec, said: str
) -> None:
    fold, shadowed, good = a_worker(wrong), a_worker(shadow=wrong), a_worker()

    (refusal, _) = feed(fold, a_tick(START))

    assert isinstance(refusal, Rejected)
    assert (refusal.topic, refusal.reason, refusal.count) == ("pileus.instances", "BadValue", 1)
    assert said in refusal.examples[0]
    assert refused(shadowed, START) == {"BadValue": 1}
    expected = raw(forecast(good, START + 5.0))
    assert [raw(forecast(each, START + 5.0)) for each in (fold, shadowed)] == [expected, expected]


# --- a shadow's ------------------------------------------------------------------------------------------------------

SHADOW = PredictionSpec(predictor="ensemble", horizon_s=120.0, window_s=600.0)


def test_a_shadow_is_forecast_beside_and_changes_nothing_else() -> None:
    plain, shadowed = a_worker(), a_worker(shadow=SHADOW)

    for one, other in zip(play(plain, stairs, periods=150), play(shadowed, stairs, periods=150), strict=True):
        assert raw(one) == raw(msgspec.structs.replace(other, shadow=[], shadow_horizon_s=None))
    assert [each.signal for each in other.shadow] == list(Signal)
    assert (other.horizon_s, other.shadow_horizon_s) == (60.0, 120.0)


def test_a_shadow_says_what_a_policy_of_its_own_would() -> None:
    own, shadowed = a_worker(SHADOW), a_worker(shadow=SHADOW)

    mine, beside = (last(fold, wave, periods=200) for fold in (own, shadowed))

    assert beside.shadow == mine.signals
    assert beside.shadow[0].predictor == "ensemble"


def test_a_shadow_that_does_not_differ_is_none() -> None:
    of = last(a_worker(SHADOW, SHADOW), wave, periods=3)

    assert (of.shadow, of.shadow_horizon_s) == ([], None)


def test_a_shadow_that_is_promoted_goes_on_from_what_it_has_learned() -> None:
    promoted, always = a_worker(shadow=SHADOW), a_worker(SHADOW)
    last(promoted, wave, periods=150)
    last(always, wave, periods=150)
    promoted.instance(1, announced(SHADOW))

    one, other = (last(fold, wave, begin=START + 750.0, periods=1) for fold in (promoted, always))

    assert raw(one) == raw(other)


# --- probation -------------------------------------------------------------------------------------------------------


def test_a_predictor_that_loses_is_on_probation_and_earns_its_way_back() -> None:
    fold = a_worker(predictor="kinematic")
    told = [requests(each) for each in play(fold, stairs, periods=200)]
    on = [each.score is not None and each.score.since is not None for each in told]
    after, begins = told[-1], on.index(True)

    assert told[begins - 1].predictor == "kinematic"
    assert after.score is not None
    assert after.score.since == START + 5.0 * (begins + 1)
    assert (after.predictor, after.score.predictor) == ("last", "kinematic")
    assert after.score.relmae > 1.0
    assert after.forecast == after.observed
    assert after.lower is not None
    assert after.upper is not None
    assert after.lower < stairs(START + 1000.0) < after.upper
    assert after.motion is not None, "the motion is told all the same"

    again = requests(last(fold, lambda t: 20.0 + 0.5 * (t - START - 1000.0), begin=START + 1000.0, periods=1200))

    assert again.score is not None
    assert (again.predictor, again.score.since) == ("kinematic", None)
    assert again.score.relmae < 1.0


def test_the_last_value_has_no_score() -> None:
    assert all(requests(each).score is None for each in play(a_worker(predictor="last"), stairs, periods=100))


def test_what_is_unknown_has_no_score_and_loses_none() -> None:
    fold = a_worker()
    before = requests(last(fold, stairs, periods=150)).score
    silent = [requests(forecast(fold, START + 750.0 + 5.0 * i)) for i in range(1, 9)]

    after = requests(last(fold, stairs, begin=START + 800.0, periods=1)).score

    assert (silent[-1].ready, silent[-1].score) == (False, None)
    assert before is not None
    assert after is not None
    assert before.scored <= after.scored <= before.scored + 8
    assert after.since == before.since


def test_until_the_predictor_is_ready_the_one_in_its_place_is_scored() -> None:
    scores = [requests(each).score for each in play(a_worker(predictor="ensemble"), stairs, periods=250)]

    named = [each.predictor for each in scores if each is not None]
    assert list(dict.fromkeys(named)) == ["kinematic", "ensemble"]
    first = next(each for each in scores if each is not None and each.predictor == "ensemble")
    assert first.scored == 1, "what another one said is not its own"


@pytest.mark.parametrize("periods", [20, 90, 170])
def test_a_restart_changes_nothing(periods: int) -> None:
    one, other = (a_worker(PredictionSpec(predictor="ensemble"), PredictionSpec(window_s=120.0)) for _ in range(2))
    last(one, stairs, periods=periods)
    other.restore(one.snapshot())
    begin = START + 5.0 * periods

    for mine, its in zip(
        play(one, stairs, begin=begin, periods=60), play(other, stairs, begin=begin, periods=60), strict=True
    ):
        assert raw(mine) == raw(its)


def test_a_checkpoint_that_does_not_fit_is_refused_whole() -> None:
    fold = a_worker(predictor="kinematic")
    last(fold, stairs, periods=20)
    kept = fold._probation.dump()
    kept.names = kept.names[:-1]

    with pytest.raises(ValueError, match=r"2 names for 3 rows"):
        fold._probation.restore(kept)


def test_after_a_pause_without_ticks_it_goes_on() -> None:
    fold = a_worker()
    before = requests(last(fold, stairs, periods=150)).score

    after = requests(last(fold, stairs, begin=START + 9000.0, periods=30)).score

    assert before is not None
    assert after is not None
    assert before.scored < after.scored < before.scored + 12


@pytest.mark.parametrize("evaluation_s", [2.5, 10.0])
def test_periods_of_another_length_are_scored_anew(evaluation_s: float) -> None:
    fold = a_worker()
    last(fold, stairs, periods=100)
    other = a_worker(evaluation_s=evaluation_s)
    other.restore(fold.snapshot())

    told = [requests(each).score for each in play(other, stairs, begin=START + 500.0, periods=60)]

    assert told[0] is None
    assert told[-1] is not None
    assert told[-1].scored > 5


def scored(relmae: float, since: float | None, *, cluster: str = "shop-web", known: bool = True) -> Forecasts:
    """Return a tick at which the requests of one cluster have this score; unknown, they have none."""
    of = a_forecast(requests=10.0, cluster=cluster)
    score = Score("kinematic", relmae, 40, since) if known else None
    signals = [msgspec.structs.replace(of.signals[0], score=score), *of.signals[1:]]
    return forecasts_of(msgspec.structs.replace(of, signals=signals))


def test_the_begin_and_the_end_of_a_probation_are_told_once() -> None:
    turns = Turns()
    told = [
        [(who, score.since) for who, score in turns.take(record)]
        for record in (
            scored(1.0, None),
            scored(1.2, 50.0),
            scored(1.3, 50.0),
            scored(1.3, None, known=False),
            scored(1.1, 50.0),
            scored(0.9, None),
            scored(0.8, None),
        )
    ]

    who = ("shop-web", "requests_in_flight", "kinematic")
    assert told == [[], [(who, 50.0)], [], [], [], [(who, None)], []]


def test_what_is_gone_is_not_kept_in_mind() -> None:
    turns = Turns()
    turns.take(scored(1.2, 50.0))

    assert turns.take(forecasts_of()) == []
    assert len(turns.take(scored(1.2, 50.0))) == 1, "a cluster of this name begins anew"
