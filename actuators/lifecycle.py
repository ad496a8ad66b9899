"""The life of a member: a table of legal moves, and the one function that makes a move."""

import msgspec

from streams.records.member import Member, State

MOVES: dict[State, frozenset[State]] = {
    State.CREATED: frozenset({State.STARTING, State.DRAINING, State.TERMINATED}),
    State.STARTING: frozenset({State.ACTIVE, State.DRAINING, State.TERMINATED}),
    State.ACTIVE: frozenset({State.DRAINING, State.TERMINATED}),
    State.DRAINING: frozenset({State.ACTIVE, State.STARTING, State.TERMINATING, State.TERMINATED}),
    State.TERMINATING: frozenset({State.TERMINATED}),
    State.TERMINATED: frozenset(),
}
"""From each state, the states that may follow. Ended by Pileus only through Draining; ``Terminated`` may come
from anywhere, because an instance may die by itself. Draining -> Active or Starting is a recall."""

PRESENT = frozenset({State.CREATED, State.STARTING, State.ACTIVE})
"""States of the members that count towards the number wanted."""

FAULT = "fault"
"""What the reason of a member begins with that drains because something is wrong with it: it is not recalled."""

ENDS = "ends"
"""The same of a member that drains because its instance of the cluster ends."""


class IllegalMoveError(Exception):
    """A member was asked to move where its life cannot go."""


def move(member: Member, state: State, *, at: float, epoch: int, reason: str) -> Member:
    """Return the member in its next state.

    Raises
    ------
    IllegalMoveError
        If the table has no such move.
    """
    if state not in MOVES[member.state]:
        raise IllegalMoveError(f"{member.member}: no move from {member.state} to {state} (at {at}: {reason})")
    since = {state.value: at} | member.since
    return msgspec.structs.replace(member, state=state, at=at, epoch=epoch, since=since, reason=reason)


def asked_for(member: Member) -> float:
    """Return when a member was asked for (s since the Unix epoch)."""
    return member.since.get(State.CREATED, member.at)


def was_present(member: Member, at: float) -> bool:
    """Say whether a member counted already before a tick (s since the Unix epoch), as far as is known now.

    One asked for on that tick or later follows from a decision that is being taken again.
    """
    return member.state in PRESENT and asked_for(member) < at


def recalled(member: Member) -> State | None:
    """Return the state that a draining member goes back to when it is recalled; ``None`` when it must not be."""
    if member.state is not State.DRAINING or member.reason.startswith((FAULT, ENDS)):
        return None
    return next((state for state in (State.ACTIVE, State.STARTING) if state in member.since), None)
