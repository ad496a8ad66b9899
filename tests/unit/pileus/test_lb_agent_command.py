"""How ``pileus lb-agent`` reads its probes."""

from collections.abc import Sequence

import pytest

from actuators.lb_cluster import Identity
from pileus.commands.lb_agent import probe_paths, undeclared

CLUSTERS = ("shop-web", "shop-api")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([], ("", ""), id="none: over TCP"),
        pytest.param(["http:/health"], ("/health", "/health"), id="one for all"),
        pytest.param(["http:/a=b"], ("/a=b", "/a=b"), id="an equals sign in a path names no cluster"),
        pytest.param(["shop-api=http:/well", "http:/health"], ("/health", "/well"), id="one of its own"),
        pytest.param(["http:/health", "shop-api=tcp"], ("/health", ""), id="in any order"),
        pytest.param(["shop-web=http:/a", "shop-api=http:/b"], ("/a", "/b"), id="each its own"),
        pytest.param(["http:/a", "http:/b"], ("/b", "/b"), id="the last word counts"),
    ],
)
def test_each_cluster_has_its_probe(given: Sequence[str], expected: tuple[str, str]) -> None:
    assert tuple(probe_paths(given, CLUSTERS).values()) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param("blog=tcp", "no cluster 'blog', there is shop-web, shop-api", id="no such cluster"),
        pytest.param("shop-web=udp", "must be 'tcp'", id="no such probe"),
        pytest.param("shop-web=", "must be 'tcp' or 'http:/PATH'", id="none"),
    ],
)
def test_what_is_no_probe_is_refused(given: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        probe_paths([given], CLUSTERS)


def test_network_partitions_that_the_tenant_has_not_declared_are_found() -> None:
    who = Identity(
        balancer="lb-1", tenant="a", application="shop", clusters=CLUSTERS, network_partitions=("home", "away", "gone")
    )
    declared = {("networkPartition", "a", "home"), ("networkPartition", "b", "away"), ("cartridge", "a", "gone")}

    assert undeclared(who, declared) == ["away", "gone"]
