"""What a run shows of a composite application, and what it waits for."""

import msgspec
import pytest

from pileus.lives import Change, Lives
from pileus.stack.shown import awaited, clusters, composites, worth_telling
from pileus.view import Cluster
from streams.records.instance import Instance, Level, Phase
from streams.records.member import State
from tests.unit.pileus.instances import an_instance
from tests.unit.pileus.records import a_member
from tests.unit.pileus.test_front import ADMIN, API, BACKEND, BLOG, TIERS, WEB, an_application

A = Phase.ACTIVE


def lived(*instances: Instance) -> Lives:
    lives = Lives()
    for each in instances:
        lives.instance(each, 0.0)
    return lives


def waiting(name: str, what: str) -> Instance:
    return an_instance(name, started=False, why=f"waits for {what}")


def test_each_cluster_has_a_row_in_start_up_order() -> None:
    lives = lived(
        waiting("web", "group.backend"), an_instance("backend.1/api"), an_instance("backend.1/db", phase=A, wanted=2)
    )
    serving = msgspec.structs.replace(a_member("db-1", State.ACTIVE), cluster_instance="default/shop/here/backend.1/db")
    lives.member(serving)

    assert clusters(lives, [TIERS]) == [
        Cluster(name="db", phase="Active", wanted=2, serving=1),
        Cluster(name="api", phase="starts", wanted=1, serving=0),
        Cluster(name="web", phase="waits", wanted=1, serving=0, why="waits for group.backend"),
    ]


def test_an_application_of_one_cluster_has_no_rows() -> None:
    lives = lived(an_instance("web", application="blog"))

    assert (composites([BLOG]), clusters(lives, [BLOG])) == (frozenset(), [])


def test_several_composite_applications_are_told_apart() -> None:
    other = an_application(WEB, API, application="other")
    lives = lived(an_instance("web", application="other"), an_instance("web"))

    assert [each.name for each in clusters(lives, [TIERS, other])] == ["other/web", "shop/web"]


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        pytest.param([], ["the decider"], id="nothing is decided yet"),
        pytest.param(
            [waiting("web", "group.backend"), waiting("backend.1/api", "db"), an_instance("backend.1/db")],
            ["db starts", "api waits for db", "web waits for group.backend"],
            id="nothing serves yet",
        ),
        pytest.param(
            [an_instance("web"), an_instance("backend.1/api", phase=A), an_instance("backend.1/db", phase=A)],
            ["web starts"],
            id="it alone is missing",
        ),
        pytest.param(
            [an_instance("web", phase=A), an_instance("backend.1/db", phase=Phase.INACTIVE)], [], id="it serves itself"
        ),
    ],
)
def test_what_the_first_answer_waits_for(instances: list[Instance], expected: list[str]) -> None:
    assert awaited(lived(*instances), [TIERS], WEB) == expected


def test_what_does_not_start_before_it_is_not_waited_for() -> None:
    application = an_application(WEB, BACKEND, ADMIN, order="backend>admin")
    lives = lived(an_instance("web"), an_instance("admin"), an_instance("backend.1/db"))

    assert awaited(lives, [application], WEB) == ["web starts"]


def test_an_application_of_one_cluster_is_asked_at_once() -> None:
    assert awaited(Lives(), [BLOG], BLOG.clusters()[0]) == []


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        pytest.param(an_instance("web"), True, id="a cluster"),
        pytest.param(an_instance("backend.1", level=Level.GROUP), False, id="a group"),
        pytest.param(an_instance("web", application="blog"), False, id="of an application of one cluster"),
        pytest.param(an_instance("web", application="beside"), False, id="of one that was applied beside the run"),
    ],
)
def test_which_changes_are_told(*, instance: Instance, expected: bool) -> None:
    assert worth_telling(Change(0.0, instance, "starts"), [TIERS, BLOG]) == expected
