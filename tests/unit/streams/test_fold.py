import zlib

import msgspec
import pytest

from streams import intake, window
from streams.cluster import Rules
from streams.fold import Fold
from streams.records.forecast import Forecasts, Signal
from streams.records.log import Rejected
from streams.records.member import Claim, Member, State
from streams.records.record import Record
from tests.builders import a_claim, a_health, a_member, a_requests, a_tick, an_instance, health_columns, raw
from tests.folding import RULES, a_fold, feed, forecast, refused, serving, signal, tick

HEALTH = raw(a_health(at=999.0))
COLUMNS = health_columns(a_health(at=999.0), a_health(at=998.0))


# --- what is published -----------------------------------------------------------------------------------------------


def test_a_message_of_a_megabyte_leaves_little_behind() -> None:
    fold = a_fold()
    fold.message(raw(a_health("x" * 1_000_000, at=999.0)))
    fold.message(raw(a_health(at=999.0, cluster="y" * 1_000_000)))
    fold.message(b"z" * 1_000_000)

    *rejected, _ = feed(fold, a_tick(1000.0))

    assert sum(len(raw(each)) for each in rejected) < 3000


def test_refusals_are_one_record_for_each_reason_and_the_first_three_are_told() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, *(a_health(at=at) for at in (2000.0, 3000.0, 4000.0, 5000.0, 6.0)))

    *rejected, _ = feed(fold, a_tick(1000.0))

    assert [(each.reason, each.count, len(each.examples)) for each in rejected if isinstance(each, Rejected)] == [
        ("Future", 4, 3),
        ("Late", 1, 1),
    ]
    assert refused(fold, 1005.0) == {}


def test_columns_are_rows_written_differently() -> None:
    rows = [a_health(f"shop-web-{i}", at=990.0 + i, load=10.0 * i, healthy=i == 1) for i in range(3)]
    members = serving(*(row.member for row in rows))
    one_by_one, together = a_fold(members=members), a_fold(members=members)
    feed(one_by_one, *rows)
    feed(together, health_columns(*rows))

    assert raw(tick(together, 1000.0)) == raw(tick(one_by_one, 1000.0))


def test_the_larger_of_two_values_for_one_time_stays() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, a_health(at=996.0, load=10.0), a_health(at=996.0, load=30.0), a_health(at=996.0, load=20.0))

    assert signal(forecast(fold, 1000.0), Signal.LOAD_AVERAGE).observed == 30.0


def test_a_sample_that_comes_late_still_finds_its_period() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    for at, late in ((1000.0, 5.0), (1005.0, 0.0)):
        feed(fold, a_health(at=at - 1.0 - late))
        tick(fold, at)

    assert fold.store.series("shop-web", "shop-web-1")[0].times == [994.0, 1004.0]


# --- too much --------------------------------------------------------------------------------------------------------


def test_between_two_ticks_the_newest_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(HEALTH)
    monkeypatch.setattr(intake, "HELD", 10 * size)
    fold = a_fold(members=serving("shop-web-1"))
    for i in range(100):
        fold.message(raw(a_health(at=900.0 + i)))

    skipped, forecasts = feed(fold, a_tick(1000.0))

    assert isinstance(skipped, Rejected)
    assert (skipped.reason, skipped.count) == ("Skipped", 90)
    assert skipped.examples[0].endswith("skipped: from 900.0 to 989.0")
    assert skipped.examples[1:] == ("of 1 clusters mostly: shop-web 90",)
    assert isinstance(forecasts, Forecasts)
    assert forecasts.samples == 10
    assert fold.store.series("shop-web", "shop-web-1")[0].times[-1] == 999.0


def test_each_tick_makes_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "HELD", 10 * len(HEALTH))
    fold = a_fold(members=serving("shop-web-1"))
    for i in range(8):
        fold.message(raw(a_health(at=900.0 + i)))
    tick(fold, 995.0)
    for i in range(8):
        fold.message(raw(a_health(at=950.0 + i)))

    assert refused(fold, 1000.0) == {}


def test_rows_that_are_given_up_are_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "HELD", len(HEALTH))
    fold = a_fold()
    fold.message(raw(COLUMNS))
    fold.message(raw(COLUMNS).replace(b"[999.0,998.0]", b"[999.0]"))

    assert refused(fold, 1000.0) == {"Skipped": 3}


def test_a_flood_of_skipped_names_is_counted_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "HELD", 0)
    fold = a_fold()
    for i in range(500):
        fold.message(raw(a_requests(at=999.0, cluster=f"shop-{i}" * 100)))

    skipped, _ = feed(fold, a_tick(1000.0))

    assert isinstance(skipped, Rejected)
    assert skipped.count == 500
    assert len(raw(skipped)) < 1000


def test_a_tick_in_disguise_does_not_count() -> None:
    """A worker must know a tick without reading every message: it waits for the membership that a tick names."""
    fold = a_fold()
    disguised = raw(a_tick(1000.0)).replace(b'"tick"', b'"\\u0074ick"')

    assert Fold.peek(disguised) is None
    assert fold.message(disguised) == []
    assert refused(fold, 1005.0) == {"BadValue": 1}


def test_a_flood_of_unknown_names_leaves_nothing_behind() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    tick(fold, 995.0)
    before = fold.snapshot()
    feed(fold, *(a_health(f"shop-web-{i}", at=999.0) for i in range(100, 600)))
    feed(fold, *(a_requests(at=999.0, cluster=f"shop-{i}") for i in range(500)))

    assert refused(fold, 1000.0) == {"UnknownCluster": 500, "UnknownMember": 500}
    assert len(fold.snapshot()) < len(before) + 100


def test_one_source_has_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST", 50)
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, *(a_health(at=990.0 + i / 100) for i in range(70)))
    feed(fold, *(a_requests(at=990.0 + i / 100) for i in range(60)))

    assert refused(fold, 1000.0) == {"Overload": 30}


# --- whose word counts -----------------------------------------------------------------------------------------------


def counted(fold: Fold, at: float, *, members: int, instances: int = 1) -> list[str]:
    """Tick with these offsets; return the members that then serve."""
    feed(fold, a_tick(at, members=members, instances=instances))
    of = fold.progress.clusters.get("shop-web")
    return [] if of is None else of.membership.serving()


def test_membership_counts_exactly_up_to_the_offset_of_the_tick() -> None:
    fold = a_fold(members=serving("shop-web-0", "shop-web-1", "shop-web-2"))

    assert counted(fold, 1000.0, members=0) == []
    assert counted(fold, 1005.0, members=2) == ["shop-web-0", "shop-web-1"]
    assert counted(fold, 1010.0, members=1) == ["shop-web-0", "shop-web-1"]
    assert counted(fold, 1015.0, members=3) == ["shop-web-0", "shop-web-1", "shop-web-2"]


def test_a_cluster_counts_exactly_up_to_the_offset_of_the_tick() -> None:
    fold = a_fold(instances=[an_instance(), an_instance("shop-db")])

    seen = [[c.cluster for c in tick_with(fold, 1000.0 + i, instances=i).clusters] for i in range(3)]

    assert seen == [[], ["shop-web"], ["shop-db", "shop-web"]]


def tick_with(fold: Fold, at: float, *, instances: int) -> Forecasts:
    (forecasts,) = feed(fold, a_tick(at, instances=instances))
    assert isinstance(forecasts, Forecasts)
    return forecasts


def test_a_member_known_before_its_cluster_is_not_lost() -> None:
    """The two topics are read side by side: a tick may name a member and not yet its cluster."""
    fold = a_fold(members=[*serving("shop-web-0", "shop-web-1"), a_member("shop-web-1", state=State.TERMINATED)])

    assert counted(fold, 1000.0, members=3, instances=0) == []
    assert counted(fold, 1005.0, members=3, instances=1) == ["shop-web-0"]
    assert fold.progress.unplaced == {}


def test_members_that_ended_before_their_cluster_was_known_are_not_kept() -> None:
    fold = a_fold(members=[*serving("shop-web-1"), a_member("shop-web-1", state=State.TERMINATED)])
    counted(fold, 1000.0, members=2, instances=0)

    assert fold.progress.unplaced == {}


def test_an_offset_beyond_the_log_does_not_shut_later_records_out() -> None:
    fold = a_fold(members=serving("shop-web-0"))
    first = counted(fold, 1000.0, members=1_000_000)
    fold.member(1, a_member("shop-web-1"))

    assert (first, counted(fold, 1005.0, members=2)) == (["shop-web-0"], ["shop-web-0", "shop-web-1"])


def test_what_an_older_decider_wrote_does_not_count() -> None:
    fold = a_fold()
    log: list[tuple[int, Member | Claim]] = [
        (5, a_member("shop-web-1", epoch=0)),
        (6, a_claim()),
        (7, a_member("shop-web-2", epoch=5)),
        (8, a_member("shop-web-3", epoch=6)),
        (9, a_member("shop-web-1", epoch=0, state=State.DRAINING)),
        (11, a_claim("decider-2")),
        (12, a_member("shop-web-4", epoch=6)),
        (13, a_member("shop-web-5", epoch=11)),
    ]
    for offset, record in log:
        fold.member(offset, record)

    assert counted(fold, 1000.0, members=9) == ["shop-web-1", "shop-web-3"]
    assert counted(fold, 1005.0, members=99) == ["shop-web-1", "shop-web-3", "shop-web-5"]
    assert fold.progress.epoch == 11


def test_a_cluster_announced_again_keeps_its_windows() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, a_health(at=996.0))
    tick(fold, 1000.0)
    fold.instance(1, an_instance(default_lead_time_s=500.0))

    of = forecast(fold, 1005.0)

    assert (of.horizon_s, signal(of, Signal.LOAD_AVERAGE).observed) == (600.0, 40.0)


# --- ticks, snapshots ------------------------------------------------------------------------------------------------


def test_the_forecasts_name_the_tick() -> None:
    forecasts, *more = feed(Fold(3, RULES), a_tick(1000.0, members=7))

    assert forecasts == Forecasts(at=1000.0, partition=3, members_offset=7, clusters=[], samples=0)
    assert more == []


def test_clusters_are_told_in_order() -> None:
    fold = a_fold(instances=[an_instance(f"shop-{i}") for i in (3, 1, 2)])

    assert [of.cluster for of in tick(fold, 1000.0).clusters] == ["shop-1", "shop-2", "shop-3"]


@pytest.mark.parametrize(
    ("message", "seen"),
    [
        pytest.param(raw(a_tick(5.0)), a_tick(5.0), id="a tick"),
        pytest.param(HEALTH, None, id="something else"),
        pytest.param(b'{"kind":"tick"', None, id="half a tick"),
        pytest.param(b'{"kind":"tick","at":"\xff"}', None, id="no UTF-8"),
        pytest.param(b'{"kind":"tick","x":' + b"[" * 100_000, None, id="deep nesting"),
    ],
)
def test_a_look_ahead_finds_a_tick_and_never_fails(message: bytes, seen: Record | None) -> None:
    assert Fold.peek(message) == seen


def test_a_snapshot_can_be_taken_before_the_first_tick() -> None:
    fold = Fold(0, RULES)
    fold.restore(Fold(0, RULES).snapshot())

    assert len(tick(fold, 1000.0).clusters) == 0


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x93\x01", id="no snapshot"),
        pytest.param(Fold(0, RULES).snapshot()[:-9], id="cut short"),
        pytest.param(zlib.compress(b"\x01"), id="of something else"),
    ],
)
def test_a_damaged_snapshot_is_told_and_leaves_the_fold_as_it_was(damaged: bytes) -> None:
    fold = a_fold()
    tick(fold, 1000.0)

    with pytest.raises(msgspec.DecodeError):
        fold.restore(damaged)
    assert list(fold.progress.clusters) == ["shop-web"]


def test_a_snapshot_of_the_largest_numbers_can_be_taken() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, a_requests(1e9, at=999.0, count=2**53), a_health(at=999.0, load=1e9))
    of = forecast(fold, 1000.0)
    again = Fold(0, RULES)
    again.restore(fold.snapshot())

    assert of.count == 2**53
    assert again.snapshot() == fold.snapshot()


def test_facts_fed_again_after_a_restart_count_once() -> None:
    """A lead time that was measured before its member was forgotten is not measured again."""
    since = {State.CREATED.value: 500.0, State.ACTIVE.value: 512.0}
    life = [a_member(at=512.0, since=since), a_member(state=State.TERMINATED, at=520.0, since=since)]
    fold = a_fold(members=life)
    tick(fold, 1000.0)
    restored = Fold(0, RULES)
    restored.restore(fold.snapshot())
    for offset, record in enumerate(life):
        restored.member(offset, record)
    restored.instance(0, an_instance())
    tick(restored, 1005.0)

    assert restored.progress.clusters["shop-web"].membership.lead_times == {"here/local": [12.0]}
    assert (restored.progress.members_offset, restored.progress.instances_offset) == (2, 1)


def test_samples_since_the_last_tick_are_not_in_a_snapshot() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    tick(fold, 995.0)
    before = fold.snapshot()
    feed(fold, a_health(at=999.0))

    assert fold.snapshot() == before


def test_a_fold_is_not_troubled_by_another_period() -> None:
    rules = Rules(sample_interval_s=1.0, evaluation_s=0.3, window_s=20.0)
    fold = a_fold(members=serving("shop-web-1"), rules=rules)
    feed(fold, *(a_health(at=980.0 + i / 2) for i in range(41)))

    assert signal(forecast(fold, 1000.1), Signal.LOAD_AVERAGE).forecast == pytest.approx(40.0)
