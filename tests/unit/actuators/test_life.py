"""What becomes of instances: Active or not, started in order, ended in order, by each behaviour."""

from collections.abc import Mapping

import pytest

from actuators.instances import Instances
from actuators.life import Life, Seen
from actuators.shape import Shape
from config.tree import ApplicationSpec
from streams.records.instance import Phase
from tests.pieces_of_instances import a_child, a_group, a_shop

HERE = "default/shop/here"
ABC = (("a", "b"), ("b", "c"))
Edges = tuple[tuple[str, str], ...]


class Lived:
    """One application's instances, carried on tick by tick."""

    def __init__(self, spec: ApplicationSpec) -> None:
        self.spec = spec
        self.instances = Instances()
        Shape(spec, self.instances).update({}, {}, {})
        self.life = Life(spec, self.instances)
        self.serving: dict[str, int] = {}
        self.draining: frozenset[str] = frozenset()

    def tick(self, exported: tuple[str, ...] = ()) -> None:
        self.instances.at += 1.0
        seen = {f"{HERE}/{alias}": Seen(active=n, present=n, alive=n) for alias, n in self.serving.items()}
        self.life.settle(seen)
        self.draining = self.life.end(seen)
        self.life.begin(seen, exported)

    def serve(self, **serving: int) -> None:
        self.serving |= serving
        self.tick()

    def phase(self, alias: str) -> Phase:
        found = self.instances.get(f"{HERE}/{alias}")
        return Phase.TERMINATED if found is None else found.phase

    def why(self, alias: str) -> str:
        found = self.instances.get(f"{HERE}/{alias}")
        return "" if found is None else found.why

    def started(self) -> set[str]:
        return {leaf.alias for leaf in self.instances.leaves() if leaf.started}


def three(behaviour: str = "none", ends: Edges | None = None) -> Lived:
    children = [a_child(alias) for alias in "abc"]
    return Lived(a_shop(*children, order=ABC, termination=behaviour, ends=ends))


def three_active(behaviour: str, ends: Edges | None = None) -> Lived:
    lived = three(behaviour, ends)
    for alias in "abc":
        lived.serve(**{alias: 1})
    lived.tick()
    assert lived.instances.roots()[0].phase is Phase.ACTIVE
    return lived


def test_each_starts_when_the_one_before_is_active() -> None:
    lived = three()
    lived.tick()
    assert lived.started() == {"a"}
    assert lived.why("b") == "waits for cartridge.a"
    lived.serve(a=1)
    assert lived.started() == {"a", "b"}
    lived.serve(b=1)
    assert lived.started() == {"a", "b", "c"}


def test_what_nothing_orders_starts_at_once() -> None:
    lived = Lived(a_shop(a_child("a"), a_child("b")))
    lived.tick()

    assert lived.started() == {"a", "b"}


def test_a_cluster_is_active_when_its_minimum_serves() -> None:
    lived = Lived(a_shop(a_child("a", 2)))
    lived.tick()
    lived.serve(a=1)
    assert lived.phase("a") is Phase.CREATED
    assert lived.why("a") == "1 of 2 serve"
    lived.serve(a=2)
    assert lived.phase("a") is Phase.ACTIVE


def test_a_child_of_a_group_waits_for_what_is_before_the_group() -> None:
    lived = Lived(a_shop(a_child("a"), a_group("g", a_child("b")), order=(("a", "g"),)))
    lived.tick()

    assert lived.started() == {"a"}
    assert lived.why("g.1") == "waits for cartridge.a"


def test_what_imports_waits_for_the_export() -> None:
    lived = Lived(a_shop(a_child("a", exports=("a-url",)), a_child("b", imports=("a-url",)), order=(("a", "b"),)))
    lived.serve(a=1)
    assert lived.why("b") == "waits for metadata a-url"
    lived.tick(exported=("a-url",))
    assert lived.started() == {"a", "b"}


@pytest.mark.parametrize(
    ("behaviour", "ending"),
    [
        pytest.param("none", set(), id="none: nothing ends"),
        pytest.param("dependents", {"b", "c"}, id="dependents: it and what starts after it"),
        pytest.param("all", {"a", "b", "c"}, id="all: everything of the level"),
    ],
)
def test_a_child_that_is_inactive_ends(behaviour: str, ending: set[str]) -> None:
    lived = three_active(behaviour)
    lived.serve(b=0)

    assert {alias for alias in "abc" if lived.phase(alias) is Phase.TERMINATING} | (
        {"b"} if lived.phase("b") is Phase.CREATED else set()
    ) == ending
    if behaviour == "none":
        assert lived.phase("b") is Phase.INACTIVE


def test_who_depends_ends_first_and_all_start_anew_together() -> None:
    lived = three_active("all")
    lived.serving["a"] = 0
    lived.tick()
    assert lived.draining == {f"{HERE}/c"}
    lived.serve(c=0)
    assert lived.draining == {f"{HERE}/c"}
    lived.tick()
    assert lived.draining == {f"{HERE}/b"}
    assert lived.phase("c") is Phase.CREATED
    assert lived.why("c") == "waits until what ends with it is gone"
    lived.serve(b=0)
    lived.tick()
    lived.tick()
    assert lived.started() == {"a"}


def test_another_termination_order_is_kept() -> None:
    lived = three_active("all", ends=(("a", "b"), ("b", "c")))
    lived.serve(b=0)

    assert lived.draining == {f"{HERE}/a"}


def test_an_application_that_ends_drains_level_by_level() -> None:
    lived = three_active("none")
    lived.instances.move(lived.instances.roots()[0], Phase.TERMINATING, "undeployed")
    order: list[Mapping[str, int]] = []
    for _ in range(10):
        lived.tick()
        order += [{name: 1} for name in sorted(lived.draining) if {name: 1} not in order]
        lived.serving |= dict.fromkeys((name.rpartition("/")[2] for name in lived.draining), 0)

    assert [name.rpartition("/")[2] for each in order for name in each] == ["c", "b", "a"]
    assert lived.instances.empty


def test_a_group_is_active_with_its_minimum_of_instances() -> None:
    lived = Lived(a_shop(a_group("g", a_child("b"), size=(2, 3))))
    lived.serving = {"g.1/b": 1}
    lived.tick()
    assert lived.why("") == ""
    assert lived.instances.roots()[0].phase is Phase.CREATED
    lived.serving = {"g.1/b": 1, "g.2/b": 1}
    lived.tick()
    assert lived.instances.roots()[0].phase is Phase.ACTIVE
