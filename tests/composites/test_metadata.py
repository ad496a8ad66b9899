"""Metadata: what members export reaches those that start after them, under one name, and holds them until it comes."""

from pathlib import Path

import pytest

from config.tree import ApplicationSpec
from streams.records.action import Action, Verb
from streams.records.instance import Phase
from streams.records.member import State
from streams.records.metadata import Metadata, variable
from tests.composing import World
from tests.composites.reading import early_starts
from tests.composites.samples import RUN, sample
from tests.composites.trees import LOAD, WINDOW_S, application, cluster, group, places


def shop(*, least: int = 1) -> ApplicationSpec:
    """Return db, that exports its url and its user, and web, that needs both."""
    names = ("db-url", "db-user")
    return application(cluster("db", exports=names), cluster("web", imports=names, least=least), order=("db web",))


def environments(world: World, cluster_id: str) -> list[dict[str, str]]:
    """Return the environment of every member of a cluster, as the cloud was told, in order."""
    return [
        record.launch.environment
        for _, record in world.log
        if isinstance(record, Action) and record.verb is Verb.LAUNCH and record.cluster == cluster_id and record.launch
    ]


def why(world: World, alias: str) -> set[str]:
    """Return what the instances of one alias say."""
    return {each.why for each in world.living().values() if each.alias == alias}


def test_a_dependant_gets_what_it_imports() -> None:
    world = World(shop())
    world.until_active()

    (found,) = environments(world, "shop-web")
    assert found == {"IMPORT_DB_URL": "db-url@shop-db-1", "IMPORT_DB_USER": "db-user@shop-db-1"}


def test_a_member_is_told_what_it_may_export() -> None:
    world = World(shop())
    world.until_active()

    launched = [r for _, r in world.log if isinstance(r, Action) and r.verb is Verb.LAUNCH and r.cluster == "shop-db"]
    assert [r.launch.exports for r in launched if r.launch] == [["db-url", "db-user"]]


def test_metadata_that_never_comes_holds_the_dependants_and_their_status_says_which() -> None:
    world = World(shop())
    world.silent.add("db")
    world.tick(300)

    assert world.of("db", State.ACTIVE) == ["shop-db-1"]
    assert world.of("web") == []
    assert why(world, "web") == {"waits for metadata db-url, db-user"}
    world.silent.clear()
    world.until_active(within_s=20)


def test_the_one_name_that_is_missing_is_the_one_that_is_said() -> None:
    world = World(shop())
    world.silent.add("db")
    world.until("db serves", lambda: bool(world.of("db", State.ACTIVE)))
    told = Metadata(tenant="default", application="shop", name="db-url", value="x", member="shop-db-1", at=world.at)
    world.decider.metadata(told)
    world.tick(5)

    assert why(world, "web") == {"waits for metadata db-user"}


def test_what_a_member_exported_that_is_gone_does_not_let_anybody_start() -> None:
    world = World(
        application(
            cluster("db", exports=("db-url",)),
            cluster("cache", exports=("cache-url",)),
            cluster("web", imports=("db-url", "cache-url")),
            order=("db web", "cache web"),
        )
    )
    world.silent.add("cache")
    world.until("db tells", lambda: bool(world.metadata))
    world.silent.add("db")
    world.lose("shop-db-1")
    world.until("db is back", lambda: "shop-db-2" in world.of("db", State.ACTIVE))
    world.silent.remove("cache")
    world.tick(30)

    assert world.of("web") == []
    assert why(world, "web") == {"waits for metadata db-url"}


def test_later_members_get_the_newest_values() -> None:
    world = World(shop())
    world.until_active()
    world.lose("shop-db-1")
    world.tick(2)
    world.until_active()
    world.tick(3)
    world.load["shop-web"] = 2 * LOAD
    world.tick(20)

    assert [each["IMPORT_DB_URL"] for each in environments(world, "shop-web")] == [
        "db-url@shop-db-1",
        "db-url@shop-db-2",
    ]


def test_a_group_hands_down_what_comes_before_it() -> None:
    spec = application(
        cluster("db", exports=("db-url",)),
        group("back", cluster("api", imports=("db-url",)), cluster("job", imports=("db-url",))),
        order=("db back",),
    )
    world = World(spec)
    world.silent.add("db")
    world.until("db serves", lambda: bool(world.of("db", State.ACTIVE)))
    world.tick(10)
    assert why(world, "api") == why(world, "job") == {"waits for metadata db-url"}

    world.silent.clear()
    world.until_active(within_s=20)
    assert environments(world, "shop-api") == environments(world, "shop-job") == [{"IMPORT_DB_URL": "db-url@shop-db-1"}]


@pytest.mark.parametrize("after_s", [1, 4, 5, 6, 8])
def test_it_survives_a_restart_of_the_decider(after_s: int) -> None:
    world = World(shop())
    world.tick(after_s)
    world.restart()
    world.until_active(within_s=60)

    assert environments(world, "shop-web")[-1]["IMPORT_DB_URL"] == "db-url@shop-db-1"
    assert list(early_starts(world, shop())) == []


def test_a_restart_while_it_never_comes_still_waits() -> None:
    world = World(shop())
    world.silent.add("db")
    world.tick(20)
    world.restart()
    world.tick(20)

    assert world.of("web") == []
    assert why(world, "web") == {"waits for metadata db-url, db-user"}


def test_a_burst_elsewhere_gets_it_too() -> None:
    where = places("one", "two")
    spec = application(
        cluster("db", exports=("db-url",), places=where),
        cluster("web", most=2, imports=("db-url",), places=where),
        order=("db web",),
        waves=(("one",), ("two",)),
    )
    world = World(spec)
    world.until_active()
    world.load["shop-web"] = 3 * LOAD
    world.tick(int(WINDOW_S))

    assert {i.phase for i in world.living().values()} == {Phase.ACTIVE}
    assert len(world.of("web")) == 3
    assert all("IMPORT_DB_URL" in each for each in environments(world, "shop-web"))


class TestF32:
    """Stratos exported under one name and imported under another: nothing ever arrived."""

    @pytest.mark.parametrize("path", RUN)
    def test_f32_every_member_gets_every_import_with_the_value_that_was_exported(self, path: str, shared: Path) -> None:
        """Stratos exported metadata under one key and imported it under another."""
        spec = sample(shared, path)
        world = World(spec)
        world.until_active()
        told = {each.name: each.value for each in world.metadata.values()}
        exported = {name for each in spec.clusters() for name in each.exports}

        assert set(told) == exported, "all that is declared was exported"
        for each in spec.clusters():
            launched = environments(world, each.cluster)
            assert len(launched) == each.least_members
            for found in launched:
                assert {n: found[variable(n)] for n in each.imports} == {n: told[n] for n in each.imports}

    def test_f32_there_is_a_sample_in_which_something_is_imported(self, shared: Path) -> None:
        """Stratos exported metadata under one key and imported it under another."""
        spec = sample(shared, "complex/wordpress-app")
        world = World(spec)
        world.until_active()

        for found in environments(world, "wordpress-my-php"):
            assert found["IMPORT_MY_MYSQL_SERVER_IP"] == "my-mysql-server_ip@wordpress-my-mysql-1"
