"""Stratos' own acceptance of scaling (SingleClusterScalingTestCase), replayed with Pileus' defaults."""

from config.cluster import Policy, StepPolicy
from tests.builders import a_behavior, a_policy, a_spec
from tests.recordings import Recorder

PATTERN = (60.0, 60.0, 10.0, 10.0)
"""Memory and load average of every member (percent), a minute each; the last one goes on."""
FALLS = 120
"""The second from which it is lower."""
LEAST, MOST = 1, 4
DEFAULTS = a_policy(
    requests=None,
    load=40.0,
    memory=40.0,
    up=a_behavior(
        policies=[StepPolicy(kind="Percent", value=100, period_s=15.0), StepPolicy(kind="Pods", value=4, period_s=15.0)]
    ),
    down=a_behavior(
        stabilization_s=300.0,
        policies=[StepPolicy(kind="Percent", value=10, period_s=60.0), StepPolicy(kind="Pods", value=1, period_s=60.0)],
    ),
)


def course(policy: Policy) -> list[int]:
    """Return the members that serve, by second."""
    recorder = Recorder(a_spec(min_members=LEAST, max_members=MOST, policy=policy))
    recorder.run(lambda _: 0.0, seconds=900, busy=lambda t: PATTERN[min(t // 60, len(PATTERN) - 1)])
    return recorder.serving


def test_the_pattern_60_60_10_10() -> None:
    """More than the minimum within 180 s; one fewer within 360 s after the pattern falls; the minimum 360 s later."""
    serving = course(DEFAULTS)

    more = next(t for t, count in enumerate(serving) if count > LEAST)
    highest = max(serving)
    fewer = next(t for t, count in enumerate(serving) if t > serving.index(highest) and count < highest)
    back = next(t for t, count in enumerate(serving) if t > fewer and count == LEAST)

    assert more <= 180
    assert serving[fewer] == highest - 1, "one, and not at once to the minimum"
    assert 300 <= fewer - FALLS <= 360, "once the window has passed"
    assert back - fewer <= 360
    assert set(serving[back:]) == {LEAST}
