"""The life of an instance of an application, a group or a cluster: tables of legal moves, and the one move."""

import msgspec

from streams.records.instance import Instance, Level, Phase

GROUP_MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.CREATED: frozenset({Phase.ACTIVE, Phase.TERMINATING}),
    Phase.ACTIVE: frozenset({Phase.INACTIVE, Phase.TERMINATING}),
    Phase.INACTIVE: frozenset({Phase.ACTIVE, Phase.TERMINATING}),
    Phase.TERMINATING: frozenset({Phase.TERMINATED, Phase.CREATED}),
    Phase.TERMINATED: frozenset({Phase.CREATED}),
}
"""From each phase, those that may follow. Terminating -> Created: it starts anew (``restart``)."""

MOVES: dict[Level, dict[Phase, frozenset[Phase]]] = {
    Level.APPLICATION: GROUP_MOVES | {Phase.TERMINATING: frozenset({Phase.TERMINATED})},
    Level.GROUP: GROUP_MOVES,
    Level.CLUSTER: GROUP_MOVES,
}
"""Stratos' transitions, without its Patching. An application does not start anew as a whole while it ends, and what is
terminated may be created once more under its old name: instances are places in a tree, not things."""


class IllegalPhaseError(Exception):
    """An instance was asked to move where its life cannot go."""


def enter(instance: Instance, phase: Phase, *, at: float, epoch: int, why: str) -> Instance:
    """Return the instance in its next phase. One that is created anew has not started.

    Raises
    ------
    IllegalPhaseError
        If the table has no such move.
    """
    if phase not in MOVES[instance.level][instance.phase]:
        raise IllegalPhaseError(f"{instance.instance}: no move from {instance.phase} to {phase} (at {at}: {why})")
    since = instance.since | {phase.value: at}
    if phase is Phase.CREATED:
        return msgspec.structs.replace(
            instance, phase=phase, at=at, epoch=epoch, since={phase.value: at}, started=False, restart=False, why=why
        )
    return msgspec.structs.replace(instance, phase=phase, at=at, epoch=epoch, since=since, why=why)
