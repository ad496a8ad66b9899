"""What every plan and every placement keeps to."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from actuators.lifecycle import PRESENT, recalled
from actuators.place import counts, misplaced, name, place, vacate
from actuators.plan import plan
from config.cluster import PartitionSpec
from streams.records.member import Member, State
from tests.builders import a_member, a_place


@st.composite
def places(draw: st.DrawFn) -> list[PartitionSpec]:
    """Partitions of one or two network partitions."""
    algorithm = {n: draw(st.sampled_from(["one-after-another", "round-robin"])) for n in ("here", "there")}
    return [
        a_place(f"p{i}", network_partition=network, max_members=draw(st.integers(1, 4)), algorithm=algorithm[network])
        for network in ("here", "there")
        for i in range(draw(st.integers(1, 3)))
    ]


@st.composite
def members(draw: st.DrawFn, where: Sequence[PartitionSpec]) -> list[Member]:
    """Members in any state, in declared partitions."""
    out = []
    for i in range(1, draw(st.integers(0, 12)) + 1):
        state, at = draw(st.sampled_from(State)), draw(st.sampled_from(where))
        served = state is State.ACTIVE or (state is State.DRAINING and draw(st.booleans()))
        since = {"Created": float(i)} | ({"Starting": i + 1.0, "Active": i + 2.0} if served else {})
        out.append(
            a_member(
                f"shop-web-{i}",
                state=state,
                since=since,
                network_partition=at.network_partition,
                partition=at.partition,
            )
        )
    return out


@given(data=st.data(), wanted=st.integers(0, 12), room=st.booleans())
def test_a_plan_leads_to_what_is_wanted(data: st.DataObject, *, wanted: int, room: bool) -> None:
    where = data.draw(places())
    known = data.draw(members(where))
    leaving = data.draw(st.sets(st.sampled_from([m.member for m in known]))) if known else set()

    todo = plan(known, wanted=wanted, partitions=where, leaving=leaving, room=room)

    of = {m.member: m for m in known}
    present = {m.member for m in known if m.state in PRESENT}
    after = (present - set(todo.drain) - leaving) | set(todo.recall)
    assert len(after) + todo.launch == wanted
    assert len(set(todo.drain)) == len(todo.drain)
    assert set(todo.drain) <= present
    assert all(recalled(of[m]) is not None and m not in leaving for m in todo.recall)
    assert not (todo.launch and set(todo.drain) - leaving), "nobody who stays is taken out while one is launched"
    assert not (todo.launch and any(recalled(m) and m.member not in leaving | set(todo.recall) for m in known))


@given(data=st.data(), wanted=st.integers(0, 12))
def test_replacing_never_takes_a_serving_member_that_is_needed(data: st.DataObject, wanted: int) -> None:
    where = data.draw(places())
    known = data.draw(members(where))
    leaving = data.draw(st.sets(st.sampled_from([m.member for m in known]))) if known else set()

    todo = plan(known, wanted=wanted, partitions=where, leaving=leaving, room=True)

    before = {m.member for m in known if m.state is State.ACTIVE}
    after = (before - set(todo.drain)) | set(todo.recall)
    assert len(after) >= min(wanted, len(before))


@given(data=st.data(), moves=st.lists(st.booleans(), max_size=60))
def test_placing_and_vacating_never_exceed_a_partition(data: st.DataObject, moves: list[bool]) -> None:
    """F11: up, down and up again."""
    where = data.draw(places())
    most, held = {name(p): p.max_members for p in where}, Counter[str]()
    for up in moves:
        if up:
            chosen = place(where, members=held)
            assert (chosen is None) == (sum(held.values()) == sum(most.values()))
            if chosen is not None:
                held[name(chosen)] += 1
        elif (leaving := vacate(where, members=held)) is not None:
            held[leaving] -= 1
        assert all(0 <= held[n] <= most[n] for n in most)


@given(data=st.data())
def test_when_the_misplaced_are_gone_every_partition_holds_what_it_may(data: st.DataObject) -> None:
    where = data.draw(places())
    known = [m for m in data.draw(members(where)) if m.state not in {State.TERMINATING, State.TERMINATED}]

    out = misplaced(where, known)

    held = counts(m for m in known if m.member not in out)
    assert all(held[name(p)] <= p.max_members for p in where)
    assert len(out) == sum(max(0, count - p.max_members) for p in where for count in [counts(known)[name(p)]])
