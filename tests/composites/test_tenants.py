"""Tenants: applications of one name live side by side; a multi-tenant one runs once, its members hear who signed up."""

from pathlib import Path

import msgspec
import pytest

from config.catalogue import Catalogue
from config.errors import ConfigError
from config.tree import ApplicationSpec
from streams.records.action import Action, Verb
from streams.records.instance import Instance, Phase
from streams.records.member import Member, State
from streams.records.metadata import Metadata
from tests.composing import World
from tests.composites.reading import early_ends, early_starts
from tests.composites.trees import LOAD, application, cluster


def of(tenant: str, *, exports: tuple[str, ...] = ("db-url",)) -> ApplicationSpec:
    """Return application ``shop`` of a tenant: db before web."""
    return application(
        cluster("db", exports=exports), cluster("web", imports=("db-url",)), tenant=tenant, order=("db web",)
    )


def shared_one(*sign_ups: str) -> ApplicationSpec:
    """Return a multi-tenant application to which these tenants signed up."""
    return application(cluster("web"), sign_ups=sign_ups)


def members(world: World, tenant: str, *states: State) -> list[str]:
    """Return the members of a tenant that are not gone, or in these states."""
    chosen = states or tuple(s for s in State if s is not State.TERMINATED)
    return [m.member for m in world.members.values() if m.tenant == tenant and m.state in chosen]


def heard(world: World) -> list[str]:
    """Return what the members of a multi-tenant application were told of its tenants, in order."""
    return [r.value for _, r in world.log if isinstance(r, Metadata) and r.name == "tenants"]


class TestTheSameNameTwice:
    def test_each_has_its_own_clusters_members_and_instances(self) -> None:
        world = World(of("red"), of("blue"))
        world.until_active()

        assert members(world, "red", State.ACTIVE) == ["red-shop-db-1", "red-shop-web-1"]
        assert members(world, "blue", State.ACTIVE) == ["blue-shop-db-1", "blue-shop-web-1"]
        assert {i.split("/")[0] for i in world.living()} == {"red", "blue"}
        for tenant in ("red", "blue"):
            assert list(early_starts(world, of(tenant))) == []

    def test_the_load_of_one_scales_that_one_alone(self) -> None:
        world = World(of("red"), of("blue"))
        world.until_active()
        world.load["red-shop-web"] = 3 * LOAD
        world.tick(60)

        assert len(members(world, "red", State.ACTIVE)) == 4
        assert len(members(world, "blue", State.ACTIVE)) == 2

    def test_metadata_of_one_never_lets_the_other_start(self) -> None:
        """``db`` of blue exports nothing: red's ``db-url`` has the same name, and is not blue's."""
        world = World(of("red"), of("blue", exports=()))
        world.tick(60)

        assert members(world, "red", State.ACTIVE) == ["red-shop-db-1", "red-shop-web-1"]
        assert members(world, "blue") == ["blue-shop-db-1"]
        waiting = world.instances["blue/shop/here/web"]
        assert (waiting.phase, waiting.why) == (Phase.CREATED, "waits for metadata db-url")

    def test_the_values_are_those_of_the_own_tenant(self) -> None:
        world = World(of("red"), of("blue"))
        world.until_active()

        found = {
            r.tenant: r.launch.environment["IMPORT_DB_URL"]
            for _, r in world.log
            if isinstance(r, Action) and r.verb is Verb.LAUNCH and r.cluster.endswith("web") and r.launch
        }
        assert found == {"red": "db-url@red-shop-db-1", "blue": "db-url@blue-shop-db-1"}

    def test_one_ends_in_order_and_the_other_does_not_notice(self) -> None:
        world = World(of("red"), of("blue"))
        world.until_active()
        before, at = members(world, "blue"), world.at
        world.declare(of("blue"))
        world.until("red is gone", lambda: not members(world, "red"))
        world.tick(30)

        assert list(early_ends(world, of("red"))) == []
        assert members(world, "blue", State.ACTIVE) == before
        later = [r for when, r in world.log if when > at and isinstance(r, Instance | Member) and r.tenant == "blue"]
        assert later == []


class TestSignUps:
    def test_a_multi_tenant_application_runs_once_whoever_signs_up(self) -> None:
        world = World(shared_one("blue", "red"))
        world.until_active()

        assert len(world.members) == 1

    def test_its_members_are_told_at_launch(self) -> None:
        world = World(shared_one("blue", "red"))
        world.until_active()

        (launch,) = [r.launch for _, r in world.log if isinstance(r, Action) and r.launch]
        assert launch.environment["TENANTS"] == "blue,red"

    def test_and_whenever_that_changes(self) -> None:
        world = World(shared_one())
        world.until_active()
        for sign_ups in (("red",), ("blue", "red"), ("blue",), ()):
            world.declare(shared_one(*sign_ups))
            world.tick(3)

        assert heard(world) == ["", "red", "blue,red", "blue", ""]
        assert members(world, "default", State.ACTIVE) == ["shop-web-1"], "nobody is replaced for that"

    def test_what_did_not_change_is_not_told_again_not_even_after_a_restart(self) -> None:
        world = World(shared_one("red"))
        world.until_active()
        world.restart()
        world.tick(30)

        assert heard(world) == ["red"]

    def test_what_changed_while_no_decider_ran_is_told_by_the_next(self) -> None:
        world = World(shared_one("red"))
        world.until_active()
        world._declared = (shared_one("blue", "red"),)
        world.restart()
        world.tick(3)

        assert heard(world) == ["red", "blue,red"]

    def test_a_single_tenant_application_hears_of_nobody(self) -> None:
        world = World(of("red"))
        world.until_active()

        assert heard(world) == []
        assert all("TENANTS" not in r.launch.environment for _, r in world.log if isinstance(r, Action) and r.launch)


def test_a_tenants_application_cannot_name_what_belongs_to_another(shared: Path) -> None:
    """Red has everything; blue's application names red's cartridge and policies, and does not find them."""
    root = shared / "stratos-samples"
    red = _documents(root, "red")
    both = [*red, *[(key, body) for key, body in _documents(root, "blue") if key.startswith("application/")]]

    assert [a.tenant for a in Catalogue.from_documents(red).applications()] == ["red"]
    with pytest.raises(ConfigError) as caught:
        Catalogue.from_documents(both)
    said = str(caught.value)
    assert '[application/blue/single-cartridge-app]: $.components.cartridges[0].type = "php": no such cartridge' in said
    assert "red" not in said, "not even as a hint"


def _documents(root: Path, tenant: str) -> list[tuple[str, bytes]]:
    """Return the definitions of the sample with one cartridge, as a tenant's."""
    files = {
        "cartridge": "cartridges/mock/php.json",
        "autoscalingPolicy": "autoscaling-policies/autoscaling-policy-1.json",
        "deploymentPolicy": "deployment-policies/deployment-policy-1.json",
        "networkPartition": "network-partitions/mock/network-partition-1.json",
        "applicationPolicy": "application-policies/application-policy-1.json",
        "application": "applications/simple/single-cartridge-app/artifacts/application.json",
    }
    found = []
    for kind, file in files.items():
        document = msgspec.json.decode((root / file).read_bytes()) | {"tenant": tenant}
        name = document.get("id") or document.get("type") or document.get("applicationId")
        found.append((f"{kind}/{tenant}/{name}", msgspec.json.encode(document)))
    return found
