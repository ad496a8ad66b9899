import numpy as np

from streams.membership import LEAD_TIMES_KEPT, Membership, Move
from streams.records.member import Member, State
from tests.builders import a_member

CREATED, STARTING, ACTIVE = State.CREATED, State.STARTING, State.ACTIVE
DRAINING, TERMINATING, TERMINATED = State.DRAINING, State.TERMINATING, State.TERMINATED


def a_life(*states: tuple[State, float], member: str = "shop-web-1", partition: str = "local") -> list[Member]:
    """Return a member's records, one for each state and time; ``since`` keeps the first time of each, as live."""
    since: dict[str, float] = {}
    records = []
    for state, at in states:
        since = {state.value: at} | since
        records.append(a_member(member, state=state, at=at, since=since, partition=partition))
    return records


def told(*records: Member) -> Membership:
    membership = Membership()
    for record in records:
        membership.apply(Move.of(record))
    return membership


def served(membership: Membership, *times: float, member: str = "shop-web-1") -> list[bool]:
    covered: list[list[bool]] = membership.covers([member], np.array(times)).tolist()
    return covered[0]


def test_a_member_serves_from_active_to_draining() -> None:
    membership = told(*a_life((CREATED, 10.0), (STARTING, 11.0), (ACTIVE, 20.0), (DRAINING, 30.0)))

    assert served(membership, 19.9, 20.0, 29.9, 30.0) == [False, True, True, False]


def test_a_member_that_serves_has_no_end_yet() -> None:
    assert served(told(*a_life((ACTIVE, 20.0))), 19.9, 1e9) == [False, True]


def test_a_member_that_never_served_covers_nothing() -> None:
    membership = told(*a_life((CREATED, 10.0)))

    assert served(membership, 10.0, 99.0) == [False, False]


def test_a_member_that_dies_by_itself_stops_serving() -> None:
    membership = told(*a_life((ACTIVE, 20.0), (TERMINATED, 30.0)))

    assert served(membership, 29.9, 30.0) == [True, False]
    assert (membership.serving(), membership.wanted(), "shop-web-1" in membership.served) == ([], [], True)


def test_terminating_does_not_move_the_end() -> None:
    membership = told(*a_life((ACTIVE, 20.0), (DRAINING, 30.0), (TERMINATING, 40.0), (TERMINATED, 50.0)))

    assert served(membership, 29.9, 30.0, 45.0) == [True, False, False]


def test_a_recalled_member_serves_on() -> None:
    membership = told(*a_life((ACTIVE, 20.0), (DRAINING, 30.0), (ACTIVE, 40.0)))

    assert served(membership, 20.0, 35.0, 1e9) == [True, True, True]
    assert membership.serving() == ["shop-web-1"]


def test_a_member_recalled_after_its_span_was_forgotten_serves_from_then_on_and_has_one_lead_time() -> None:
    membership = Membership()
    for record in a_life((CREATED, 10.0), (ACTIVE, 20.0), (DRAINING, 30.0), (ACTIVE, 500.0)):
        membership.forget(record.at - 300.0)
        membership.apply(Move.of(record))

    assert served(membership, 25.0, 499.0, 500.0) == [False, False, True]
    assert membership.lead_times == {"here/local": [10.0]}


def test_who_serves_and_who_is_on_the_way() -> None:
    states = [CREATED, STARTING, ACTIVE, DRAINING, TERMINATING]
    membership = told(*(a_member(f"shop-web-{i}", state=state) for i, state in reversed(list(enumerate(states)))))

    assert membership.serving() == ["shop-web-2"]
    assert membership.wanted() == ["shop-web-0", "shop-web-1", "shop-web-2"]
    assert membership.starting() == 2
    assert len(membership.alive) == 5


def test_lead_times_run_from_asked_for_to_serving_by_partition() -> None:
    membership = told(
        *a_life((CREATED, 10.0), (STARTING, 11.0), (ACTIVE, 20.0), (DRAINING, 30.0), (ACTIVE, 31.0)),
        *a_life((CREATED, 10.0), (ACTIVE, 17.0), member="shop-web-2"),
        *a_life((CREATED, 10.0), (ACTIVE, 90.0), member="shop-web-3", partition="far"),
        *a_life((ACTIVE, 90.0), member="shop-web-4"),
        *a_life((CREATED, 90.0), (ACTIVE, 80.0), member="shop-web-5"),
        *a_life((CREATED, 90.0), (TERMINATED, 95.0), member="shop-web-6"),
    )

    assert membership.lead_times == {"here/local": [10.0, 7.0], "here/far": [80.0]}


def test_a_record_written_again_changes_nothing() -> None:
    once = told(*(life := a_life((CREATED, 10.0), (ACTIVE, 20.0))))
    again = told(*life, life[-1], life[-1])

    assert again == once


def test_only_the_newest_lead_times_are_kept() -> None:
    membership = told(
        *(
            record
            for i in range(LEAD_TIMES_KEPT + 5)
            for record in a_life((CREATED, 0.0), (ACTIVE, float(i)), member=f"shop-web-{i}")
        )
    )

    assert membership.lead_times["here/local"] == [float(i) for i in range(5, LEAD_TIMES_KEPT + 5)]


def test_spans_that_ended_before_the_window_are_forgotten() -> None:
    membership = told(
        *a_life((ACTIVE, 20.0), (DRAINING, 30.0), (TERMINATED, 31.0)),
        *a_life((ACTIVE, 20.0), member="shop-web-2"),
    )
    membership.forget(30.0)
    kept = sorted(membership.served)
    membership.forget(30.1)

    assert (kept, sorted(membership.served)) == (["shop-web-1", "shop-web-2"], ["shop-web-2"])
