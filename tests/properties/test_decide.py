"""What every decision keeps to, whatever it is given."""

import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actuators.decide import decide
from actuators.demand import demand
from actuators.otherwise import asking
from config.cluster import Behavior, FallbackSpec, FlapSpec, Policy, StepPolicy
from streams.records.control import Pause
from streams.records.decision import DECISION, Cap, GateName, Given, Memory, Pulse, Recommendation
from streams.records.forecast import ClusterForecast, Fault
from streams.records.record import encode
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

AT = 1_000_000.0
LOADS = st.floats(0.0, 1e4)
SIZES = st.integers(0, 60)
AGES = st.integers(0, 400).map(float)

steps = st.builds(
    StepPolicy,
    kind=st.sampled_from(["Pods", "Percent"]),
    value=st.integers(1, 150),
    period_s=st.sampled_from([15.0, 60.0, 300.0]),
)
behaviors = st.builds(
    lambda s, p, c: a_behavior(stabilization_s=s, policies=p, select=c),
    st.sampled_from([0.0, 15.0, 300.0]),
    st.lists(steps, max_size=3),
    st.sampled_from(["Max", "Min", "Disabled"]),
)
flaps = st.none() | st.builds(FlapSpec, starts=st.integers(1, 9), window_s=st.sampled_from([60.0, 300.0]))
fallbacks = st.none() | st.builds(
    FallbackSpec,
    failure_threshold=st.integers(1, 4),
    replicas=st.integers(1, 60),
    behavior=st.sampled_from(["static", "currentReplicas", "currentReplicasIfHigher"]),
)
caps = st.none() | st.builds(Cap, members=st.integers(0, 60), by=st.just("a budget"))
policies = st.builds(
    lambda r, m, t, up, down, f, d, flap: a_policy(
        requests=r, memory=m, tolerance=t, up=up, down=down, forecast=f, demand=d, flap=flap
    ),
    st.floats(0.5, 500.0),
    st.none() | st.floats(1.0, 100.0),
    st.floats(0.0, 0.5),
    behaviors,
    behaviors,
    st.sampled_from(["Enabled", "ForecastOnly", "Disabled"]),
    st.sampled_from(["target-tracking", "target-tracking", "stratos-4.1"]),
    flaps,
)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    """A memory as a run leaves it: oldest first."""
    ages = sorted(draw(st.lists(AGES, max_size=6, unique=True)), reverse=True)
    recommended = tuple(Recommendation(AT - age, draw(SIZES)) for age in ages if age)
    changes = tuple(Recommendation(AT - age, draw(st.integers(-9, 9))) for age in ages if age)
    pulse = st.builds(
        Pulse,
        loaded=st.booleans(),
        count=st.none() | st.sampled_from([99, 100]),
        moved_at=AGES.map(lambda age: AT - age),
        zero_since=st.none() | AGES.map(lambda age: AT - 2.0 * age),
    )
    return Memory(
        wanted=draw(st.none() | SIZES),
        recommended=recommended,
        changes=changes,
        missing=draw(st.integers(0, 5)),
        pulse=draw(st.none() | pulse),
    )


@st.composite
def forecasts(draw: st.DrawFn) -> ClusterForecast:
    """A forecast with unknown signals and faults now and then."""
    serving = draw(st.integers(0, 30))
    faulty = draw(st.integers(0, serving))
    return a_forecast(
        requests=draw(st.none() | LOADS),
        requests_ahead=draw(st.none() | LOADS),
        memory=draw(st.none() | LOADS),
        serving=serving,
        starting=draw(st.integers(0, 5)),
        faults=[Fault(member=f"shop-web-{i}", reason="Silent", since=AT - draw(AGES)) for i in range(1, faulty + 1)],
        count=draw(st.none() | st.sampled_from([100, 101])),
    )


@st.composite
def givens(draw: st.DrawFn) -> Given:
    """Anything that a decision may be taken from."""
    smallest = draw(st.integers(0, 10))
    return a_given(
        draw(forecasts()),
        policy=draw(policies),
        min_members=smallest,
        max_members=smallest + draw(st.integers(0, 40)),
        memory=draw(memories()),
        fallback=draw(fallbacks),
        cap=draw(caps),
    )


def limit(behavior: Behavior, start: int, *, growing: bool) -> float:
    """Return how far the policies of one direction let the number go from the start of their periods."""
    sign = 1 if growing else -1
    changes = [step.value if step.kind == "Pods" else start * step.value / 100 for step in behavior.policies]
    if behavior.select == "Disabled" or not changes:
        return start
    return start + sign * (max(changes) if behavior.select == "Max" else min(changes))


@given(given=givens())
def test_the_number_is_within_minimum_and_maximum(given: Given) -> None:
    decision, memory = decide(given, at=AT)

    assert given.min_members <= decision.wanted <= given.max_members
    assert memory.wanted == decision.wanted


@given(given=givens())
def test_a_step_is_not_larger_than_the_policies_allow(given: Given) -> None:
    """The number at the start of every period is this one, when nothing changed of late."""
    still = msgspec.structs.replace(given, memory=msgspec.structs.replace(given.memory, changes=()))
    decision, _ = decide(still, at=AT)
    start = min(max(decision.before, given.min_members), given.max_members)

    if decision.wanted > start:
        assert decision.wanted <= math.ceil(limit(given.policy.up, start, growing=True))
    if decision.wanted < start:
        assert decision.wanted >= math.floor(limit(given.policy.down, start, growing=False))


@given(forecast=forecasts(), policy=policies, more=st.floats(0.0, 1e4))
def test_more_load_never_asks_for_fewer_members(forecast: ClusterForecast, policy: Policy, more: float) -> None:
    higher = msgspec.structs.replace(
        forecast,
        signals=[
            msgspec.structs.replace(
                signal,
                observed=None if signal.observed is None else signal.observed + more,
                forecast=None if signal.forecast is None else signal.forecast + more,
            )
            for signal in forecast.signals
        ],
    )

    least_most = {"least": 2, "most": 20}
    for low, high in zip(demand(forecast, policy, **least_most), demand(higher, policy, **least_most), strict=True):
        assert (low.members is None) == (high.members is None)
        assert (low.members or 0) <= (high.members or 0)


@given(given=givens(), load=LOADS, more=LOADS)
def test_more_load_never_wants_fewer_members(given: Given, load: float, more: float) -> None:
    wanted = []
    for requests in (load, load + more):
        signals = [a_forecast(requests=requests).signals[0], *given.forecast.signals[1:]]
        forecast = msgspec.structs.replace(given.forecast, signals=signals)
        wanted.append(decide(msgspec.structs.replace(given, forecast=forecast), at=AT)[0].wanted)

    assert wanted[0] <= wanted[1]


@given(given=givens())
def test_what_is_unknown_never_removes_a_member(given: Given) -> None:
    signals = [a_forecast().signals[0], *given.forecast.signals[1:]]
    blind = msgspec.structs.replace(given, forecast=msgspec.structs.replace(given.forecast, signals=signals))

    decision, _ = decide(blind, at=AT)

    assert decision.wanted >= min(decision.before, given.max_members)


@given(given=givens())
def test_a_reason_is_always_given_and_the_same_again(given: Given) -> None:
    decision, memory = decide(given, at=AT)

    assert decision.reasons
    assert all(reason.said for reason in decision.reasons)
    assert decide(given, at=AT) == (decision, memory)


@given(given=givens())
def test_a_recorded_decision_can_be_taken_again_from_its_record(given: Given) -> None:
    recorded = encode(decide(given, at=AT)[0])
    decoded = DECISION.decode(recorded)

    assert encode(decide(decoded.given, at=decoded.at)[0]) == recorded


@given(given=givens(), seconds=st.integers(-900_000, 10_000_000))
def test_shifting_time_shifts_nothing_else(given: Given, seconds: int) -> None:
    decision, memory = decide(given, at=AT)
    shifted = msgspec.structs.replace(
        given,
        memory=_shift(given.memory, seconds),
        forecast=msgspec.structs.replace(
            given.forecast,
            faults=[msgspec.structs.replace(f, since=f.since + seconds) for f in given.forecast.faults],
        ),
    )

    later, remembered = decide(shifted, at=AT + seconds)

    assert (later.wanted, later.before, later.reasons) == (decision.wanted, decision.before, decision.reasons)
    assert later.factors == decision.factors
    assert remembered == _shift(memory, seconds)


def _shift(memory: Memory, seconds: float) -> Memory:
    """Return a memory of the same things at another time."""
    pulse = memory.pulse and msgspec.structs.replace(
        memory.pulse,
        moved_at=memory.pulse.moved_at + seconds,
        zero_since=None if memory.pulse.zero_since is None else memory.pulse.zero_since + seconds,
    )
    return Memory(
        wanted=memory.wanted,
        missing=memory.missing,
        pulse=pulse,
        recommended=tuple(Recommendation(r.at + seconds, r.members) for r in memory.recommended),
        changes=tuple(Recommendation(c.at + seconds, c.members) for c in memory.changes),
    )


@given(loads=st.lists(st.none() | st.floats(0.0, 300.0), min_size=1, max_size=60), policy=policies)
def test_the_memory_stays_small(loads: list[float | None], policy: Policy) -> None:
    memory = Memory()
    for i, load in enumerate(loads):
        given = a_given(a_forecast(requests=load, serving=memory.wanted or 0), policy=policy, memory=memory)
        _, memory = decide(given, at=AT + 5.0 * i)
        numbers = {r.members for r in memory.recommended}
        assert len(memory.recommended) <= 2 * len(numbers)
        assert all(r.at > AT + 5.0 * i - 300.0 or r is memory.recommended[-1] for r in memory.recommended)


@given(given=givens())
def test_every_gate_brings_the_number_within_its_limits(given: Given) -> None:
    decision, _ = decide(given, at=AT)

    assert [gate.gate for gate in decision.gates] == list(GateName)
    for gate in decision.gates:
        assert gate.least is None or gate.passed >= gate.least
        assert gate.most is None or gate.passed <= gate.most or gate.passed == gate.least
        bitten = gate.passed != gate.asked
        assert not bitten or gate.passed in {gate.least, gate.most}
        assert bitten or gate.until is None
    asked = [gate.asked for gate in decision.gates]
    assert asked[1:] == [gate.passed for gate in decision.gates][:-1]
    assert decision.gates[-1].passed == decision.wanted


@given(given=givens())
def test_a_gate_that_holds_says_until_when_and_not_in_the_past(given: Given) -> None:
    decision, _ = decide(given, at=AT)

    assert all(gate.until > AT for gate in decision.gates if gate.until is not None)


@given(given=givens())
def test_what_is_paused_stays_as_it_is(given: Given) -> None:
    pause = Pause(scope="default/shop", owner="alice", reason="", at=AT, until=AT + 60.0)
    decision, memory = decide(msgspec.structs.replace(given, pause=pause), at=AT)

    assert decision.wanted == decision.before == memory.wanted
    assert decision.reasons[-1].code == "Paused"


@given(given=givens(), forecast=st.booleans())
def test_the_loads_of_the_counterfactual_are_where_the_demand_turns(given: Given, *, forecast: bool) -> None:
    """A little above, a factor asks for more than the number wanted; a little below, for fewer."""
    given = given if forecast else msgspec.structs.replace(given, memory=Memory(wanted=3))
    decision, _ = decide(given, at=AT)
    assert decision.otherwise is not None

    for signal, load in decision.otherwise.more_above.items():
        ask = asking(given, signal)
        assert ask.members(load * 1.00001 + 1e-5) > decision.wanted
        assert load == 0.0 or ask.members(load * 0.99999) <= decision.wanted
    for signal, load in decision.otherwise.fewer_below.items():
        ask = asking(given, signal)
        assert ask.members(load * 0.99999) < decision.wanted
        assert ask.members(load * 1.00001 + 1e-5) >= decision.wanted


@given(given=givens())
def test_a_missing_factor_never_lowers_supply(given: Given) -> None:
    """What is decided without a factor is never fewer than before, unless the maximum is lower."""
    signals = [msgspec.structs.replace(s, ready=False, observed=None) for s in given.forecast.signals[:1]]
    forecast = msgspec.structs.replace(given.forecast, signals=[*signals, *given.forecast.signals[1:]])

    decision, _ = decide(msgspec.structs.replace(given, forecast=forecast), at=AT)

    assert decision.wanted >= min(decision.before, given.max_members)


# --- the same where nothing else holds the number: there a fault of the one gate shows --------------------------------


@given(before=st.integers(1, 60), known=LOADS, formula=st.sampled_from(["target-tracking", "stratos-4.1"]))
def test_a_missing_factor_never_lowers_supply_where_nothing_else_holds_it(
    before: int, known: float, formula: str
) -> None:
    policy = a_policy(requests=10.0, memory=80.0, demand=formula)
    forecast = a_forecast(requests=None, memory=known, serving=before)

    decision, _ = decide(a_given(forecast, policy=policy, max_members=60, memory=Memory(wanted=before)), at=AT)

    assert decision.wanted >= before


@given(before=st.integers(1, 60), up=behaviors, down=behaviors, load=st.sampled_from([0.0, 1e4]))
def test_a_step_is_not_larger_than_the_policies_allow_where_nothing_else_holds_it(
    before: int, up: Behavior, down: Behavior, load: float
) -> None:
    up, down = (
        a_behavior(policies=up.policies, select=up.select),
        a_behavior(policies=down.policies, select=down.select),
    )
    given = a_given(
        a_forecast(requests=load, serving=before),
        policy=a_policy(requests=10.0, up=up, down=down),
        max_members=1000,
        memory=Memory(wanted=before),
    )

    decision, _ = decide(given, at=AT)

    growing = load > 0.0
    bound = limit(up if growing else down, before, growing=growing)
    if growing:
        assert before <= decision.wanted <= max(before, math.ceil(bound))
    else:
        assert before >= decision.wanted >= min(before, math.floor(bound))
