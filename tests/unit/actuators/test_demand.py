"""Demand: target tracking per factor, tolerance on the unrounded ratio, the larger of observed and predicted."""

import math
from dataclasses import replace

import msgspec
import pytest

from actuators.demand import MOST, demand, needed
from config.cluster import Policy
from streams.records.decision import Factor
from tests.builders import a_forecast, a_policy


def the_factor(
    *,
    observed: float | None,
    ahead: float | None = None,
    serving: int = 3,
    tolerance: float = 0.1,
    mode: str = "Enabled",
) -> Factor:
    """Return what the requests in flight ask for, at 10 per member."""
    forecast = a_forecast(requests=observed, requests_ahead=ahead, serving=serving)
    (factor,) = demand(forecast, a_policy(requests=10.0, tolerance=tolerance, forecast=mode))
    return factor


@pytest.mark.parametrize(
    ("total", "threshold", "members"),
    [
        pytest.param(0.0, 10.0, 0, id="no load needs nobody"),
        pytest.param(0.1, 10.0, 1, id="any load needs one"),
        pytest.param(30.0, 10.0, 3, id="a whole number is not rounded up"),
        pytest.param(30.000001, 10.0, 4, id="a little more needs one more"),
        pytest.param(0.1 * 3, 0.1, 3, id="a rounding error of the machine needs nobody"),
        pytest.param(-5.0, 10.0, 0, id="a negative load is no load"),
        pytest.param(1e300, 1e-9, MOST, id="an absurd load stays a number"),
    ],
)
def test_members_needed(total: float, threshold: float, members: int) -> None:
    assert needed(total, threshold) == members


@pytest.mark.parametrize(
    ("observed", "serving", "members", "within"),
    [
        pytest.param(33.0, 3, 3, True, id="10 % above is within the tolerance"),
        pytest.param(27.0, 3, 3, True, id="10 % below is within the tolerance"),
        pytest.param(33.1, 3, 4, False, id="a little more than 10 % above is not"),
        pytest.param(26.9, 3, 3, False, id="a little more than 10 % below is not, though it rounds to the same"),
        pytest.param(19.9, 3, 2, False, id="far below asks for fewer"),
        pytest.param(29.0, 2, 3, False, id="the ratio counts before rounding: 1.45 is not within"),
        pytest.param(5.0, 0, 1, False, id="when nobody serves there is no tolerance"),
        pytest.param(0.0, 0, 0, False, id="when nobody serves and nothing waits nobody is needed"),
    ],
)
def test_the_tolerance_counts_on_the_unrounded_ratio(observed: float, serving: int, members: int, within: bool) -> None:  # noqa: FBT001 - a column of the table
    factor = the_factor(observed=observed, serving=serving)

    assert (factor.members, factor.within_tolerance) == (members, within)


@pytest.mark.parametrize(
    ("observed", "ahead", "members", "from_forecast"),
    [
        pytest.param(30.0, 55.0, 6, True, id="a forecast of more adds members"),
        pytest.param(55.0, 30.0, 6, False, id="a forecast of less removes nobody"),
        pytest.param(51.0, 58.0, 6, False, id="a forecast that asks for no more members is not the reason"),
        pytest.param(30.0, 32.9, 3, False, id="a forecast within the tolerance is not the reason"),
        pytest.param(20.0, None, 2, False, id="without a forecast the observed load counts"),
    ],
)
def test_the_larger_of_observed_and_predicted_counts(
    observed: float,
    ahead: float | None,
    members: int,
    from_forecast: bool,  # noqa: FBT001 - a column of the table
) -> None:
    factor = the_factor(observed=observed, ahead=ahead)

    assert (factor.members, factor.from_forecast) == (members, from_forecast)


@pytest.mark.parametrize(
    ("quantile", "upper", "asked"),
    [
        pytest.param(0.5, 60.0, 40.0, id="the middle is the point"),
        pytest.param(0.9, 60.0, 60.0, id="P90 is the upper line"),
        pytest.param(0.75, 60.0, 50.526, id="P75 lies where a normal error's would"),
        pytest.param(0.9, None, 40.0, id="without an upper line the point counts"),
        pytest.param(0.9, 30.0, 40.0, id="a line below the point does not count"),
        pytest.param(0.9, math.inf, 40.0, id="a line that is no number does not count"),
    ],
)
def test_how_sure_to_be_says_which_line_asks_for_members(quantile: float, upper: float | None, asked: float) -> None:
    forecast = a_forecast(requests=30.0, requests_ahead=40.0)
    signals = [msgspec.structs.replace(each, upper=upper) if each.ready else each for each in forecast.signals]
    forecast = msgspec.structs.replace(forecast, signals=signals)

    (factor,) = demand(forecast, replace(a_policy(requests=10.0), quantile=quantile))

    assert factor.forecast == pytest.approx(asked, abs=1e-3)
    assert factor.members == math.ceil(asked / 10.0)


@pytest.mark.parametrize("mode", ["Disabled", "ForecastOnly"])
def test_a_forecast_that_is_not_enabled_does_not_count(mode: str) -> None:
    factor = the_factor(observed=20.0, ahead=90.0, mode=mode)

    assert (factor.members, factor.forecast, factor.from_forecast) == (2, None, False)


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(None, id="not measured"),
        pytest.param(math.nan, id="not a number"),
        pytest.param(math.inf, id="not finite"),
    ],
)
def test_an_unknown_load_asks_for_an_unknown_number(observed: float | None) -> None:
    factor = the_factor(observed=observed)

    assert (factor.observed, factor.ratio, factor.members) == (None, None, None)


def test_a_forecast_that_is_no_number_does_not_count() -> None:
    assert the_factor(observed=20.0, ahead=math.inf).members == 2


def policy_of_three() -> Policy:
    return a_policy(requests=10.0, load=70.0, memory=80.0)


def test_only_the_signals_with_a_threshold_are_factors() -> None:
    forecast = a_forecast(requests=20.0, load=210.0, memory=100.0, serving=2)

    assert [f.signal for f in demand(forecast, a_policy(requests=None, load=70.0))] == ["load_average"]
    assert [f.members for f in demand(forecast, policy_of_three())] == [2, 3, 2]


def test_each_factor_has_its_own_ratio_and_tolerance() -> None:
    forecast = a_forecast(requests=21.0, load=70.0, memory=None, serving=2)

    requests, load, memory = demand(forecast, policy_of_three())

    assert (requests.within_tolerance, load.within_tolerance, memory.within_tolerance) == (True, False, False)
    assert [requests.ratio, load.ratio] == pytest.approx([1.05, 0.5])
    assert memory.ratio is None


# --- starting up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "serving", "starting", "members"),
    [
        pytest.param(50.0, 2, 3, 5, id="five are needed, whoever serves yet"),
        pytest.param(54.0, 2, 3, 5, id="those on the way count in the tolerance: 1.08 of what five should carry"),
        pytest.param(56.0, 2, 3, 6, id="beyond it one more is asked for, not as if nobody came"),
        pytest.param(119.0, 10, 1, 11, id="a member that starts is not asked for twice"),
        pytest.param(119.0, 10, 0, 12, id="without it, two more are needed"),
        pytest.param(21.0, 2, 3, 2, id="two are enough, and three on the way change nothing about that"),
        pytest.param(46.0, 0, 5, 5, id="all of them still start"),
    ],
)
def test_members_on_their_way_count(observed: float, serving: int, starting: int, members: int) -> None:
    forecast = a_forecast(requests=observed, serving=serving, starting=starting)
    (factor,) = demand(forecast, a_policy(requests=10.0))

    assert factor.members == members


@pytest.mark.parametrize("starting", [0, 1, 5, 50])
def test_members_that_warm_up_do_not_dilute_the_mean(starting: int) -> None:
    forecast = a_forecast(load=280.0, serving=2, starting=starting)
    (factor,) = demand(forecast, a_policy(requests=None, load=70.0))

    assert (factor.members, factor.ratio) == (4, 2.0)


def test_requests_that_rise_while_processors_idle_are_no_reason_to_scale_in() -> None:
    """Slack, 2021-01-04: a fault of the network left processors idle, and servers were removed."""
    policy = a_policy(requests=10.0, load=70.0, tolerance=0.0)
    course = [(40.0, 280.0), (60.0, 140.0), (90.0, 20.0)]

    asked = [
        max(f.members or 0 for f in demand(a_forecast(requests=requests, load=load, serving=4), policy))
        for requests, load in course
    ]

    assert asked == [4, 6, 9]
