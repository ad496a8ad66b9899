"""Balancers that serve one network partition each: whose members they keep, and whose drain they hold."""

from collections.abc import Sequence

import msgspec
import pytest

from actuators.draining import Balancers
from actuators.lb_members import MembersFold
from streams.records.balancer import Backend, BalancerReport
from streams.records.member import State
from tests.builders import a_member

LEAVING = a_member(state=State.DRAINING, network_partition="home")

MEMBERS = [a_member("h", network_partition="home"), a_member("a", network_partition="away")]


def _report(balancer: str, *serves: str, revision: int = 10, in_flight: int | None = None) -> BalancerReport:
    """Return a report; with ``in_flight`` it still has the member that leaves."""
    had = [Backend(member=LEAVING.member, routed=False, in_flight=in_flight)] if in_flight is not None else []
    return BalancerReport(
        balancer=balancer,
        tenant="default",
        application="shop",
        cluster="shop-web",
        at=100.0,
        revision=revision,
        backends=had,
        network_partitions=list(serves),
    )


@pytest.mark.parametrize(
    ("other", "heard", "drained"),
    [
        pytest.param(_report("lb-2", "away"), 100.0, True, id="one of another partition agrees"),
        pytest.param(_report("lb-2", "away", revision=1), 100.0, True, id="one elsewhere that lags holds nothing"),
        pytest.param(_report("lb-2", "away"), 70.0, True, id="one elsewhere that is silent holds nothing"),
        pytest.param(
            _report("lb-2", "away", in_flight=1), 100.0, False, id="one elsewhere that has its request holds it"
        ),
        pytest.param(_report("lb-2", "home", revision=1), 100.0, False, id="a second one there that lags holds it"),
        pytest.param(_report("lb-2"), 70.0, False, id="one of all partitions that is silent holds it"),
    ],
)
def test_who_holds_a_drain(other: BalancerReport, heard: float, *, drained: bool) -> None:
    balancers = Balancers(stale_s=15.0, began=0.0)
    balancers.hear(_report("lb-1", "home"), at=100.0)
    balancers.hear(other, at=heard)

    assert balancers.vouch(LEAVING, revision=5, at=100.0) is drained


def test_nobody_vouches_for_a_member_that_no_balancer_serves() -> None:
    balancers = Balancers(stale_s=15.0, began=0.0)
    balancers.hear(_report("lb-2", "away"), at=100.0)

    assert not balancers.vouch(LEAVING, revision=5, at=100.0)


def _told(balancer: str, *serves: str, routed: Sequence[str]) -> BalancerReport:
    """Return a report of a balancer that reaches these members."""
    report = _report(balancer, *serves)
    return msgspec.structs.replace(report, backends=[Backend(member=name, routed=True, in_flight=0) for name in routed])


@pytest.mark.parametrize(
    ("reports", "reached"),
    [
        pytest.param([_told("front", routed=["h"])], {"h": True, "a": False}, id="one of all partitions knows all"),
        pytest.param([_told("lb-1", "home", routed=["h"])], {"h": True}, id="one at home knows nothing of away"),
        pytest.param(
            [_told("lb-1", "home", routed=["h"]), _told("lb-2", "away", routed=[])],
            {"h": True, "a": False},
            id="each knows its own",
        ),
        pytest.param(
            [_told("front", routed=[]), _told("lb-2", "away", routed=["a"])],
            {"h": False, "a": True},
            id="one is enough",
        ),
    ],
)
def test_a_balancer_is_a_witness_of_the_partitions_that_it_serves(
    reports: list[BalancerReport], reached: dict[str, bool]
) -> None:
    balancers = Balancers(stale_s=15.0, began=0.0)
    for report in reports:
        balancers.hear(report, at=100.0)

    assert balancers.reached(MEMBERS, at=100.0) == reached


def test_a_balancer_that_is_silent_leaves_its_partitions_without_a_witness() -> None:
    balancers = Balancers(stale_s=15.0, began=0.0)
    balancers.hear(_told("lb-1", "home", routed=["h"]), at=100.0)
    balancers.hear(_told("lb-2", "away", routed=["a"]), at=70.0)

    assert balancers.reached(MEMBERS, at=100.0) == {"h": True}


def test_members_of_other_partitions_are_left_out_and_their_cluster_is_known() -> None:
    fold = MembersFold(["shop-web"], network_partitions=["away"])
    fold.read(0, b"k", msgspec.json.encode(a_member(network_partition="home")))
    assert fold.seen(revision=1, complete=True).members == {}
    assert fold.seen(revision=1, complete=True).known == {"shop-web"}

    fold.read(1, b"k", msgspec.json.encode(a_member("shop-web-2", network_partition="away")))

    assert set(fold.seen(revision=2, complete=True).members) == {"shop-web-2"}
