"""Balancers that serve one network partition each: whose members they keep, and whose drain they hold."""

import msgspec
import pytest

from actuators.draining import Balancers
from actuators.lb_members import MembersFold
from streams.records.balancer import Backend, BalancerReport
from streams.records.member import State
from tests.builders import a_member

LEAVING = a_member(state=State.DRAINING, network_partition="home")


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


def test_members_of_other_partitions_are_left_out_and_their_cluster_is_known() -> None:
    fold = MembersFold(["shop-web"], network_partitions=["away"])
    fold.read(0, b"k", msgspec.json.encode(a_member(network_partition="home")))
    assert fold.seen(revision=1, complete=True).members == {}
    assert fold.seen(revision=1, complete=True).known == {"shop-web"}

    fold.read(1, b"k", msgspec.json.encode(a_member("shop-web-2", network_partition="away")))

    assert set(fold.seen(revision=2, complete=True).members) == {"shop-web-2"}
