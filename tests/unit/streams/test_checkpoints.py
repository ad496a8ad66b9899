"""A checkpoint is whole or it is none: cut off anywhere, damaged anywhere, written late by who lost its partition."""

import msgspec
import numpy as np
import pytest

from streams import ledger
from streams.checkpoints import LONGEST_S, Cost, Found
from streams.ledger import BLOCK
from streams.records.checkpoint import CHECKPOINT, PART, Checkpoint, Part
from streams.records.record import encode
from tests.checkpointing import ROLE, CrashError, Log, log, sections

__all__ = ["log"]


def noise(seed: int, size: int = 3 * BLOCK) -> bytes:
    """Return what cannot be compressed: a section of this size."""
    return np.random.default_rng(seed).bytes(size)


OLD = {"progress": b"old", "rows": noise(1), "bucket/1": noise(2, 50_000)}
NEW = {"progress": b"new", "rows": noise(3), "bucket/1": OLD["bucket/1"], "bucket/2": noise(4, 50_000)}
STEPS = 3 + 1 + 1
"""Records of the newer one: three parts, a bucket, the head; then what is freed is cleared."""


async def test_what_is_written_comes_back(log: Log) -> None:
    await log.writer().save(7, sections(OLD), 0.0)

    found = await log.newest()

    assert (found.offset, found.sections) == (7, OLD)
    assert len(found.keys) == len(log.standing) == 5


async def test_a_small_one_is_one_record(log: Log) -> None:
    small = {"progress": b"at", "states": b"", "bucket/1": noise(1, 9000)}
    writer = log.writer()
    for offset in range(5):
        await writer.save(offset, sections(small), 0.0)

    assert len(log.records) == 5
    assert len(log.standing) == 1
    assert (await log.newest()).sections == small


async def test_parts_are_bounded(log: Log) -> None:
    await log.writer().save(1, sections({f"bucket/{i}": noise(i, 15_000) for i in range(60)} | {"rows": noise(9)}), 0.0)

    assert max(len(raw) for _, raw in log.records if raw) < 1_000_000
    assert len((await log.newest()).sections or {}) == 61


async def test_what_has_not_changed_is_not_written_again(log: Log) -> None:
    writer = log.writer()
    rows = bytearray(noise(1, 20 * BLOCK))
    await writer.save(1, sections({"rows": bytes(rows)}), 0.0)
    first = len(log.records)
    rows[5 * BLOCK] ^= 1
    cost = await writer.save(2, sections({"rows": bytes(rows)}), 0.0)

    assert first == 21
    assert len(log.records) == first + 3, "a part, the head, and the old part cleared"
    assert cost is not None
    assert cost.bytes < 2 * BLOCK
    assert (await log.newest()).sections == {"rows": bytes(rows)}


async def test_a_stamp_saves_looking_at_a_section(log: Log) -> None:
    writer, stamp = log.writer(), object()
    await writer.save(1, sections(OLD, {"rows": stamp}), 0.0)
    await writer.save(2, sections(OLD | {"rows": b"not looked at"}, {"rows": stamp}), 0.0)
    same = (await log.newest()).sections
    await writer.save(3, sections(OLD | {"rows": b"looked at"}, {"rows": object()}), 0.0)

    assert same == OLD
    assert (await log.newest()).sections == OLD | {"rows": b"looked at"}


@pytest.mark.parametrize("after", range(STEPS + 4))
async def test_cut_off_after_any_record_the_older_or_the_newer_one_stands(log: Log, after: int) -> None:
    writer = log.writer()
    await writer.save(1, sections(OLD), 0.0)
    log.room = len(log.records) + after
    if after < STEPS + 4 - 1:
        with pytest.raises(CrashError):
            await writer.save(2, sections(NEW), 0.0)
    else:
        await writer.save(2, sections(NEW), 0.0)
    log.room = None
    next_, found = await log.opened()
    await next_.save(3, sections(NEW), 0.0)
    alone = len(log.standing)

    assert (found.offset, found.sections) == ((1, OLD) if after < STEPS else (2, NEW))
    assert (await log.newest()).sections == NEW
    assert alone == len(NEW) + 2, "what was left behind is cleared"


async def test_a_refused_one_leaves_the_older_one_and_the_next_one_counts(log: Log) -> None:
    writer = log.writer()
    await writer.save(1, sections(OLD), 0.0)
    log.refused = lambda record: isinstance(record, Checkpoint)
    refused = await writer.save(2, sections(NEW), 0.0)
    between = await log.newest()
    log.refused = lambda _: False
    await writer.save(3, sections(OLD), 0.0)

    assert (refused, between.sections) == (None, OLD)
    assert (await log.newest()).offset == 3
    assert len(log.standing) == 5, "parts that no head names are cleared"


def damaged(raw: bytes) -> bytes:
    """Return a part of the right form with another content."""
    return encode(Part(raw=PART.decode(raw).raw[:-1] + b"\x00"))


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: None, id="lost"),
        pytest.param(damaged, id="damaged"),
        pytest.param(lambda raw: raw[: len(raw) // 2], id="cut off"),
        pytest.param(lambda _: encode(Part(raw=b"")), id="emptied"),
    ],
)
async def test_one_that_is_not_whole_is_none_and_an_older_one_counts_if_it_stands(
    log: Log, part: int, change: "object"
) -> None:
    assert callable(change)
    await log.writer().save(1, sections(OLD), 0.0)
    await log.writer().save(2, sections(NEW), 0.0)
    head = next(k for k, raw in log.standing.items() if raw and b'"checkpoint"' in raw and b'"offset":2' in raw)
    log.change(f"{head}/{part}", change(log.standing[f"{head}/{part}"]))

    found = await log.newest()

    assert (found.offset, found.sections) == (1, OLD)


async def test_a_part_that_holds_another_ones_block_is_found_out(log: Log) -> None:
    await log.writer().save(1, sections(OLD), 0.0)
    one, two = (key for key in log.standing if key.endswith(("/0", "/1")))
    log.change(one, log.standing[two])

    found = await log.newest()

    assert (found.offset, found.sections) == (0, None)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"no checkpoint", id="unreadable"),
        pytest.param(
            encode(Checkpoint(role=ROLE, partition=0, offset=9, layout=2, state=b"x")), id="of another layout"
        ),
        pytest.param(None, id="none"),
    ],
)
async def test_without_one_that_can_be_used_the_log_is_read_from_its_beginning(log: Log, head: bytes | None) -> None:
    log.change(f"{ROLE}/0", head)

    found = await log.newest()

    assert (found.offset, found.sections) == (0, None)


async def test_one_in_a_single_record_without_blocks_is_read_as_ever(log: Log) -> None:
    log.change(f"{ROLE}/0", encode(Checkpoint(role=ROLE, partition=0, offset=9, layout=3, state=b"whole")))

    writer, found = await log.opened()
    await writer.save(10, sections({"state": b"new"}), 0.0)

    assert (found.offset, found.sections) == (9, {"state": b"whole"})
    assert len(log.standing) == 1


async def test_one_beyond_the_end_of_its_log_is_none(log: Log) -> None:
    await log.writer().save(100, sections(OLD), 0.0)
    log.end = 99

    assert (await log.newest()).sections is None


async def test_those_of_other_roles_and_partitions_are_not_looked_at(log: Log) -> None:
    for key in ("decider/0", f"{ROLE}/00", f"{ROLE}/01/w"):
        log.change(key, encode(Checkpoint(role="other", partition=0, offset=9, layout=3, state=b"other")))

    assert await log.newest() == Found()


@pytest.mark.parametrize("awake", range(STEPS + 4))
async def test_an_owner_that_was_suspended_and_writes_late_harms_nobody(log: Log, awake: int) -> None:
    """It stops anywhere within its second checkpoint; another one takes over, and then it goes on."""
    old = log.writer()
    await old.save(1, sections(OLD), 0.0)
    before = len(log.records)
    await old.save(2, sections(NEW), 0.0)
    late = log.records[before + awake :]
    del log.records[before + awake :]

    new, found = await log.opened()
    await new.save(5, sections(OLD | {"progress": b"of the new owner"}), 0.0)
    log.records += late
    after = await log.newest()
    await new.save(6, sections(OLD | {"progress": b"again"}), 0.0)

    assert found.offset in {1, 2}
    assert (after.offset, after.sections) == (5, OLD | {"progress": b"of the new owner"})
    assert (await log.newest()).offset == 6


@pytest.mark.parametrize("seed", range(20))
async def test_owners_that_interleave_at_random_always_leave_a_whole_one_of_the_highest_offset(
    log: Log, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers open, write record by record, in any order; whoever looks finds the newest that ever stood."""
    monkeypatch.setattr(ledger, "SMALL", 0)
    monkeypatch.setattr(ledger, "BLOCK", 8)
    chance = np.random.default_rng(seed)
    offset, stood = 0, 0
    under_way: list[list[tuple[str, bytes | None]]] = []
    for _ in range(60):
        if under_way and chance.random() < 0.7:
            turn = under_way[int(chance.integers(len(under_way)))]
            log.records.append(turn.pop(0))
            _, raw = log.records[-1]
            if raw is not None and b'"blocks"' in raw:
                stood = max(stood, CHECKPOINT.decode(raw).offset)
            under_way = [each for each in under_way if each]
        else:
            writer, found = await log.opened()
            assert found.offset == stood
            before = len(log.records)
            for _ in range(int(chance.integers(1, 4))):
                offset = max(offset, found.offset) + 1
                await writer.save(offset, sections({"a": chance.bytes(40), "b": b"always the same thing"}), 0.0)
            under_way.append(log.records[before:])
            del log.records[before:]
        assert (await log.newest()).offset == stood


@pytest.mark.parametrize(
    ("cost", "of", "pause_s"),
    [
        pytest.param(Cost(0.01, 10_000), 1, 5.0, id="a small one comes as often as it is asked for"),
        pytest.param(Cost(1.0, 10_000), 1, 20.0, id="one that takes a second of work waits for twenty"),
        pytest.param(Cost(0.1, 40_000_000), 1, 10.0, id="40 MB wait for ten seconds"),
        pytest.param(Cost(0.1, 40_000_000), 16, 160.0, id="partitions share what there is"),
        pytest.param(Cost(100.0, 10**11), 16, LONGEST_S, id="none waits for ever"),
    ],
)
def test_how_often_follows_from_what_it_costs(cost: Cost, of: int, pause_s: float) -> None:
    assert cost.pause_s(5.0, of) == pytest.approx(pause_s)


async def test_the_next_one_is_due_after_the_pause(log: Log) -> None:
    writer = log.writer()
    first = writer.due(100.0, least_s=5.0)
    await writer.save(1, sections(OLD), 100.0)

    assert [first, *(writer.due(at, least_s=5.0) for at in (104.9, 105.0, 99.0))] == [True, False, True, True]


def test_a_head_is_read_whatever_a_newer_writer_adds() -> None:
    head = Checkpoint(role=ROLE, partition=0, offset=1, layout=3, state=b"")

    assert CHECKPOINT.decode(msgspec.json.encode(msgspec.to_builtins(head) | {"more": 1})) == head
