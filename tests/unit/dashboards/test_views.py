"""What the read model says about clusters, members and decisions."""

import pytest

from dashboards import roster, views
from dashboards.fold import apply
from dashboards.model import Model
from streams import explain
from streams.records.action import Result
from streams.records.decision import Decision
from streams.records.forecast import Fault, Signal
from streams.records.member import State
from streams.records.record import Record
from tests import judged, story

NOW = 1001.0


def folded(*records: Record) -> Model:
    model = Model()
    for record in records:
        apply(model, record)
    return model


def two_serve() -> list[Record]:
    return [story.a_member("shop-web-1"), story.a_member("shop-web-2")]


@pytest.mark.parametrize(
    ("records", "now", "status"),
    [
        pytest.param([story.an_instance()], NOW, "unknown", id="no forecast"),
        pytest.param([story.a_forecast()], NOW, "unknown", id="no decision"),
        pytest.param([story.a_forecast(observed=None), story.a_decision()], NOW, "unknown", id="load unknown"),
        pytest.param([story.a_forecast(), story.a_decision()], 1031.0, "stale", id="nothing new for too long"),
        pytest.param([story.a_forecast(), story.a_decision(wanted=3)], NOW, "growing", id="more wanted than serve"),
        pytest.param([story.a_forecast(), story.a_decision(wanted=1)], NOW, "shrinking", id="fewer wanted than serve"),
        pytest.param(
            [story.a_forecast(), story.a_decision(wanted=2), story.a_member("shop-web-3", state=State.DRAINING)],
            NOW,
            "shrinking",
            id="somebody drains",
        ),
        pytest.param([story.a_forecast(), story.a_decision(wanted=2)], NOW, "steady", id="as many as wanted"),
    ],
)
def test_status(records: list[Record], now: float, status: str) -> None:
    model = folded(*two_serve(), *records)

    assert views.summaries(model, now=now)[0].status == status


def test_a_summary_counts_members_by_what_they_do() -> None:
    states = [State.CREATED, State.STARTING, State.ACTIVE, State.DRAINING, State.TERMINATING, State.TERMINATED]
    model = folded(*(story.a_member(f"shop-web-{i}", state=s) for i, s in enumerate(states)))

    (summary,) = views.summaries(model, now=NOW)

    assert (summary.starting, summary.serving, summary.draining) == (2, 1, 2)


def test_the_decision_shown_is_the_last_one_that_changed_something() -> None:
    model = folded(story.a_decision(1.0, wanted=3, before=2), story.a_decision(2.0, wanted=3, before=3))

    (summary,) = views.summaries(model, now=NOW)

    assert summary.decision is not None
    assert (summary.decision.before, summary.decision.wanted) == (2, 3)
    assert summary.decision.why == "12.0 requests in flight expected in 15 s ask for 3 members at 5 each"


def test_before_the_first_change_the_newest_decision_is_shown() -> None:
    model = folded(story.a_decision(1.0, wanted=2, before=2), story.a_decision(2.0, wanted=2, before=2))

    (summary,) = views.summaries(model, now=NOW)

    assert summary.decision is not None
    assert summary.decision.at == 2.0


@pytest.mark.parametrize(
    ("records", "signal"),
    [
        pytest.param([], Signal.REQUESTS_IN_FLIGHT, id="nothing known"),
        pytest.param([story.a_forecast(observed=None)], Signal.LOAD_AVERAGE, id="without a policy the first one known"),
        pytest.param(
            [story.a_forecast(observed=None), story.a_decision()],
            Signal.REQUESTS_IN_FLIGHT,
            id="the one with a threshold even while it is unknown",
        ),
    ],
)
def test_main_signal(records: list[Record], signal: Signal) -> None:
    model = folded(story.an_instance(), *records)

    assert views.main_signal(model.clusters["shop-web"]) is signal


def test_a_cluster_in_full() -> None:
    model = folded(story.an_instance(), story.a_forecast(), story.a_decision(), story.an_outcome(), *two_serve())

    view = views.cluster(model, model.clusters["shop-web"], now=NOW)

    assert (view.alias, view.cartridge, view.policy) == ("web", "web", "demo-web")
    assert view.thresholds == {"requests_in_flight": 5.0}
    assert [(s.signal, s.threshold) for s in view.signals] == [
        ("requests_in_flight", 5.0),
        ("load_average", None),
        ("memory_consumption", None),
    ]
    assert view.signals[0].slope == 0.25
    assert [t.result for t in view.troubles] == [Result.OUT_OF_CAPACITY]
    assert (view.summary.min_members, view.summary.max_members) == (1, 8)


@pytest.mark.parametrize(
    ("seconds", "p50", "p90"),
    [
        pytest.param([], None, None, id="none"),
        pytest.param([4.0], 4.0, 4.0, id="one"),
        pytest.param([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0], 6.0, 10.0, id="many"),
    ],
)
def test_lead_times(seconds: list[float], p50: float | None, p90: float | None) -> None:
    model = folded(story.an_instance(), *(story.a_lead_time(s) for s in seconds))

    lead = views.cluster(model, model.clusters["shop-web"], now=NOW).lead_time

    assert (lead.count, lead.p50_s, lead.p90_s) == (len(seconds), p50, p90)


def test_decisions_come_newest_first_and_no_more_than_asked_for() -> None:
    model = folded(*(story.a_decision(float(t)) for t in range(5)))

    assert [d.at for d in views.decisions(model.clusters["shop-web"], limit=3)] == [4.0, 3.0, 2.0]


def test_a_members_traffic_is_summed_over_balancers() -> None:
    model = folded(
        *two_serve(),
        story.a_report({"shop-web-1": 3, "shop-web-2": 1}, balancer="lb-1"),
        story.a_report({"shop-web-1": 2}, balancer="lb-2"),
    )

    assert {m.member: m.in_flight for m in roster.members(model, now=NOW)} == {"shop-web-1": 5, "shop-web-2": 1}


def test_a_members_traffic_is_unknown_when_one_of_its_balancers_cannot_tell() -> None:
    model = folded(
        *two_serve(),
        story.a_report({"shop-web-1": 3, "shop-web-2": 1}, balancer="lb-1"),
        story.a_report({"shop-web-1": None}, balancer="lb-2"),
    )

    assert {m.member: m.in_flight for m in roster.members(model, now=NOW)} == {"shop-web-1": None, "shop-web-2": 1}


def test_without_a_balancers_report_traffic_is_unknown_never_zero() -> None:
    (member,) = roster.members(folded(story.a_member()), now=NOW)

    assert (member.in_flight, member.routed) == (None, None)


def test_a_member_that_no_report_names_is_not_routed_and_carries_nothing() -> None:
    (member,) = roster.members(folded(story.a_member(), story.a_report({})), now=NOW)

    assert (member.in_flight, member.routed) == (0, False)


@pytest.mark.parametrize(
    ("state", "up_s"),
    [
        pytest.param(State.STARTING, None, id="not before it serves"),
        pytest.param(State.ACTIVE, 101.0, id="while it serves"),
        pytest.param(State.TERMINATED, None, id="not after its end"),
    ],
)
def test_up_time(state: State, up_s: float | None) -> None:
    (member,) = roster.members(folded(story.a_member(state=state, at=900.0)), now=NOW)

    assert member.up_s == up_s


def test_faults_and_health_stand_with_their_member() -> None:
    fault = Fault(member="shop-web-2", reason="Silent", since=990.0)
    model = folded(*two_serve(), story.a_forecast(faults=(fault,)))

    assert [(m.fault, m.healthy) for m in roster.members(model, now=NOW)] == [("", True), ("Silent", True)]


def test_the_living_stand_before_the_ended() -> None:
    names = [("shop-web-10", State.ACTIVE), ("shop-web-2", State.ACTIVE), ("shop-web-1", State.TERMINATED)]
    model = folded(*(story.a_member(name, state=state) for name, state in names))

    assert [m.member for m in roster.members(model, now=NOW)] == ["shop-web-2", "shop-web-10", "shop-web-1"]


def test_logs_of_one_member_after_a_number() -> None:
    model = folded(*(story.a_log(f"line {i}", member=f"m-{i % 2}") for i in range(6)))

    lines = views.logs(model, member="m-1", after=2, limit=10)

    assert [(line.number, line.text) for line in lines] == [(4, "line 3"), (6, "line 5")]


def test_of_many_logs_the_newest_are_given() -> None:
    model = folded(*(story.a_log(f"line {i}") for i in range(6)))

    assert [line.text for line in views.logs(model, member=None, after=0, limit=2)] == ["line 4", "line 5"]


# --- why the number is as it is --------------------------------------------------------------------------------------


def test_a_decision_is_told_in_the_words_of_explain() -> None:
    decision = judged.step_limited()

    told = views.decision(folded(decision).clusters[decision.cluster].decisions[-1])

    assert told.said == explain.summary(decision)
    assert [f"{g.gate:<13}  {g.said}" for g in told.gates] == [
        line.strip() for line in explain.explain(decision) if line.startswith("  ") and "  " in line.strip()
    ]
    assert told.loads == list(explain.loads(decision))


def test_every_gate_has_its_numbers() -> None:
    decision = judged.step_limited()

    told = views.decision(folded(decision).clusters[decision.cluster].decisions[-1])

    (step,) = (gate for gate in told.gates if gate.bites)
    assert (step.gate, step.what, step.asked, step.passed, step.least, step.most) == (
        "Step",
        "the step limit",
        7,
        5,
        None,
        5,
    )
    assert step.until == judged.AT + 30.0
    assert told.otherwise is not None
    assert (told.otherwise.asked, told.otherwise.binding, told.otherwise.until) == (7, "StepLimited", step.until)
    assert told.otherwise.more_above == pytest.approx({"requests_in_flight": 50.0, "load_average": 350.0})


@pytest.mark.parametrize(
    ("decision", "code"),
    [
        pytest.param(judged.breaking(), "Breaker", id="the breaker holds"),
        pytest.param(judged.unknown(), "MetricMissing", id="nothing is known"),
        pytest.param(judged.unknown(missing=5), "Fallback", id="nothing was known for too long"),
        pytest.param(judged.step_limited(), None, id="an ordinary gate is no alarm"),
    ],
)
def test_what_somebody_should_see_at_once(decision: Decision, code: str | None) -> None:
    (summary,) = views.summaries(folded(decision), now=judged.AT)

    assert [alarm.code for alarm in summary.alarms] == ([code] if code else [])


def test_the_newest_decision_stands_beside_the_last_change() -> None:
    changed, held = story.a_decision(990.0, wanted=3, before=2), story.a_decision(1000.0, wanted=3, before=3)
    model = folded(story.an_instance(), changed, held)

    told = views.cluster(model, model.clusters["shop-web"], now=NOW)

    assert told.newest is not None
    assert told.newest.at == 1000.0
    assert told.summary.decision is not None
    assert told.summary.decision.at == 990.0


def test_pauses_in_force() -> None:
    freeze = story.an_order(until=1100.0)
    model = folded(story.an_instance(), freeze, story.an_order("shop", "web"), story.an_order("shop", "db"))

    told = views.cluster(model, model.clusters["shop-web"], now=NOW)

    assert [(p.scope, p.owner, p.reason) for p in told.pauses] == [
        ("default", "ada", "migration"),
        ("default/shop/web", "ada", "migration"),
    ]
    assert told.pauses[0].said == "default is paused until 00:18:20Z by ada: migration"
    assert [alarm.code for alarm in told.summary.alarms] == ["Paused", "Paused"]
    assert [p.scope for p in views.cluster(model, model.clusters["shop-web"], now=1100.0).pauses] == [
        "default/shop/web"
    ]
