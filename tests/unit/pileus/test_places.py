"""What an application uses of the room that it has."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.catalogue import load
from config.tree import ApplicationSpec, BudgetSpec
from pileus.places import in_json, room, usage
from streams.records.member import Member, State
from tests.builders import a_member
from tests.unit.config.documents import Changes, shop, write

PRICES: Changes = {("network.json", ("partitions", 0, "pricePerHour")): 0.25}


def the_spec(folder: Path, changes: Changes | None = None) -> ApplicationSpec:
    (spec,) = load([write(folder, shop(changes))]).applications()
    return spec


def at(partition: str, count: int, *, state: State = State.ACTIVE) -> list[Member]:
    given: dict[str, Any] = {"cluster": "shop-front", "state": state, "partition": partition}
    return [a_member(f"shop-front-{partition}-{i}", **given) for i in range(count)]


def test_members_are_counted_where_they_are_and_those_that_ended_are_not(tmp_path: Path) -> None:
    found = room(
        the_spec(tmp_path), [*at("p1", 2), *at("p2", 1, state=State.DRAINING), *at("p2", 3, state=State.TERMINATED)]
    )

    assert [(p.cluster, p.partition, p.members, p.most) for p in found.places] == [
        ("front", "p1", 2, 2),
        ("front", "p2", 1, 2),
    ]
    assert found.members == 3


def test_a_cost_is_known_when_every_price_is_that_counts(tmp_path: Path) -> None:
    spec = the_spec(tmp_path, PRICES)

    assert room(spec, at("p1", 2)).cost_per_hour == pytest.approx(0.5)
    assert room(spec, [*at("p1", 2), *at("p2", 1)]).cost_per_hour is None
    assert room(spec, []).cost_per_hour == 0.0


def test_it_is_said_in_lines_and_in_json(tmp_path: Path) -> None:
    budget = BudgetSpec(members=10, cost_per_hour=1.0)
    found = room(msgspec.structs.replace(the_spec(tmp_path, PRICES), budget=budget), at("p1", 2))

    assert usage(found, everything=True) == [
        "budget: 2 of 10 members, 0.5 of 1 per hour",
        "front at here/p1: 2 of 2 members, 0.5 per hour",
        "front at here/p2: 0 of 2 members",
    ]
    assert usage(found, everything=False) == ["budget: 2 of 10 members, 0.5 of 1 per hour"]
    said: Any = in_json(found)
    assert (said["members"], said["cost_per_hour"], said["budget"]) == (2, 0.5, {"members": 10, "cost_per_hour": 1.0})
    assert [each["price_per_hour"] for each in said["partitions"]] == [0.25, None]


def test_without_a_budget_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert usage(room(the_spec(tmp_path), at("p1", 1)), everything=False) == []
