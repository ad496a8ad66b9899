"""Who is accused of a fault, and who is not: silence is held against a member only while others are heard."""

import pytest

from streams.fold import Fold
from streams.records.forecast import Fault
from streams.records.member import State
from tests.builders import a_health, a_member
from tests.folding import a_fold, feed, forecast, serving


def faults(fold: Fold, at: float) -> list[Fault]:
    return forecast(fold, at).faults


def test_a_member_silent_while_others_report_is_a_fault() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    feed(fold, a_health("shop-web-2", at=1000.0))
    seen = {}
    for at in range(1000, 1075, 5):
        feed(fold, a_health("shop-web-1", at=at - 1.0))
        seen[at] = faults(fold, at)

    assert [at for at, said in seen.items() if said] == [1065, 1070]
    assert seen[1065] == [Fault(member="shop-web-2", reason="Silent", since=1000.0)]


def test_a_member_that_never_said_anything_is_silent_since_it_serves() -> None:
    fold = a_fold(members=[*serving("shop-web-1"), *serving("shop-web-2", since=1010.0)])
    seen = {}
    for at in range(1000, 1080, 5):
        feed(fold, a_health("shop-web-1", at=at - 1.0))
        seen[at] = faults(fold, at)

    assert [at for at, said in seen.items() if said] == [1075]
    assert seen[1075] == [Fault(member="shop-web-2", reason="Silent", since=1010.0)]


def test_when_all_are_silent_it_is_not_they_who_are_ill() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    feed(fold, a_health("shop-web-1", at=999.0), a_health("shop-web-2", at=999.0))

    assert [faults(fold, at) for at in range(1000, 1400, 5)] == [[]] * 80


def test_a_member_that_just_serves_is_no_proof_that_reports_arrive() -> None:
    """The agents' way to Kafka is cut; new members are launched all the time. Nobody is accused."""
    fold = a_fold(members=serving("shop-web-0"))
    said = []
    for i in range(40):
        at = 1000.0 + 5.0 * i
        fold.member(i + 1, a_member(f"shop-web-{i + 1}", at=at - 1.0))
        said += faults(fold, at)

    assert said == []


def test_after_an_outage_of_the_metrics_nobody_is_accused_at_once() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2", "shop-web-3"))
    seen = {}
    for at in range(1000, 1400, 5):
        if not 1050 <= at < 1300:
            feed(fold, a_health("shop-web-1", at=at - 1.0, healthy=True))
            feed(fold, a_health("shop-web-2", at=at - 1.0, healthy=False))
        seen[at] = [(each.member, each.reason) for each in faults(fold, at)]

    silent = [at for at, said in seen.items() if ("shop-web-3", "Silent") in said]
    ill = [at for at, said in seen.items() if ("shop-web-2", "Unhealthy") in said]
    assert (silent, ill) == ([*range(1365, 1400, 5)], [*range(1360, 1400, 5)])


def test_a_member_unhealthy_for_long_is_a_fault() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    seen = {}
    for at in range(1000, 1100, 5):
        feed(fold, a_health(at=at, healthy=not 1010 <= at < 1080))
        seen[at] = faults(fold, at)

    assert [at for at, said in seen.items() if said] == [1075]
    assert seen[1075] == [Fault(member="shop-web-1", reason="Unhealthy", since=1010.0)]


def test_what_was_heard_before_a_silence_is_not_held_against_a_member() -> None:
    """Unhealthy, then nothing more from anybody: losing the metrics removes no member."""
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, *(a_health(at=at, healthy=False) for at in (1000.0, 1005.0)))

    assert [faults(fold, at) for at in range(1006, 1400, 5)] == [[]] * 79


def test_a_probe_that_has_ended_accuses_nobody() -> None:
    """It failed twice; since then the member reports, but nothing probes it."""
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, *(a_health(at=at, healthy=False) for at in (1000.0, 1005.0)))
    said = []
    for at in range(1010, 1200, 5):
        feed(fold, a_health(at=at))
        said += faults(fold, at)

    assert said == []


def test_what_a_member_said_before_it_served_is_no_silence_since() -> None:
    fold = a_fold(members=[*serving("shop-web-1"), a_member("shop-web-2", state=State.STARTING)])
    fold.member(2, a_member("shop-web-2", at=1050.0))
    feed(fold, a_health("shop-web-2", at=1000.0))
    seen = {}
    for at in range(1000, 1125, 5):
        feed(fold, a_health("shop-web-1", at=at))
        seen[at] = faults(fold, at)

    assert [at for at, said in seen.items() if said] == [1115, 1120]
    assert seen[1115] == [Fault(member="shop-web-2", reason="Silent", since=1050.0)]


@pytest.mark.parametrize("state", [State.CREATED, State.STARTING, State.DRAINING, State.TERMINATING, State.TERMINATED])
def test_only_members_that_serve_are_at_fault(state: State) -> None:
    fold = a_fold(members=[*serving("shop-web-1"), a_member("shop-web-2", state=state)])
    said = []
    for at in range(1000, 1100, 5):
        feed(fold, a_health("shop-web-1", at=at - 1.0))
        said += faults(fold, at)

    assert said == []
