"""A week's worth of policy in one page each: what the laboratory decides on fixed loads, and what it is worth."""

import math
from pathlib import Path

import numpy as np
import pytest

from actuators.lab.report import Outcome, run
from actuators.lab.world import World
from tests.laboratory import Values, a_lab_spec, a_load, a_trial

GOLDEN = Path(__file__).parent / "golden"
MINUTE_S = 60.0


def flash_crowd() -> Values:
    """Return a steady load, ten times as much at once for twenty minutes, and the way back."""
    return [40.0] * 30 + [400.0] * 20 + [40.0] * 60


def morning() -> Values:
    """Return a load that climbs from 20 to 220 in an hour and stays."""
    return [*np.linspace(20.0, 220.0, 60).tolist(), *[220.0] * 30]


def outage() -> Values:
    """Return a load of which nothing is known for ten minutes, and that has doubled after it."""
    return [100.0] * 20 + [math.nan] * 10 + [200.0] * 30


def page(outcome: Outcome) -> list[str]:
    """Return each decision that changed the number as a line, and at the end what it was all worth."""
    lines = [
        f"{change.at / MINUTE_S:6.1f} min  {change.before:3d} -> {change.wanted:3d}  "
        f"{', '.join(code for code, _ in change.why)}: {change.why[-1][1]}"
        for change in outcome.loop.changes
    ]
    scores, made = outcome.scores, outcome.scores.elasticity
    return [
        *lines,
        f"theta_U {made.theta_u:.2f} %, theta_O {made.theta_o:.2f} %",
        f"tau_U {made.tau_u:.2f} %, tau_O {made.tau_o:.2f} %, instability {made.instability:.1f} %",
        f"{scores.starts} starts, {scores.stops} stops, {scores.member_hours:.2f} member-hours",
        f"{scores.slo_minutes:.1f} minutes short, {scores.unknown_minutes:.0f} unknown, {scores.lost_load:.2f} % lost",
    ]


@pytest.mark.parametrize(
    ("values", "predictor"),
    [
        pytest.param(flash_crowd(), "last", id="lab-flash-crowd-last"),
        pytest.param(morning(), "last", id="lab-morning-last"),
        pytest.param(morning(), "kinematic", id="lab-morning-kinematic"),
        pytest.param(outage(), "last", id="lab-outage-last"),
    ],
)
def test_the_laboratory_says_what_it_said(
    values: Values, predictor: str, *, accept: bool, request: pytest.FixtureRequest
) -> None:
    world = World(boot_s=(120.0, 180.0, 240.0))
    lines = page(run(a_trial(a_load(values), spec=a_lab_spec(), predictor=predictor, world=world), baseline=False))
    golden = GOLDEN / f"{request.node.callspec.id}.txt"
    if accept:
        golden.write_text("\n".join(lines) + "\n")

    assert lines == golden.read_text().splitlines()
