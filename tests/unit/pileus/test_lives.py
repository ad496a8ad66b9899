"""The lives of applications: what changed, how it is said, what is left."""

import msgspec
import pytest

from pileus.lives import Lives, said, short_name
from streams.records.instance import Instance, Level, Phase
from streams.records.member import State
from tests.unit.pileus.instances import an_instance
from tests.unit.pileus.records import a_member

SHOP = {("default", "shop")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("web", "web", id="a cluster"),
        pytest.param("backend.1/api", "api", id="in the first instance of a group"),
        pytest.param("backend.2/api", "backend.2/api", id="in a further one"),
        pytest.param("a.1/b.2/api", "a.1/b.2/api", id="in a further one of a nested group"),
        pytest.param("backend.10/api", "backend.10/api", id="in the tenth"),
    ],
)
def test_what_an_instance_is_called(name: str, expected: str) -> None:
    assert short_name(an_instance(name)) == expected


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        pytest.param(an_instance(started=False, why="waits for db"), "web waits for db", id="it waits for something"),
        pytest.param(an_instance(started=False), "web waits", id="it waits and nobody says for what"),
        pytest.param(an_instance(why="1 for its load"), "web starts", id="it starts, whatever its number is for"),
        pytest.param(an_instance(phase=Phase.ACTIVE, why="1 for its load"), "web Active", id="it serves"),
        pytest.param(
            an_instance(phase=Phase.INACTIVE, why="0 of 1 serve"),
            "web Inactive: 0 of 1 serve",
            id="something is missing",
        ),
        pytest.param(
            an_instance(phase=Phase.TERMINATING, why="undeployed"), "web Terminating: undeployed", id="it ends"
        ),
    ],
)
def test_a_change_in_words(instance: Instance, expected: str) -> None:
    assert said(instance) == expected


def test_only_what_is_new_is_a_change() -> None:
    lives = Lives()
    waits = an_instance(started=False, why="waits for db, cache")
    for at, record in enumerate(
        [
            waits,
            msgspec.structs.replace(waits, why="waits for cache"),
            an_instance(),
            an_instance(wanted=2),
            an_instance(phase=Phase.ACTIVE),
            an_instance(phase=Phase.TERMINATING),
            an_instance(started=False),
        ]
    ):
        lives.instance(record, float(at))

    assert [(each.at, each.word) for each in lives.changes] == [
        (0.0, "waits"),
        (2.0, "starts"),
        (4.0, "Active"),
        (5.0, "Terminating"),
        (6.0, "waits"),
    ]


def test_each_change_is_told_once() -> None:
    told: list[str] = []
    lives = Lives(lambda change: told.append(change.said()))
    for phase in (Phase.CREATED, Phase.CREATED, Phase.ACTIVE):
        lives.instance(an_instance(phase=phase), 0.0)

    assert told == ["web starts", "web Active"]


def test_what_was_before_the_run_is_known_and_not_told() -> None:
    lives = Lives()
    lives.instance(an_instance(phase=Phase.ACTIVE), 0.0, new=False)
    lives.instance(an_instance(phase=Phase.TERMINATING), 1.0)

    assert [each.word for each in lives.changes] == ["Terminating"]


def test_nothing_is_left_once_everything_is_terminated_or_forgotten() -> None:
    lives = Lives()
    lives.instance(an_instance("web", phase=Phase.TERMINATED), 0.0)
    lives.instance(an_instance("api", phase=Phase.ACTIVE), 0.0)
    lives.instance(an_instance("db", phase=Phase.TERMINATING), 0.0)
    lives.instance(an_instance("web", application="blog"), 0.0)

    assert [each.alias for each in lives.left(SHOP)] == ["api", "db"]
    lives.forget("default/shop/here/api")
    lives.forget("default/shop/here/db")
    lives.forget("default/shop/nowhere")
    assert lives.left(SHOP) == []


def test_the_members_that_serve_are_counted_by_cluster_instance() -> None:
    lives = Lives()
    lives.instance(an_instance("backend.1", level=Level.GROUP), 0.0)
    for number in (1, 2):
        lives.instance(an_instance(f"backend.{number}/api"), 0.0)
    for name, state, group in (("a", "Active", 1), ("b", "Active", 1), ("c", "Starting", 1), ("d", "Active", 2)):
        where = f"default/shop/here/backend.{group}/api"
        lives.member(msgspec.structs.replace(a_member(name, State(state)), cluster_instance=where))
    lives.member(a_member("d", State.TERMINATED))

    assert [(short_name(each.instance), each.serving) for each in lives.clusters(SHOP)] == [
        ("api", 2),
        ("backend.2/api", 0),
    ]
