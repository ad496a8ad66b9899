"""The shipped application of three tiers is valid, small, and out of the demo's way."""

from pathlib import Path

import config
from config.catalogue import load
from config.cluster import ClusterSpec
from config.tree import GroupSpec

DEFINITIONS = Path(config.__file__).parent / "definitions"


def test_the_tiers_start_db_then_api_then_web_and_end_the_other_way_round() -> None:
    catalogue = load([DEFINITIONS / "tiers"])

    (application,) = catalogue.applications()
    web, backend = application.root.children

    assert catalogue.warnings == ()
    assert isinstance(web, ClusterSpec)
    assert isinstance(backend, GroupSpec)
    assert (application.root.order, backend.order) == ((("backend", "web"),), (("db", "api"),))
    assert (application.root.termination_order, backend.termination_order) == ((("web", "backend"),), (("api", "db"),))
    assert {application.root.termination, backend.termination} == {"dependents"}


def test_a_member_of_each_is_enough_and_only_http_has_a_balancer() -> None:
    clusters = {each.alias: each for each in load([DEFINITIONS / "tiers"]).clusters()}

    assert {each.min_members for each in clusters.values()} == {1}
    assert {alias: each.cartridge.balanced for alias, each in clusters.items()} == {
        "web": True,
        "db": False,
        "api": True,
    }
    assert (clusters["db"].exports, clusters["api"].imports) == (("db-URL",), ("db-URL",))
    assert clusters["db"].cartridge.environment == {
        "SAMPLE_PROTOCOL": "tcp",
        "SAMPLE_EXPORTS": "URL=tcp://{host}:{port}",
    }


def test_the_tiers_may_be_applied_beside_the_demo() -> None:
    together = load([DEFINITIONS / "tiers", DEFINITIONS / "demo"])

    assert together.warnings == ()
    assert len(together.applications()) == 2
