"""Group scaling of groups in groups, and of Stratos' samples."""

from pathlib import Path

from config.tree import ApplicationSpec
from streams.records.instance import Phase
from streams.records.member import State
from tests.composing import World
from tests.composites.reading import beyond_bounds, early_ends, early_starts, ended, groups, serving
from tests.composites.samples import sample
from tests.composites.trees import LOAD, WINDOW_S, application, cluster, group

V1, APP, SINGLE = (
    f"scaling/group-scaling/{name}" for name in ("group-scaling-v1", "group-scaling-app", "single-group-group-scaling")
)


class TestNested:
    def spec(self) -> ApplicationSpec:
        """Return group ``outer`` (1 to 2) of ``gate`` and group ``inner`` (1 to 2) of ``web`` (1 to 2)."""
        return application(
            group(
                "outer",
                cluster("gate"),
                group("inner", cluster("web", most=2), most=2),
                most=2,
                order=("gate inner",),
            )
        )

    def test_the_inner_group_scales_before_the_outer_one(self) -> None:
        world = World(self.spec())
        world.until_active()
        world.load["shop-web"] = 4 * LOAD
        world.tick(60)
        assert (groups(world, "outer"), groups(world, "inner")) == (["outer.1"], ["inner.1", "inner.2"])

        world.load["shop-web"] = 5 * LOAD
        world.tick(60)
        assert groups(world, "outer") == ["outer.1", "outer.2"]
        assert len(groups(world, "inner")) == 3
        assert len(world.of("web", State.ACTIVE)) == 5
        assert list(early_starts(world, self.spec())) == []
        assert list(beyond_bounds(world, self.spec())) == []

    def test_and_back_again(self) -> None:
        world = World(self.spec())
        world.until_active()
        world.load["shop-web"] = 8 * LOAD
        world.tick(90)
        assert len(groups(world, "inner", Phase.ACTIVE)) == 4
        world.load.clear()
        world.tick(int(WINDOW_S) + 10)
        world.settle()

        assert (groups(world, "outer"), groups(world, "inner")) == (["outer.1"], ["inner.1"])
        assert list(early_ends(world, self.spec())) == []
        assert len(world.of("web")) == len(world.of("gate")) == 1

    def test_the_inner_instances_that_the_outer_one_carried_are_made_before_it_goes(self) -> None:
        """``gate`` holds two outer instances; when it is quiet, three of ``web`` must fit into the first one."""
        world = World(self.spec())
        world.until_active()
        world.load = {"shop-gate": 5 * LOAD, "shop-web": 3 * LOAD}
        world.until("two", lambda: groups(world, "outer", Phase.ACTIVE) == ["outer.1", "outer.2"])
        world.settle()
        world.load = {"shop-web": 2 * LOAD}
        world.until("one goes", lambda: bool(ended(world, "outer")))
        while groups(world, "outer") != ["outer.1"]:
            assert len(world.of("web", State.ACTIVE)) >= 2
            world.tick()


class TestSamples:
    def test_group_scaling_v1_scales_out_in_order_and_in_after_its_window(self, shared: Path) -> None:
        spec = sample(shared, V1)
        world = World(spec)
        world.until_active()
        world.load["group-scaling-v1-my-c2"] = 5 * 90.0
        world.tick(100)
        assert groups(world, "my-group2", Phase.ACTIVE) == ["my-group2.1", "my-group2.2"]
        assert serving(world, "my-c2") == {"my-group2.1": 3, "my-group2.2": 2}
        assert serving(world, "my-c3") == {"my-group2.1": 1, "my-group2.2": 1}
        assert list(early_starts(world, spec)) == []

        fell = world.at
        world.load.clear()
        world.tick(310)
        world.settle(quiet_s=100)
        assert groups(world, "my-group2") == ["my-group2.1"]
        assert ended(world, "my-group2")[0][0] >= fell + 300.0
        assert list(early_ends(world, spec)) == []

    def test_group_scaling_app_keeps_what_depends_on_the_group_through_it(self, shared: Path) -> None:
        spec = sample(shared, APP)
        world = World(spec)
        world.until_active()
        last = world.of("my-c4")
        world.load["group-scaling-my-c3-group2"] = 4 * 100.0
        world.tick(100)
        assert groups(world, "my-group2", Phase.ACTIVE) == ["my-group2.1", "my-group2.2"]
        assert serving(world, "my-c3-group2") == {"my-group2.1": 2, "my-group2.2": 2}
        world.load.clear()
        world.tick(310)
        world.settle(quiet_s=100)

        assert groups(world, "my-group2") == ["my-group2.1"]
        assert world.of("my-c4") == last, "a group instance too many is nobody's fault"
        assert list(early_starts(world, spec)) == []
        assert list(early_ends(world, spec)) == []

    def test_single_group_group_scaling_goes_to_three_instances_and_back(self, shared: Path) -> None:
        spec = sample(shared, SINGLE)
        world = World(spec)
        world.until_active()
        world.load["single-group-group-scaling-my-tomcat"] = 12 * 20.0
        world.tick(100)
        names = ["my-group6.1", "my-group6.2", "my-group6.3"]
        assert serving(world, "my-tomcat") == dict.fromkeys(names, 4)
        world.load.clear()
        world.tick(310)
        world.settle(within_s=4000, quiet_s=100)

        assert serving(world, "my-tomcat") == {"my-group6.1": 1}
        assert [name for _, name in ended(world, "my-group6")] == ["my-group6.3", "my-group6.2"]
        assert list(early_ends(world, spec)) == []
