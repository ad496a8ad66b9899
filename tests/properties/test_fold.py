"""The fold is a function of its log: not of the order between two ticks, not of where it was interrupted."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import intake
from streams.cluster import Rules
from streams.fold import Fold
from streams.records.forecast import Forecasts
from streams.records.log import Rejected
from streams.records.member import Claim, Member, State
from streams.records.record import Record
from streams.records.sample import Health, HealthColumns, Requests
from tests.builders import a_claim, a_health, a_member, a_requests, a_tick, an_instance, health_columns, raw

RULES = Rules(sample_interval_s=1.0, evaluation_s=1.0, window_s=20.0, fault_s=5.0, horizon_grid_s=(3.0, 6.0))
NAMES = [f"shop-web-{i}" for i in range(4)]

moments = st.integers(0, 240).map(lambda i: 980.0 + i / 4.0)
loads = st.one_of(st.none(), st.floats(0.0, 200.0))
healths = st.builds(
    a_health,
    st.sampled_from([*NAMES, "shop-web-99"]),
    at=moments,
    load=loads,
    memory=st.one_of(st.none(), st.floats(0.0, 101.0)),
    healthy=st.sampled_from([None, True, False]),
)
columns = st.lists(healths, min_size=1, max_size=4).map(lambda rows: health_columns(*rows))
requests = st.builds(
    a_requests,
    st.floats(-0.5, 50.0),
    at=moments,
    interval_s=st.sampled_from([0.5, 1.0, 3.0]),
    count=st.integers(0, 1000),
    balancer=st.sampled_from(["lb-1", "lb-2"]),
    cluster=st.sampled_from(["shop-web", "shop-web", "shop-db"]),
)
samples = st.one_of(healths, columns, requests)
members = st.one_of(
    st.builds(
        a_member,
        st.sampled_from(NAMES),
        state=st.sampled_from(State),
        at=moments,
        since=st.dictionaries(st.sampled_from([State.CREATED.value, State.ACTIVE.value]), moments),
        epoch=st.integers(0, 8),
    ),
    st.builds(a_claim),
)


def rows(sample: Health | HealthColumns | Requests) -> int:
    return len(sample.member) if isinstance(sample, HealthColumns) else 1


def a_fold() -> Fold:
    """Return a fold of two clusters; half of the members serve from the start."""
    fold = Fold(0, RULES)
    fold.instance(0, an_instance(default_lead_time_s=2.0))
    fold.instance(1, an_instance("shop-db", alias="db"))
    for offset, name in enumerate(NAMES[:2]):
        fold.member(offset, a_member(name, at=900.0))
    return fold


def publish(fold: Fold, messages: list[Health | HealthColumns | Requests], at: float) -> list[Record]:
    out = [record for message in messages for record in fold.message(raw(message))]
    return out + fold.message(raw(a_tick(at)))


@settings(max_examples=60)
@given(data=st.data(), batches=st.lists(st.lists(samples, max_size=12), min_size=1, max_size=5))
def test_between_two_ticks_the_order_of_the_samples_does_not_matter(
    data: st.DataObject, batches: list[list[Health | HealthColumns | Requests]]
) -> None:
    plain, shuffled = a_fold(), a_fold()
    for i, batch in enumerate(batches):
        at = 1000.0 + 4.0 * i
        one = publish(plain, batch, at)
        other = publish(shuffled, data.draw(st.permutations(batch)), at)

        assert [raw(each) for each in other] == [raw(each) for each in one]
    assert shuffled.snapshot() == plain.snapshot()


@settings(max_examples=60)
@given(batches=st.lists(st.lists(samples, max_size=12), min_size=1, max_size=5))
def test_every_sample_is_used_or_counted(batches: list[list[Health | HealthColumns | Requests]]) -> None:
    fold = a_fold()
    for i, batch in enumerate(batches):
        *rejected, forecasts = publish(fold, batch, 1000.0 + 4.0 * i)

        assert isinstance(forecasts, Forecasts)
        refused = sum(each.count for each in rejected if isinstance(each, Rejected))
        assert forecasts.samples + refused == sum(map(rows, batch))


@settings(max_examples=60)
@given(
    batches=st.lists(st.tuples(st.lists(members, max_size=3), st.lists(samples, max_size=8)), min_size=2, max_size=8),
    data=st.data(),
)
def test_a_restored_fold_goes_on_as_if_nothing_had_been(
    batches: list[tuple[list[Member | Claim], list[Health | HealthColumns | Requests]]], data: st.DataObject
) -> None:
    """The facts are fed from their beginning, as after a restart; the samples from the tick of the snapshot."""
    log = [record for told, _ in batches for record in told]
    ends = [2 + sum(len(told) for told, _ in batches[: i + 1]) for i in range(len(batches))]
    cut = data.draw(st.integers(1, len(batches)))

    unbroken = a_fold()
    for offset, record in enumerate(log, start=2):
        unbroken.member(offset, record)
    expected, snapshots = run(unbroken, batches, ends)

    restored = Fold(0, RULES)
    restored.restore(snapshots[cut - 1])
    for offset, instance in list(a_fold()._instances):
        restored.instance(offset, instance)
    for offset, member in enumerate(log, start=2):
        restored.member(offset, member)
    after, states = run(restored, batches[cut:], ends[cut:], begin=cut)

    assert after == expected[cut:]
    assert states == snapshots[cut:]


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(samples, max_size=12), min_size=1, max_size=5), room=st.integers(0, 1500))
def test_what_is_skipped_might_as_well_never_have_come(
    batches: list[list[Health | HealthColumns | Requests]], room: int
) -> None:
    """Who works off a long backlog comes to what the newest samples alone give: nothing else hangs on the skip."""
    behind, fresh = a_fold(), a_fold()
    for i, batch in enumerate(batches):
        newest = list(fitting(batch, room))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(intake, "HELD", room)
            *rejected, one = publish(behind, batch, 1000.0 + 4.0 * i)
        *_, other = publish(fresh, newest, 1000.0 + 4.0 * i)

        skipped = sum(each.count for each in rejected if isinstance(each, Rejected) and each.reason == "Skipped")
        assert raw(one) == raw(other)
        assert skipped == sum(map(rows, batch)) - sum(map(rows, newest))
    assert behind.snapshot() == fresh.snapshot()


def fitting(batch: list[Health | HealthColumns | Requests], room: int) -> Iterator[Health | HealthColumns | Requests]:
    """Yield the newest messages that have room, in their order."""
    sizes = [len(raw(each)) for each in batch]
    for i, each in enumerate(batch):
        if sum(sizes[i:]) <= room:
            yield each


def run(
    fold: Fold,
    batches: list[tuple[list[Member | Claim], list[Health | HealthColumns | Requests]]],
    ends: list[int],
    *,
    begin: int = 0,
) -> tuple[list[list[bytes]], list[bytes]]:
    """Feed the batches, each ended by a tick that counts the members in up to there."""
    published, snapshots = [], []
    for i, ((_, batch), end) in enumerate(zip(batches, ends, strict=True), start=begin):
        out = [record for message in batch for record in fold.message(raw(message))]
        out += fold.message(raw(a_tick(1000.0 + 4.0 * i, members=end)))
        published.append([raw(record) for record in out])
        snapshots.append(fold.snapshot())
    return published, snapshots
