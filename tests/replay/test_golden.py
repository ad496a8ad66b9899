"""Whole courses of a load, as a page that a human can read. ``--accept`` writes the pages anew; read the diff."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actuators.replay import replay
from config.cluster import ClusterSpec, StepPolicy
from streams.records.decision import Decision
from tests.builders import a_behavior, a_policy, a_spec
from tests.recordings import BOOT_S, HEARTBEAT_S, START, WORKER, Recorder, blackout, ramp, steps

GOLDEN = Path(__file__).parent / "golden"
PER_MEMBER = 8.0
UP = a_behavior(
    policies=[StepPolicy(kind="Percent", value=100, period_s=5.0), StepPolicy(kind="Pods", value=4, period_s=5.0)]
)
DOWN = a_behavior(stabilization_s=15.0, policies=[StepPolicy(kind="Pods", value=1, period_s=5.0)])


def the_spec(*, forecast: str = "Enabled") -> ClusterSpec:
    """Return a cluster of one to eight members, with the policy of the demo."""
    policy = a_policy(requests=PER_MEMBER, up=UP, down=DOWN, forecast=forecast)
    return a_spec(max_members=8, policy=policy)


def page(decision: Decision) -> str:
    """Return a decision as a line: when, what was seen and foreseen, the number, and why."""
    (factor,) = decision.factors
    load = [f"{value:7.2f}" if value is not None else "      ?" for value in (factor.observed, factor.forecast)]
    codes = ", ".join(reason.code.value for reason in decision.reasons)
    return (
        f"{decision.at - START:7.1f}s {load[0]} now {load[1]} ahead  {decision.before:2d} -> {decision.wanted:2d}  "
        f"{codes}: {decision.reasons[-1].said}"
    )


@pytest.mark.parametrize(
    ("load", "seconds"),
    [
        pytest.param(steps, 360, id="steps"),
        pytest.param(ramp, 360, id="ramp"),
        pytest.param(blackout, 180, id="blackout"),
    ],
)
def test_decisions_have_not_changed(
    load: Callable[[int], float | None], seconds: int, *, accept: bool, request: pytest.FixtureRequest
) -> None:
    recording = Recorder(the_spec()).run(load, seconds=seconds)
    lines = [page(d) for d in replay(recording, [the_spec()], rules=WORKER, heartbeat_s=HEARTBEAT_S).decisions]
    golden = GOLDEN / f"{request.node.callspec.id}.txt"
    if accept:
        golden.write_text("\n".join(lines) + "\n")

    assert lines == golden.read_text().splitlines()


def short(recorder: Recorder, load: Callable[[int], float]) -> list[int]:
    """Return the seconds in which those that served had more to carry than the tolerance allows."""
    return [t for t, serving in enumerate(recorder.serving) if serving * PER_MEMBER * 1.1 < load(t)]


def test_on_a_ramp_the_forecast_leaves_no_shortage_but_the_first_boot() -> None:
    """Two policies on one load: seconds with too few members, and what they cost in member-seconds."""
    ahead, behind = Recorder(the_spec()), Recorder(the_spec(forecast="Disabled"))
    for recorder in (ahead, behind):
        recorder.run(ramp, seconds=360)

    assert short(ahead, ramp) == list(range(int(BOOT_S)))
    assert len(short(behind, ramp)) > 20
    assert sum(ahead.serving) <= 1.1 * sum(behind.serving)
