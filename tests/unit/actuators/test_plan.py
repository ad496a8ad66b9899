"""The plan: the smallest set of actions from what is there to what is wanted."""

from collections.abc import Collection, Mapping, Sequence

import pytest

from actuators.plan import Plan, plan
from streams.records.member import Member, State
from streams.records.own import MemberForecast
from tests.builders import a_member, a_place

PLACES = (a_place("p1"), a_place("p2"))
C, S, A, D, T = State.CREATED, State.STARTING, State.ACTIVE, State.DRAINING, State.TERMINATING


def some(*states: State, partition: str = "p1") -> list[Member]:
    """Return a member per state, named in order and asked for in order; those that drain have served."""
    return [
        a_member(
            f"shop-web-{i}",
            state=state,
            at=100.0 + i,
            since={"Created": float(i)} | ({"Active": 50.0} if state in {A, D} else {}),
            partition=partition,
        )
        for i, state in enumerate(states, 1)
    ]


def loads(*values: float | None) -> Mapping[str, MemberForecast]:
    """Return each member's predicted load, in order."""
    return {f"shop-web-{i}": MemberForecast(member=f"shop-web-{i}", load_average=v) for i, v in enumerate(values, 1)}


@pytest.mark.parametrize(
    ("members", "wanted", "expected"),
    [
        pytest.param([], 3, Plan(launch=3), id="from nothing it launches"),
        pytest.param(some(A, A), 2, Plan(), id="what is wanted is there"),
        pytest.param(some(A, S, C), 3, Plan(), id="who is on the way counts: a slow cloud is not asked twice"),
        pytest.param(some(A, T, State.TERMINATED), 3, Plan(launch=2), id="who is leaving for good does not count"),
        pytest.param(
            some(A, D), 2, Plan(recall=("shop-web-2",)), id="who drains is recalled before another is launched"
        ),
        pytest.param(
            some(A, D, D), 2, Plan(recall=("shop-web-3",)), id="the one that drains for the shortest time is recalled"
        ),
        pytest.param(some(D, A), 4, Plan(recall=("shop-web-1",), launch=2), id="the rest is launched"),
        pytest.param(
            some(A, A, A), 1, Plan(drain=("shop-web-3", "shop-web-2")), id="without a known load the newest go"
        ),
        pytest.param(some(A, A, S), 2, Plan(drain=("shop-web-3",)), id="who does not serve yet goes first"),
        pytest.param(some(S, C, A), 2, Plan(drain=("shop-web-2",)), id="of those, who is not accepted yet"),
        pytest.param(some(A, D), 0, Plan(drain=("shop-web-1",)), id="who drains already is left alone"),
    ],
)
def test_plan(members: Sequence[Member], wanted: int, expected: Plan) -> None:
    assert plan(members, wanted=wanted, partitions=PLACES) == expected


@pytest.mark.parametrize(
    ("forecasts", "victim"),
    [
        pytest.param(loads(50.0, 10.0, 90.0), "shop-web-2", id="the one with the lowest predicted load"),
        pytest.param(loads(50.0, 50.04, 90.0), "shop-web-2", id="of nearly equal ones the newest"),
        pytest.param(loads(50.0, None, 90.0), "shop-web-1", id="an unknown load is not zero"),
    ],
)
def test_the_victim(forecasts: Mapping[str, MemberForecast], victim: str) -> None:
    assert plan(some(A, A, A), wanted=2, partitions=PLACES, forecasts=forecasts).drain == (victim,)


def test_the_partition_that_is_emptied_first_counts_more_than_the_load() -> None:
    members = some(A, A)[:1] + some(A, A, partition="p2")[1:]

    chosen = plan(members, wanted=1, partitions=PLACES, forecasts=loads(10.0, 90.0))

    assert chosen.drain == ("shop-web-2",)


def test_of_members_asked_for_together_the_one_with_the_highest_number_goes() -> None:
    members = [a_member(f"shop-web-{i}", since={"Created": 5.0}) for i in (9, 10, 2)]

    assert plan(members, wanted=2, partitions=PLACES).drain == ("shop-web-10",)


def test_who_does_not_serve_goes_before_the_partition_counts() -> None:
    members = some(S, A)[:1] + some(A, A, partition="p2")[1:]

    assert plan(members, wanted=1, partitions=PLACES).drain == ("shop-web-1",)


@pytest.mark.parametrize(
    ("reason", "since", "expected"),
    [
        pytest.param("2 wanted", {"Active": 5.0}, ("shop-web-1",), id="one that served is recalled"),
        pytest.param("2 wanted", {"Starting": 5.0}, ("shop-web-1",), id="one that was starting is recalled"),
        pytest.param("2 wanted", {"Created": 5.0}, (), id="one that was never accepted is not"),
        pytest.param("fault: Silent", {"Active": 5.0}, (), id="one with a fault is not"),
    ],
)
def test_recall(reason: str, since: dict[str, float], expected: tuple[str, ...]) -> None:
    members = [a_member("shop-web-1", state=D, reason=reason, since=since)]

    assert plan(members, wanted=1, partitions=PLACES).recall == expected


def test_who_has_served_is_recalled_before_who_was_starting() -> None:
    members = [
        a_member("shop-web-1", state=D, at=100.0, since={"Starting": 5.0, "Active": 6.0}),
        a_member("shop-web-2", state=D, at=101.0, since={"Starting": 5.0}),
    ]

    assert plan(members, wanted=1, partitions=PLACES).recall == ("shop-web-1",)


@pytest.mark.parametrize(
    ("members", "wanted", "leaving", "room", "expected"),
    [
        pytest.param(some(A, A), 2, ["shop-web-1"], True, Plan(launch=1), id="first its replacement is launched"),
        pytest.param(some(A, A, S), 2, ["shop-web-1"], True, Plan(), id="it serves until the replacement does"),
        pytest.param(some(A, A, A), 2, ["shop-web-1"], True, Plan(drain=("shop-web-1",)), id="then it drains"),
        pytest.param(
            some(A, A), 2, ["shop-web-1"], False, Plan(launch=1, drain=("shop-web-1",)), id="without room it goes first"
        ),
        pytest.param(some(A, A, S), 2, ["shop-web-1"], False, Plan(), id="but not while its replacement starts"),
        pytest.param(
            some(A, S, A), 2, ["shop-web-2"], True, Plan(drain=("shop-web-2",)), id="who carries nothing goes at once"
        ),
        pytest.param(
            some(A, A, A, A),
            3,
            ["shop-web-1", "shop-web-2"],
            True,
            Plan(launch=1, drain=("shop-web-2",)),
            id="as many go as are not needed",
        ),
        pytest.param(some(A, D), 2, ["shop-web-2"], True, Plan(launch=1), id="who is to be replaced is not recalled"),
        pytest.param(some(A), 1, ["shop-web-1"], True, Plan(launch=1), id="the only one serves until another does"),
        pytest.param(
            some(A, A, A),
            1,
            ["shop-web-1"],
            True,
            Plan(drain=("shop-web-1", "shop-web-3")),
            id="when shrinking it goes beside the victims",
        ),
    ],
)
def test_who_is_to_be_replaced(
    members: Sequence[Member],
    wanted: int,
    leaving: Collection[str],
    room: bool,  # noqa: FBT001 - a column of the table
    expected: Plan,
) -> None:
    assert plan(members, wanted=wanted, partitions=PLACES, leaving=leaving, room=room) == expected


# --- who leaves -------------------------------------------------------------------------------------------------------

ONE = (a_place("p1", price=1.0), a_place("p2", price=3.0), a_place("p3"))


def spread_out(*partitions: str) -> list[Member]:
    """Return serving members in these partitions, asked for in order."""
    return [
        a_member(f"shop-web-{i}", since={"Created": float(i), "Active": 50.0}, partition=where)
        for i, where in enumerate(partitions, 1)
    ]


@pytest.mark.parametrize(
    ("victim", "leaving"),
    [
        pytest.param("lowest-load", ["shop-web-2", "shop-web-4"], id="lowest load: known to carry least"),
        pytest.param("newest", ["shop-web-4", "shop-web-3"], id="newest"),
        pytest.param("oldest", ["shop-web-1", "shop-web-2"], id="oldest"),
        pytest.param("most-expensive", ["shop-web-2", "shop-web-4"], id="most expensive: all cost the same"),
    ],
)
def test_the_rule_for_victims(victim: str, leaving: list[str]) -> None:
    members = spread_out("p1", "p1", "p1", "p1")

    chosen = plan(members, wanted=2, partitions=ONE, forecasts=loads(80.0, 20.0, None, 50.0), victim=victim)

    assert list(chosen.drain) == leaving


@pytest.mark.parametrize(
    ("victim", "leaving"),
    [
        pytest.param("most-expensive", ["shop-web-2", "shop-web-1"], id="the dearest partition first, whichever it is"),
        pytest.param("oldest", ["shop-web-3", "shop-web-4"], id="else of the partition that gives one up"),
    ],
)
def test_the_partition_of_the_victim(victim: str, leaving: list[str]) -> None:
    """The price of p3 is not known: it is not known to be dear."""
    members = spread_out("p1", "p2", "p3", "p3")

    assert list(plan(members, wanted=2, partitions=ONE, victim=victim).drain) == leaving


@pytest.mark.parametrize("victim", ["lowest-load", "newest", "oldest", "most-expensive"])
def test_who_leaves_already_goes_before_any_victim(victim: str) -> None:
    members = [*some(A, A, D, T), a_member("shop-web-9", state=S, since={"Created": 9.0})]

    assert plan(members, wanted=1, partitions=ONE, victim=victim).drain[0] == "shop-web-9"
    assert len(plan(members, wanted=1, partitions=ONE, victim=victim).drain) == 2
