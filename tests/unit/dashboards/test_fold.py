"""The fold of records into the read model."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import model as size
from dashboards.fold import DECODERS, TEXT, Change, apply, forget, take
from dashboards.model import Model
from streams import topics
from streams.records.action import Result
from streams.records.control import Control
from streams.records.member import Claim, State
from streams.records.record import Record, encode
from tests import story


def folded(*records: Record) -> Model:
    model = Model()
    for record in records:
        apply(model, record)
    return model


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        pytest.param(story.a_forecast(), [Change("forecast", "shop-web")], id="a forecast changes its cluster"),
        pytest.param(story.a_decision(), [Change("decision", "shop-web")], id="a decision changes its cluster"),
        pytest.param(story.a_member(), [Change("member", "shop-web-1")], id="a member changes itself"),
        pytest.param(story.an_instance(), [Change("cluster", "shop-web")], id="an instance is a cluster"),
        pytest.param(story.a_report({}), [Change("cluster", "shop-web")], id="a balancer's report changes its cluster"),
        pytest.param(story.an_outcome(), [Change("cluster", "shop-web")], id="a failed action is shown"),
        pytest.param(story.an_outcome(Result.RUNNING), [], id="a good outcome is no news: the member says it"),
        pytest.param(story.a_lead_time(), [], id="a lead time waits for the next look"),
        pytest.param(story.a_log(), [], id="logs are asked for, not sent"),
        pytest.param(story.a_rejection(), [], id="refusals are asked for, not sent"),
        pytest.param(Claim(partition=0, owner="d", at=1.0), [], id="a decider's claim is none of the view's business"),
    ],
)
def test_what_a_record_changes(record: Record, changes: list[Change]) -> None:
    assert list(apply(Model(), record)) == changes


def test_the_newest_record_of_a_member_counts() -> None:
    model = folded(story.a_member(state=State.STARTING, at=1.0), story.a_member(state=State.ACTIVE, at=2.0))

    assert [m.state for m in model.members.values()] == [State.ACTIVE]


def test_a_member_that_ended_is_kept_among_the_last_ones() -> None:
    model = folded(story.a_member(), story.a_member(state=State.TERMINATED))

    assert (list(model.members), list(model.terminated)) == ([], ["shop-web-1"])


def test_a_cluster_of_which_only_ended_members_are_known_is_not_shown() -> None:
    assert not folded(story.a_member(state=State.TERMINATED)).clusters


def test_wanted_is_kept_as_the_steps_that_it_made() -> None:
    model = folded(*(story.a_decision(t, wanted=w, before=w) for t, w in [(1, 2), (2, 2), (3, 4), (4, 4), (5, 3)]))

    assert list(model.clusters["shop-web"].steps) == [(1, 2), (3, 4), (5, 3)]


def test_decisions_are_counted_by_what_they_finally_hung_on() -> None:
    model = folded(story.a_decision(1), story.a_decision(2), story.a_decision(3, wanted=3, before=3))

    assert model.clusters["shop-web"].codes == {"Forecast": 2, "AlreadyDesired": 1}


def test_a_decision_without_reasons_is_kept() -> None:
    model = folded(story.a_decision(reasons=()))

    assert len(model.clusters["shop-web"].decisions) == 1
    assert not model.clusters["shop-web"].codes


def test_refusals_add_up() -> None:
    model = folded(story.a_rejection(3), story.a_rejection(4), story.a_rejection(1, reason="BadJson"))

    assert model.rejected == {("pileus.samples", "Late"): 7, ("pileus.samples", "BadJson"): 1}


def test_log_lines_are_numbered_on_even_when_everything_is_read_anew() -> None:
    model = folded(story.a_log("one"), story.a_log("two"))
    model.clear()
    apply(model, story.a_log("one"))

    assert [(n, line.text) for n, line in model.logs] == [(3, "one")]


def test_a_very_long_log_line_is_cut() -> None:
    (_, line) = folded(story.a_log("x" * 100_000)).logs[0]

    assert len(line.text) == TEXT + 4


@pytest.mark.parametrize(
    ("records", "kept", "bound"),
    [
        pytest.param(
            [story.a_forecast(t) for t in range(size.POINTS + 5)],
            lambda m: len(m.clusters["shop-web"].points),
            size.POINTS,
            id="points",
        ),
        pytest.param(
            [story.a_decision(t) for t in range(size.DECISIONS + 5)],
            lambda m: len(m.clusters["shop-web"].decisions),
            size.DECISIONS,
            id="decisions",
        ),
        pytest.param(
            [story.an_instance(f"c-{i}") for i in range(size.CLUSTERS + 5)],
            lambda m: len(m.clusters),
            size.CLUSTERS,
            id="clusters",
        ),
        pytest.param([story.a_log()] * (size.LOG_LINES + 5), lambda m: len(m.logs), size.LOG_LINES, id="log lines"),
        pytest.param(
            [story.a_member(f"m-{i}", state=State.TERMINATED) for i in range(size.TERMINATED + 5)],
            lambda m: len(m.terminated),
            size.TERMINATED,
            id="members that ended",
        ),
        pytest.param(
            [story.a_report({}, balancer=f"lb-{i}") for i in range(size.REPORTS + 5)],
            lambda m: len(m.reports),
            size.REPORTS,
            id="reports of balancers",
        ),
    ],
)
def test_everything_kept_is_bounded(records: list[Record], kept: Callable[[Model], int], bound: int) -> None:
    assert kept(folded(*records)) == bound


def test_members_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "MEMBERS", 2)
    model = folded(*(story.a_member(f"m-{i}") for i in range(4)), story.a_member("m-0", state=State.DRAINING))

    assert (list(model.members), model.overflow) == (["m-0", "m-1"], 2)
    assert model.members["m-0"].state is State.DRAINING


def test_the_cluster_that_was_silent_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "CLUSTERS", 2)
    model = folded(*(story.an_instance(c) for c in ("a-1", "b-1", "a-1", "c-1")))

    assert list(model.clusters) == ["a-1", "c-1"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{broken", id="no JSON"),
        pytest.param(b"\xff\xfe{}", id="no UTF-8"),
        pytest.param(b'{"kind": "tick"}', id="another kind"),
        pytest.param(b'{"kind": "forecasts", "at": "soon"}', id="a word for a number"),
        pytest.param(b'{"kind": "forecasts", "at": 1e999, "partition": 0}', id="a number beyond all numbers"),
        pytest.param(b'{"x":' * 100_000, id="a tower of brackets"),
    ],
)
def test_a_record_that_cannot_be_read_is_counted_and_no_more(value: bytes) -> None:
    model = Model()

    assert take(model, "pileus.forecasts", key=b"", value=value, written_at=5.0) == ()
    assert (model.topics["pileus.forecasts"].records, model.topics["pileus.forecasts"].bad) == (1, 1)


def test_a_field_that_is_not_known_yet_does_no_harm() -> None:
    record = msgspec.json.decode(encode(story.a_forecast()))
    value = msgspec.json.encode({**record, "colour": "blue"})

    assert take(Model(), "pileus.forecasts", key=b"", value=value, written_at=5.0)


def test_the_age_of_a_topic_is_that_of_its_newest_record() -> None:
    model = Model()
    for at in (5.0, 9.0, 7.0):
        take(model, "pileus.logs", key=b"", value=encode(story.a_log()), written_at=at)

    assert model.topics["pileus.logs"].newest_at == 9.0


@pytest.mark.parametrize(
    ("topic", "key", "changes"),
    [
        pytest.param("pileus.members", b"shop-web-1", (Change("member", "shop-web-1"),), id="a member"),
        pytest.param("pileus.members", b"\xff", (), id="a key that is no text"),
        pytest.param("pileus.instances", b"shop-web", (Change("cluster", "shop-web"),), id="a cluster"),
        pytest.param("pileus.logs", b"shop-web-1", (), id="not on a topic that keeps no state"),
    ],
)
def test_a_tombstone_forgets_what_its_key_names(topic: str, key: bytes, changes: tuple[Change, ...]) -> None:
    model = folded(story.an_instance(), story.a_member())

    assert take(model, topic, key=key, value=None, written_at=1.0) == changes
    assert forget(model, topic, key.decode(errors="replace")) == ()


def test_every_topic_that_is_read_is_one_of_ours() -> None:
    assert set(DECODERS) < {topic.name for topic in topics.TOPICS}


def test_the_same_records_give_the_same_model() -> None:
    records = list(story.told(1000.0, seconds=120))

    assert folded(*records) == folded(*records)


@given(topic=st.sampled_from(sorted(DECODERS)), key=st.binary(max_size=8), value=st.none() | st.binary(max_size=64))
def test_no_bytes_whatever_break_the_fold(topic: str, key: bytes, value: bytes | None) -> None:
    model = Model()
    take(model, topic, key=key, value=value, written_at=1.0)

    assert model.topics[topic].records == 1


# --- what is paused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "changed"),
    [
        pytest.param(story.an_order(), ["shop-web", "api-gw"], id="all of a tenant's"),
        pytest.param(story.an_order("shop"), ["shop-web"], id="an application"),
        pytest.param(story.an_order("shop", "web"), ["shop-web"], id="a cluster"),
        pytest.param(story.an_order("shop", "db"), [], id="another cluster"),
    ],
)
def test_a_pause_changes_the_clusters_that_it_holds(order: Control, changed: list[str]) -> None:
    model = folded(story.an_instance(), story.a_forecast(cluster="api-gw", application="api"))

    assert apply(model, order) == tuple(Change("cluster", name) for name in changed)
    assert apply(model, msgspec.structs.replace(order, at=order.at - 1.0)) == (), "an older one changes nothing"


def test_an_order_that_was_removed_is_forgotten() -> None:
    model = folded(story.an_instance(), story.an_order("shop"))

    changes = take(model, "pileus.control", key=b"default/shop", value=None, written_at=1000.0)

    assert changes == (Change("cluster", "shop-web"),)
    assert model.orders.pauses(at=1000.0) == []
