"""When a member is known to be out: table of what was counted after its file went."""

import pytest

from actuators.balancers.caddy_counts import Counts
from actuators.balancers.caddy_proof import Proof, advance

PORTS = 12


def counts(checks: int, *, checking: int = 0, started: float = 1.0) -> Counts:
    return Counts(started=started, requests=0, in_flight=0, checks=checks, checking=checking)


@pytest.mark.parametrize(
    ("looks", "out"),
    [
        pytest.param([(0.0, counts(100))], False, id="one look proves nothing"),
        pytest.param([(0.0, counts(100)), (0.5, counts(123)), (1.0, counts(123))], False, id="one check short"),
        pytest.param([(0.0, counts(100)), (0.5, counts(124))], False, id="not at the look that saw the round end"),
        pytest.param([(0.0, counts(100)), (0.5, counts(124)), (0.51, counts(124))], False, id="not yet settled"),
        pytest.param([(0.0, counts(100)), (0.5, counts(124)), (0.52, counts(124))], True, id="settled"),
        pytest.param(
            [(0.0, counts(100)), (0.5, counts(124, checking=1)), (0.6, counts(124, checking=1))],
            False,
            id="a check still under way may be the one of this member",
        ),
        pytest.param(
            [(0.0, counts(100)), (0.5, counts(124, checking=1)), (0.6, counts(125)), (0.7, counts(130, checking=7))],
            True,
            id="checks that begin later change nothing",
        ),
        pytest.param(
            [(0.0, counts(100)), (0.5, counts(124)), (0.6, counts(200, started=2.0)), (0.7, counts(201, started=2.0))],
            False,
            id="a new Caddy starts with everybody eligible, so the watch begins anew",
        ),
        pytest.param(
            [(0.0, counts(100)), (0.1, counts(10)), (0.6, counts(33)), (0.7, counts(33))],
            False,
            id="a count that falls begins the watch anew",
        ),
        pytest.param(
            [(0.0, counts(100)), (0.1, counts(10)), (0.6, counts(34)), (0.7, counts(34))], True, id="and it can end"
        ),
    ],
)
def test_advance(looks: list[tuple[float, Counts]], *, out: bool) -> None:
    proof: Proof | None = None
    at = 0.0
    for at, seen in looks:
        proof = advance(proof, seen, ports=PORTS, at=at)

    assert proof is not None
    assert proof.out(at) is out
