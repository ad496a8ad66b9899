"""A policy and its shadow side by side: sums by hand, what is unknown, what is told; when a promotion is refused."""

import msgspec
import pytest

from actuators.decide import decide
from config.autoscaling import AutoscalingPolicy
from config.cluster import ClusterSpec
from pileus.compare_text import text
from pileus.comparing import Compared, compare
from pileus.promoting import why_not
from pileus.subjects import Subject
from streams.explain import summary
from streams.records.decision import Decision, Memory
from tests.actuator_builders import a_given, a_shadow
from tests.builders import a_forecast, a_place, a_policy, a_spec

AT = 1_780_488_240.0
"""2026-06-03T12:04:00Z."""
ORDER = msgspec.structs.replace(a_shadow(at=AT - 60.0), reason="cheaper")
SPEC = a_spec(partitions=[a_place(price=0.5)])


def decided(minute: float, load: float | None, *, shadow: bool = False, before: int = 3) -> Decision:
    """Return a decision of some minute: 10 requests per member; by the shadow 20."""
    given = a_given(
        a_forecast(requests=load, serving=3),
        policy=a_policy(requests=20.0 if shadow else 10.0, tolerance=0.0, policy="other" if shadow else "standard"),
        memory=Memory(wanted=before),
    )
    given = msgspec.structs.replace(given, shadow=ORDER.at if shadow else None)
    return decide(given, at=AT + 60.0 * minute)[0]


OURS = [decided(-2.0, 30.0), decided(0.0, 30.0), decided(2.0, 60.0)]
THEIRS = [decided(0.0, 30.0, shadow=True), decided(2.0, 60.0, shadow=True, before=2)]


def compared(
    ours: list[Decision] = OURS, theirs: list[Decision] = THEIRS, *, spec: ClusterSpec = SPEC, until: float = 6.0
) -> Compared:
    found = compare(spec, ours, theirs, since=AT - 600.0, until=AT + 60.0 * until)
    assert found is not None
    return found


def test_the_sums_are_those_by_hand() -> None:
    """Two minutes of 3 beside 2, then four of 6 beside 3; needed are 3 and 6."""
    found = compared()

    assert (found.since, found.until) == (AT, AT + 360.0)
    assert (found.in_force.wanted, found.shadow.wanted) == (6, 3)
    assert found.in_force.member_hours == pytest.approx((2 * 3 + 4 * 6) / 60)
    assert found.shadow.member_hours == pytest.approx((2 * 2 + 4 * 3) / 60)
    assert found.shadow.cost == pytest.approx(0.5 * 16 / 60)
    assert (found.in_force.changes, found.in_force.starts) == (1, 3)
    assert (found.shadow.changes, found.shadow.starts) == (1, 1)
    assert found.shadow.starts_per_hour == pytest.approx(10.0)
    assert (found.in_force.short_minutes, found.shadow.short_minutes) == (0.0, 6.0)
    assert found.shadow.theta_u == pytest.approx(100 * (2 * 1 / 3 + 4 * 3 / 6) / 6)
    assert found.mean_difference == pytest.approx(-(2 * 1 + 4 * 3) / 6)
    assert (found.largest_difference, found.largest_at) == (-3, AT + 120.0)
    assert [(each.at - AT, each.wanted, each.shadow_wanted) for each in found.moments] == [(0.0, 3, 2), (120.0, 6, 3)]


def test_a_load_that_nobody_knows_is_no_shortage() -> None:
    found = compared([*OURS, decided(4.0, None, before=6)], [*THEIRS, decided(4.0, None, shadow=True, before=3)])

    assert (found.unknown_minutes, found.shadow.short_minutes) == (2.0, 4.0)


def test_two_that_want_the_same_never_differed() -> None:
    found = compared(OURS[1:2], [msgspec.structs.replace(OURS[1])])

    assert (found.largest_difference, found.largest_at, found.moments) == (0, None, ())
    assert "they never differed" in text(found, ORDER, moments=5)


@pytest.mark.parametrize(
    ("prices", "known"),
    [
        pytest.param([0.5, 0.5], True, id="the same price everywhere"),
        pytest.param([0.5, 0.7], False, id="it depends on the partition"),
        pytest.param([0.5, None], False, id="one is unknown"),
        pytest.param([None], False, id="none is known"),
    ],
)
def test_a_cost_is_told_where_the_price_is_known(prices: list[float | None], known: bool) -> None:  # noqa: FBT001 - a column
    spec = a_spec(partitions=[a_place(f"p{i}", price=price) for i, price in enumerate(prices)])
    found = compared(spec=spec)

    assert (found.shadow.cost is not None) == known
    assert any(line.startswith("cost") for line in text(found, ORDER, moments=0)) == known


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param([], THEIRS, id="nothing decided in force"),
        pytest.param(OURS, [], id="nothing decided by the shadow"),
        pytest.param(OURS, [decided(7.0, 30.0, shadow=True)], id="the shadow begins after the period"),
    ],
)
def test_without_both_there_is_nothing_to_compare(ours: list[Decision], theirs: list[Decision]) -> None:
    assert compare(SPEC, ours, theirs, since=AT - 600.0, until=AT + 360.0) is None


def test_it_is_told_side_by_side() -> None:
    assert text(compared(), ORDER, moments=1) == [
        "shop-web: standard in force, other as its shadow since 2026-06-03T12:03:00Z by alice: cheaper",
        "from 2026-06-03T12:04:00Z to 12:10:00Z, 6.0 min",
        "the shadow has not decided since 2026-06-03T12:06:00Z: does 'pileus actuate' run?",
        "",
        "                            in force           shadow",
        "wanted now                         6                3",
        "hangs on                      Demand  WithinTolerance",
        "member-hours wanted             0.50             0.27",
        "cost                            0.25             0.13",
        "changes per hour                10.0             10.0",
        "starts per hour                 30.0             10.0",
        "too few for the load (min)       0.0              6.0",
        "shortage, theta_U (%)            0.0             44.4",
        "surplus, theta_O (%)             0.0              0.0",
        "",
        "the shadow wants -2.33 members on the average, -3 at most (at 12:06:00Z)",
        "times at which they differed, last 1 of 2:",
        f"  12:06:00Z  in force 6: {summary(OURS[-1])}",
        f"             shadow   3: {summary(THEIRS[-1])}",
    ]


# --- promotions -------------------------------------------------------------------------------------------------------

STANDARD = AutoscalingPolicy.model_validate(
    {"id": "standard", "loadThresholds": {"requestsInFlight": {"threshold": 10.0}}}
)
LONG = [decided(-11.0, 30.0, shadow=True), decided(0.0, 30.0, shadow=True)]


@pytest.mark.parametrize(
    ("decisions", "declared_at", "why"),
    [
        pytest.param({"shop-web": LONG}, AT - 100.0, "", id="long enough"),
        pytest.param({}, AT - 100.0, "decided nothing for shop-web", id="never"),
        pytest.param({"shop-web": LONG[1:]}, AT - 100.0, "for 60 s, at least 600 s are asked for", id="too short"),
        pytest.param({"shop-web": LONG[:1]}, AT - 100.0, "has not decided for shop-web since", id="silent"),
        pytest.param({"shop-web": LONG}, AT, "declared anew at 2026-06-03T12:04:00Z", id="another policy by now"),
        pytest.param(
            {"shop-web": [msgspec.structs.replace(d, given=a_given()) for d in LONG]},
            AT - 100.0,
            "decided nothing",
            id="another shadow's decisions",
        ),
    ],
)
def test_a_promotion_asks_for_a_while(decisions: dict[str, list[Decision]], declared_at: float, why: str) -> None:
    subject = Subject(STANDARD, (SPEC,))

    found = why_not(subject, ORDER, decisions, declared_at=declared_at, now=AT + 60.0)

    assert (why in found, bool(found)) == (True, bool(why))
