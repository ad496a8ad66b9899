"""Partitions are opened, given up and opened anew, in virtual time."""

import asyncio

import pytest

from streams.shards import RETRY_S, Shards

pytestmark = pytest.mark.looptime


class Opener:
    """Opens partitions after a while, fails as often as told, and notes what is closed."""

    def __init__(self, *, takes_s: float = 1.0, fails: int = 0) -> None:
        self.takes_s, self.fails = takes_s, fails
        self.closed: list[str] = []
        self._count = 0

    async def open(self, partition: int) -> str:
        await asyncio.sleep(self.takes_s)
        if self.fails:
            self.fails -= 1
            raise OSError("not now")
        self._count += 1
        return f"{partition}#{self._count}"

    async def close(self, opened: str) -> None:
        self.closed.append(opened)
        if opened.startswith("9"):
            raise OSError("cannot close")


def make(opener: Opener) -> Shards[str]:
    return Shards(opener.open, opener.close)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_partitions_open_beside_each_other_and_who_asks_waits() -> None:
    shards = make(Opener())
    shards.assign({2, 1})

    assert (shards.partitions, dict(shards.opened)) == ([1, 2], {})
    assert [await shards.get(1), await shards.get(2)] == ["1#1", "2#2"]
    assert now() == 1.0
    assert shards.opened == {1: "1#1", 2: "2#2"}


async def test_a_partition_that_is_not_owned_is_nothing() -> None:
    shards = make(Opener())

    assert await shards.get(3) is None
    assert not shards.has(3, "3#1")


async def test_one_that_cannot_be_opened_is_tried_again() -> None:
    shards = make(Opener(fails=2))
    shards.assign({1})

    assert await shards.get(1) == "1#1"
    assert now() == pytest.approx(3 * 1.0 + 2 * RETRY_S)


async def test_assigning_again_leaves_what_is_open() -> None:
    shards = make(Opener())
    shards.assign({1})
    first = await shards.get(1)
    shards.assign({1, 2})

    assert await shards.get(1) is first
    assert await shards.get(2) == "2#2"


async def test_release_closes_what_is_open_and_ends_what_is_opening() -> None:
    opener = Opener()
    shards = make(opener)
    shards.assign({1})
    opened = await shards.get(1)
    assert opened is not None
    shards.assign({2})
    waiting = asyncio.create_task(shards.get(2))
    await asyncio.sleep(0.1)

    await shards.release()

    assert await waiting is None
    assert opener.closed == ["1#1"]
    assert (shards.partitions, shards.has(1, opened)) == ([], False)


async def test_who_waits_gets_what_is_opened_anew() -> None:
    opener = Opener()
    shards = make(opener)
    shards.assign({1})
    waiting = asyncio.create_task(shards.get(1))
    await asyncio.sleep(0.5)

    await shards.reopen(1)

    assert await waiting == "1#1"
    assert now() == 1.5
    assert opener.closed == []


async def test_reopening_closes_the_old_and_replaces_it() -> None:
    opener = Opener()
    shards = make(opener)
    shards.assign({1})
    await shards.get(1)

    await shards.reopen(1)
    await shards.reopen(5)  # not owned: nothing happens

    assert await shards.get(1) == "1#2"
    assert opener.closed == ["1#1"]
    assert shards.partitions == [1]


async def test_what_does_not_close_well_does_not_hinder() -> None:
    opener = Opener()
    shards = make(opener)
    shards.assign({8, 9})
    await shards.get(8)

    await shards.release()

    assert sorted(opener.closed) == ["8#1", "9#2"]


async def test_who_waits_may_be_cancelled_without_ending_the_opening() -> None:
    shards = make(Opener())
    shards.assign({1})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(shards.get(1), 0.5)

    assert await shards.get(1) == "1#1"
