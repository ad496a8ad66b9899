"""Who is asked about a draining member when balancers come and go as members of the application do."""

import pytest

from actuators.draining import LOST_S, Balancers
from streams.records.balancer import Backend
from streams.records.member import Member, State
from tests.actuator_builders import a_backend, a_report
from tests.unit.actuators.test_lb_desired import a_member

DRAINS: Member = a_member("shop-web-1", State.DRAINING)
REVISION = 5
STALE_S = 3.0
AT = 100.0
BOTH = frozenset({"shop-lb-1", "shop-lb-2"})


def heard(balancers: Balancers, name: str, *backends: Backend, at: float = AT) -> bool:
    return balancers.hear(a_report(*backends, balancer=name, revision=REVISION + 1, at=at), at=at)


def two(*, appointed: frozenset[str] = BOTH) -> Balancers:
    """Return what is known of two balancers of which the first still has a request of the member."""
    balancers = Balancers(STALE_S, began=AT - 10 * STALE_S)
    balancers.appoint(appointed, alive=appointed, at=AT)
    heard(balancers, "shop-lb-1", a_backend(DRAINS.member, routed=False, in_flight=1))
    heard(balancers, "shop-lb-2")
    return balancers


def vouches(balancers: Balancers, at: float = AT) -> bool:
    return balancers.vouch(DRAINS, revision=REVISION, at=at)


def test_each_balancer_must_say_that_the_member_is_idle() -> None:
    balancers = two()

    assert not vouches(balancers)
    heard(balancers, "shop-lb-1")
    assert vouches(balancers)


def test_one_that_is_gone_holds_nothing_back_and_its_late_words_do_not_count() -> None:
    balancers = two()
    balancers.appoint(frozenset({"shop-lb-2"}), alive=frozenset({"shop-lb-2"}), at=AT)

    assert vouches(balancers)
    assert not heard(balancers, "shop-lb-1", a_backend(DRAINS.member, routed=False, in_flight=1), at=AT + 1)
    assert vouches(balancers)
    balancers.tick(AT + LOST_S + 1)
    assert balancers.gone == {}, "what is remembered of the dead has a bound"


def test_one_that_is_new_is_waited_for_before_it_has_said_anything() -> None:
    """It may have taken the member for one that serves, before it read that the member drains."""
    balancers = two()
    heard(balancers, "shop-lb-1")
    assert vouches(balancers)

    three = BOTH | {"shop-lb-3"}
    balancers.appoint(three, alive=three, at=AT)
    assert not vouches(balancers)
    heard(balancers, "shop-lb-3", a_backend(DRAINS.member, routed=True, in_flight=0))
    assert not vouches(balancers)
    heard(balancers, "shop-lb-3")
    assert vouches(balancers)


def test_one_that_serves_others_by_now_counts_while_it_lives() -> None:
    balancers = two()
    balancers.appoint(frozenset({"shop-lb-2"}), alive=BOTH, at=AT)
    assert not vouches(balancers)
    balancers.appoint(frozenset({"shop-lb-2"}), alive=frozenset({"shop-lb-2"}), at=AT)
    assert vouches(balancers)


@pytest.mark.parametrize("appointed", [BOTH, frozenset[str]()])
def test_a_balancer_that_is_no_member_is_asked_as_ever(appointed: frozenset[str]) -> None:
    balancers = two(appointed=appointed)
    heard(balancers, "front", a_backend(DRAINS.member, routed=True, in_flight=0))
    heard(balancers, "shop-lb-1")

    assert not vouches(balancers)
    heard(balancers, "front")
    assert vouches(balancers)
