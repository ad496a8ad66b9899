"""The life of an instance: every move that the tables have, and no other."""

import pytest

from actuators.phases import MOVES, IllegalPhaseError, enter
from streams.records.instance import Instance, Level, Phase
from tests.pieces_of_instances import an_instance_of

LEGAL = [(level, start, end) for level, moves in MOVES.items() for start, ends in moves.items() for end in sorted(ends)]
ILLEGAL = [
    (level, start, end) for level, moves in MOVES.items() for start in Phase for end in Phase if end not in moves[start]
]


def name(move: tuple[Level, Phase, Phase]) -> str:
    level, start, end = move
    return f"{level}: {start} to {end}"


@pytest.mark.parametrize("move", LEGAL, ids=name)
def test_a_legal_move_is_made_and_dated(move: tuple[Level, Phase, Phase]) -> None:
    level, start, end = move
    moved = enter(an_instance_of(level=level, phase=start), end, at=2000.0, epoch=7, why="because")

    assert (moved.phase, moved.at, moved.epoch, moved.why) == (end, 2000.0, 7, "because")
    assert moved.since[end] == 2000.0


@pytest.mark.parametrize("move", ILLEGAL, ids=name)
def test_no_other_move_is_made(move: tuple[Level, Phase, Phase]) -> None:
    level, start, end = move
    with pytest.raises(IllegalPhaseError, match=f"no move from {start} to {end} .at 2000.0: because."):
        enter(an_instance_of(level=level, phase=start), end, at=2000.0, epoch=0, why="because")


def test_every_level_has_a_row_for_every_phase() -> None:
    assert all(set(MOVES[level]) == set(Phase) for level in Level)


def test_an_application_does_not_start_anew_while_it_ends() -> None:
    assert Phase.CREATED not in MOVES[Level.APPLICATION][Phase.TERMINATING]


def test_what_is_created_anew_has_not_started() -> None:
    ended = an_instance_of(phase=Phase.TERMINATING, started=True, restart=True)
    anew = enter(ended, Phase.CREATED, at=2000.0, epoch=0, why="")

    assert (anew.started, anew.restart, anew.since) == (False, False, {"Created": 2000.0})


def test_a_phase_remembers_when_the_others_were_reached() -> None:
    active: Instance = enter(an_instance_of(), Phase.ACTIVE, at=2000.0, epoch=0, why="")

    assert active.since == {"Created": 900.0, "Active": 2000.0}
