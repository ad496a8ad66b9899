"""The breaker: when more than half fail at once, nobody is replaced for ten minutes."""

import pytest

from actuators.breaker import FREEZE_S, frozen, replaceable
from streams.records.forecast import Fault
from tests.builders import a_forecast

AT = 1000.0


def silent(*since: float) -> list[Fault]:
    """Return a fault per member, in order."""
    return [Fault(member=f"shop-web-{i}", reason="Silent", since=t) for i, t in enumerate(since, 1)]


@pytest.mark.parametrize(
    ("serving", "since", "held", "replaced"),
    [
        pytest.param(4, [], False, [], id="nobody faulty"),
        pytest.param(1, [900.0], False, ["shop-web-1"], id="the only one is replaced"),
        pytest.param(4, [900.0, 910.0], False, ["shop-web-1", "shop-web-2"], id="half are replaced"),
        pytest.param(2, [900.0, 910.0], True, [], id="both of two are not"),
        pytest.param(5, [900.0, 910.0, 920.0], True, [], id="more than half are not"),
        pytest.param(4, [10.0, 20.0, 390.0], False, ["shop-web-1", "shop-web-2"], id="after 10 minutes half are"),
        pytest.param(4, [10.0, 20.0, 401.0, 990.0], True, [], id="from when it was more than half"),
        pytest.param(
            4, [10.0, 20.0, 390.0, 990.0], False, ["shop-web-1", "shop-web-2"], id="one more does not begin anew"
        ),
    ],
)
def test_the_breaker(*, serving: int, since: list[float], held: bool, replaced: list[str]) -> None:
    forecast = a_forecast(serving=serving, faults=silent(*since))

    assert frozen(forecast, at=AT) is held
    assert sorted(replaceable(forecast, at=AT)) == replaced


def test_it_holds_for_ten_minutes_at_most() -> None:
    assert FREEZE_S == 600.0


def test_the_reason_is_kept() -> None:
    forecast = a_forecast(serving=2, faults=[Fault(member="shop-web-2", reason="Unhealthy", since=900.0)])

    assert replaceable(forecast, at=AT) == {"shop-web-2": "Unhealthy"}
