"""What the open pages are sent."""

from dashboards.application_schemas import ApplicationEvent
from dashboards.events import events
from dashboards.fold import Change, apply
from dashboards.model import Model
from dashboards.schemas import ClusterSummary, DecisionEvent, MemberEvent, PointEvent
from streams.records.instance import Phase
from streams.records.record import Record
from tests import story
from tests.unit.dashboards import deployed


def told(*records: Record) -> list[tuple[str, object]]:
    model = Model()
    changes = [change for record in records for change in apply(model, record)]
    return list(events(model, changes, now=1001.0))


def test_a_forecast_is_sent_as_one_point_of_every_signal() -> None:
    ((name, event),) = told(story.a_forecast(1000.0))

    assert name == "forecast"
    assert isinstance(event, PointEvent)
    assert (event.at, event.horizon_s, event.serving) == (1000.0, 15.0, 2)
    assert event.levels["requests_in_flight"]["observed"] == 8.0
    assert set(event.levels) == {"requests_in_flight", "load_average", "memory_consumption"}


def test_a_decision_is_sent_with_its_words() -> None:
    ((name, event),) = told(story.a_decision())

    assert name == "decision"
    assert isinstance(event, DecisionEvent)
    assert event.decision.why.startswith("12.0 requests in flight")
    assert event.summary.wanted == 3


def test_a_member_is_sent_as_it_is_now() -> None:
    ((name, event),) = told(story.a_member())

    assert name == "member"
    assert isinstance(event, MemberEvent)
    assert event.state is not None
    assert event.state.state == "Active"


def test_a_member_that_was_forgotten_is_sent_as_nothing() -> None:
    ((_, event),) = events(Model(), [Change("member", "shop-web-1")], now=1.0)

    assert event == MemberEvent(member="shop-web-1", state=None)


def test_a_cluster_is_sent_in_a_line() -> None:
    ((name, event),) = told(story.an_instance())

    assert name == "cluster"
    assert isinstance(event, ClusterSummary)


def test_a_cluster_that_was_forgotten_is_not_sent() -> None:
    assert list(events(Model(), [Change("cluster", "gone")], now=1.0)) == []


def test_of_many_changes_to_one_thing_one_event_is_made() -> None:
    sent = told(*(story.a_member(at=float(i)) for i in range(50)), *(story.a_report({}) for _ in range(50)))

    assert [name for name, _ in sent] == ["member", "cluster"]


def test_an_application_is_sent_in_a_line_once_however_many_of_its_parts_changed() -> None:
    sent = [event for name, event in told(*deployed.five_levels()) if name == "application"]

    assert len(sent) == 1
    (event,) = sent
    assert isinstance(event, ApplicationEvent)
    assert event.state is not None
    assert (event.tenant, event.application, event.state.phase) == ("default", "erp", "Created")


def test_an_application_of_which_nothing_is_left_is_sent_as_nothing() -> None:
    sent = told(deployed.a_part(), deployed.a_part(phase=Phase.TERMINATED))

    assert sent == [("application", ApplicationEvent(tenant="default", application="erp", state=None))]
