"""What the log of members says."""

import msgspec

from actuators.lb_members import MembersFold
from streams.records.member import Claim, State
from streams.records.record import encode
from tests.unit.actuators.test_lb_desired import a_member


def a_fold(*records: bytes | None, key: bytes = b"web-1") -> MembersFold:
    fold = MembersFold(["shop-web"])
    for offset, value in enumerate(records):
        fold.read(offset, key, value)
    return fold


def written(state: State, *, epoch: int = 0, cluster: str = "shop-web") -> bytes:
    return encode(msgspec.structs.replace(a_member("web-1", state, cluster=cluster), epoch=epoch))


def states(fold: MembersFold) -> dict[str, State]:
    return {name: member.state for name, member in fold.seen(revision=0, complete=True).members.items()}


CLAIM = encode(Claim(partition=0, owner="me", at=0.0))


def test_the_newest_record_of_a_member_counts() -> None:
    assert states(a_fold(written(State.STARTING), written(State.ACTIVE))) == {"web-1": State.ACTIVE}


def test_a_member_that_is_gone_is_none_but_its_cluster_stays_known() -> None:
    seen = a_fold(written(State.ACTIVE), written(State.TERMINATED)).seen(revision=2, complete=True)

    assert (dict(seen.members), set(seen.known), seen.revision) == ({}, {"shop-web"}, 2)


def test_what_a_deposed_decider_writes_does_not_count() -> None:
    fold = a_fold(CLAIM, written(State.ACTIVE), CLAIM, written(State.DRAINING, epoch=0))
    assert states(fold) == {"web-1": State.ACTIVE}

    fold.read(4, b"web-1", written(State.DRAINING, epoch=2))
    assert states(fold) == {"web-1": State.DRAINING}


def test_other_clusters_are_not_kept() -> None:
    seen = a_fold(written(State.ACTIVE, cluster="blog")).seen(revision=1, complete=True)

    assert (dict(seen.members), set(seen.known)) == ({}, set())


def test_a_deleted_key_is_a_member_that_is_gone() -> None:
    assert states(a_fold(written(State.ACTIVE), None)) == {}


def test_what_cannot_be_read_is_counted_and_changes_nothing() -> None:
    fold = a_fold(written(State.ACTIVE), b"{", b"\xff", b'{"kind":"member"}', b'{"kind":"new"}', b"null")

    assert (states(fold), fold.rejected) == ({"web-1": State.ACTIVE}, 5)


def test_what_was_seen_does_not_change_when_more_is_read() -> None:
    fold = a_fold(written(State.STARTING))
    seen = fold.seen(revision=1, complete=True)
    fold.read(1, b"web-1", written(State.TERMINATED))

    assert seen.members["web-1"].state is State.STARTING
