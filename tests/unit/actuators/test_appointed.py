"""Which members are the balancers of which clusters."""

from dataclasses import replace

import msgspec

from actuators.appointed import Appointed, balancers_of
from actuators.cluster import ClusterState, Rules
from config.cluster import ClusterSpec
from config.routing import CLUSTERS
from streams.records.member import State
from tests.builders import a_cartridge, a_spec, an_application
from tests.unit.actuators.test_lb_desired import a_member


def a_cluster(alias: str, *, balances: bool = False, serves: str = "") -> ClusterSpec:
    given = replace(
        a_cartridge(), balances=balances, balanced=not balances, properties={CLUSTERS: serves} if serves else {}
    )
    return a_spec(cluster=f"shop-{alias}", alias=alias, cartridge=given)


def of(*specs: ClusterSpec, members: dict[str, State]) -> dict[str, Appointed]:
    states = {spec.cluster: ClusterState(spec, Rules()) for spec in specs}
    for name, state in members.items():
        cluster = name.rpartition("-")[0]
        states[cluster].recall(msgspec.structs.replace(a_member(name, state), cluster=cluster))
    return balancers_of(an_application(*specs), list(states.values()))


def test_all_clusters_that_take_requests_are_served_by_those_that_are_there() -> None:
    states = {"shop-lb-1": State.ACTIVE, "shop-lb-2": State.CREATED, "shop-lb-3": State.TERMINATED}
    found = of(a_cluster("web"), a_cluster("api"), a_cluster("lb", balances=True), members=states)

    expected = Appointed(frozenset({"shop-lb-1"}), frozenset({"shop-lb-1", "shop-lb-2"}))
    assert found == {"shop-web": expected, "shop-api": expected}


def test_one_that_names_its_clusters_serves_no_other() -> None:
    found = of(
        a_cluster("web"),
        a_cluster("api"),
        a_cluster("lb", balances=True, serves="web"),
        members={"shop-lb-1": State.DRAINING},
    )

    assert found["shop-web"].serving == {"shop-lb-1"}
    assert found["shop-api"].serving == frozenset()


def test_without_balancers_among_the_members_nothing_is_appointed() -> None:
    assert of(a_cluster("web"), members={"shop-web-1": State.ACTIVE}) == {}
