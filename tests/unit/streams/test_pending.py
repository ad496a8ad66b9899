"""What came of the members waits in columns, in the order of the log."""

import sys

from streams.pending import Pending
from streams.records.member import Claim
from tests.builders import a_member


def test_what_is_taken_is_gone_and_what_waits_is_in_order() -> None:
    pending = Pending()
    for offset, name in enumerate(("a", "b", "c")):
        pending.add(offset, a_member(name))
    pending.add(3, Claim(partition=0, owner="me", at=1.0))

    taken = [(offset, getattr(move, "member", None)) for offset, move in pending.take(2)]

    assert taken == [(0, "a"), (1, "b")]
    assert [(offset, getattr(move, "member", None)) for offset, move in pending.take(9)] == [(2, "c"), (3, None)]
    assert len(pending) == 0


def test_many_that_waited_leave_no_room_behind() -> None:
    pending = Pending()
    for offset in range(1000):
        pending.add(offset, a_member(f"m{offset}"))
    before = sys.getsizeof(pending._offset)

    list(pending.take(1000))

    assert sys.getsizeof(pending._offset) < before / 10
    pending.add(1000, a_member("m"))
    assert len(pending) == 1
