"""The life of a member: which moves are legal, and what a move writes down."""

from itertools import product

import pytest

from actuators.lifecycle import MOVES, IllegalMoveError, move, recalled
from streams.records.member import State
from tests.builders import a_member

LEGAL = {
    ("Created", "Starting"),
    ("Created", "Draining"),
    ("Created", "Terminated"),
    ("Starting", "Active"),
    ("Starting", "Draining"),
    ("Starting", "Terminated"),
    ("Active", "Draining"),
    ("Active", "Terminated"),
    ("Draining", "Active"),
    ("Draining", "Starting"),
    ("Draining", "Terminating"),
    ("Draining", "Terminated"),
    ("Terminating", "Terminated"),
}


@pytest.mark.parametrize(("state", "after"), list(product(State, State)))
def test_every_move_is_legal_or_refused(state: State, after: State) -> None:
    member = a_member(state=state)
    if (state.value, after.value) in LEGAL:
        assert move(member, after, at=1.0, epoch=1, reason="").state is after
    else:
        with pytest.raises(IllegalMoveError, match=f"shop-web-1: no move from {state} to {after}"):
            move(member, after, at=1.0, epoch=1, reason="")


def test_only_a_draining_member_is_terminated_by_pileus() -> None:
    assert [state for state in State if State.TERMINATING in MOVES[state]] == [State.DRAINING]


def test_a_move_is_written_down_whole() -> None:
    member = a_member(state=State.ACTIVE, at=10.0, epoch=3, since={"Created": 5.0, "Active": 10.0})

    moved = move(member, State.DRAINING, at=20.0, epoch=4, reason="1 wanted")

    assert (moved.state, moved.at, moved.epoch, moved.reason) == (State.DRAINING, 20.0, 4, "1 wanted")
    assert moved.since == {"Created": 5.0, "Active": 10.0, "Draining": 20.0}


def test_the_first_time_in_a_state_is_kept() -> None:
    member = a_member(state=State.DRAINING, at=20.0, since={"Active": 10.0, "Draining": 20.0})

    assert move(member, State.ACTIVE, at=30.0, epoch=1, reason="").since["Active"] == 10.0


def test_only_a_draining_member_is_recalled() -> None:
    states = [state for state in State if recalled(a_member(state=state, since={"Active": 1.0})) is not None]

    assert states == [State.DRAINING]
