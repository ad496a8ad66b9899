"""Orders of one level: directly before to start, all before to end, all that depend on a child."""

import pytest

from actuators.order import Order, order_of
from config.tree import GroupSpec
from tests.builders import a_spec

DIAMOND = (("db", "left"), ("db", "right"), ("left", "web"), ("right", "web"))


def an_order(*pairs: tuple[str, str], ends: tuple[tuple[str, str], ...] | None = None) -> Order:
    names = sorted({name for pair in (*pairs, *(ends or ())) for name in pair} | {"alone"})
    children = tuple(a_spec(f"shop-{alias}", alias=alias) for alias in names)
    back = tuple((then, first) for first, then in pairs)
    given = back if ends is None else ends
    return order_of(GroupSpec(alias="", name="", children=children, order=pairs, termination_order=given))


@pytest.mark.parametrize(
    ("alias", "after", "dependants", "ends_after"),
    [
        pytest.param("alone", set(), set(), set(), id="who is named nowhere waits for nobody"),
        pytest.param(
            "db", set(), {"left", "right", "web"}, {"left", "right", "web"}, id="all others depend on the first"
        ),
        pytest.param("left", {"db"}, {"web"}, {"web"}, id="branches do not wait for each other"),
        pytest.param("web", {"left", "right"}, set(), set(), id="the last has several predecessors, and ends first"),
    ],
)
def test_a_diamond(alias: str, after: set[str], dependants: set[str], ends_after: set[str]) -> None:
    order = an_order(*DIAMOND)

    assert order.starts_after[alias] == after
    assert order.successors[alias] == dependants
    assert order.ends_before[alias] == ends_after


def test_the_termination_order_may_be_another_one() -> None:
    order = an_order(("db", "web"), ends=(("db", "cache"), ("cache", "web")))

    assert order.ends_before == {"alone": set(), "db": set(), "cache": {"db"}, "web": {"db", "cache"}}
    assert order.starts_after["web"] == {"db"}


def test_children_are_known_by_their_alias() -> None:
    assert set(an_order(("db", "web")).children) == {"alone", "db", "web"}
