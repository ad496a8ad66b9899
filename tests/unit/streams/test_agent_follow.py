"""Following files and pipes: no line lost, none twice, whatever is done to the file."""

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agent.follow import LINE_BYTES, Lines, LogFile, Pipe

Open = Callable[[], LogFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def follow(path: Path) -> Iterator[Open]:
    opened: list[LogFile] = []

    def make() -> LogFile:
        opened.append(LogFile(path))
        return opened[-1]

    yield make
    for log in opened:
        log.close()


def add(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def test_a_file_that_is_there_is_followed_from_its_end(path: Path, follow: Open) -> None:
    add(path, "old\n")
    log = follow()
    add(path, "new\n")

    assert log.lines(10) == ["new"]


def test_a_file_that_appears_later_is_followed_from_its_beginning(path: Path, follow: Open) -> None:
    log = follow()
    before = log.lines(10)
    add(path, "first\nsecond\n")

    assert (before, log.lines(10), log.lines(10)) == ([], ["first", "second"], [])


def test_the_rest_of_a_line_begun_before_is_no_line(path: Path, follow: Open) -> None:
    add(path, "half a li")
    log = follow()
    add(path, "ne\nwhole\n")

    assert log.lines(10) == ["whole"]


def test_a_partial_line_waits_for_its_end(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "one\ntw")
    first = log.lines(10)
    add(path, "o\n")

    assert (first, log.lines(10)) == (["one"], ["two"])


def test_rotation_by_rename_loses_nothing(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "a\n")
    assert log.lines(10) == ["a"]
    add(path, "b\nc without end")
    path.rename(path.with_suffix(".1"))
    add(path.with_suffix(".1"), ", written late")
    add(path, "d\n")

    assert log.lines(10) == ["b", "c without end, written late", "d"]


def test_while_nothing_new_stands_at_the_path_the_old_file_is_read_on(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "a\n")
    assert log.lines(10) == ["a"]
    path.rename(path.with_suffix(".1"))
    add(path.with_suffix(".1"), "b\n")

    assert log.lines(10) == ["b"]


def test_rotation_is_followed_only_when_the_old_file_is_read_to_its_end(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "".join(f"{i}\n" for i in range(5)))
    assert log.lines(2) == ["0", "1"]
    path.rename(path.with_suffix(".1"))
    add(path, "5\n")

    assert [log.lines(2), log.lines(2), log.lines(2)] == [["2", "3"], ["4", "5"], []]


def test_truncation_is_followed(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "before, a long line\nand a part")
    assert log.lines(10) == ["before, a long line"]
    path.write_text("after\n")

    assert log.lines(10) == ["after"]


def test_a_file_that_was_removed_and_made_anew_is_followed(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "a\n")
    assert log.lines(10) == ["a"]
    path.unlink()
    assert log.lines(10) == []
    add(path, "b\n")

    assert log.lines(10) == ["b"]


def test_a_flood_stays_in_the_file(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "".join(f"line {i} {'x' * 1000}\n" for i in range(500)))
    taken = [log.lines(100) for _ in range(6)]

    assert [len(lines) for lines in taken] == [100, 100, 100, 100, 100, 0]
    assert [int(line.split()[1]) for lines in taken for line in lines] == list(range(500))


def test_bad_utf_8_is_replaced_and_line_ends_of_windows_are_taken_off(path: Path, follow: Open) -> None:
    log = follow()
    add(path, b"caf\xe9\r\n\r\n  \n\xe2\x82\xac\n")

    assert log.lines(10) == ["caf\N{REPLACEMENT CHARACTER}", "\N{EURO SIGN}"]


def test_a_folder_or_a_named_pipe_is_no_log(path: Path, follow: Open) -> None:
    os.mkfifo(path)

    assert follow().lines(10) == []
    path.unlink()
    path.mkdir()
    assert follow().lines(10) == []


@pytest.mark.parametrize("pieces", [1, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("length", [LINE_BYTES + 1, 5 * LINE_BYTES, 40 * LINE_BYTES])
def test_a_long_line_is_cut_and_says_so(path: Path, follow: Open, length: int, pieces: int) -> None:
    log = follow()
    got: list[str] = []
    text = "x" * length + "\nnext\n"
    step = -(-len(text) // pieces)
    for start in range(0, len(text), step):
        add(path, text[start : start + step])
        got += log.lines(10)

    assert got == ["x" * LINE_BYTES + f" [cut at {LINE_BYTES} bytes]", "next"]


def test_a_line_of_the_longest_length_is_whole(path: Path, follow: Open) -> None:
    log = follow()
    add(path, "x" * LINE_BYTES + "\n")

    assert log.lines(10) == ["x" * LINE_BYTES]


@given(
    lines=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t "), min_size=1), max_size=20),
    cuts=st.lists(st.integers(0, 400)),
    limit=st.integers(1, 5),
)
def test_however_bytes_arrive_the_lines_are_the_same(lines: list[str], cuts: list[int], limit: int) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    buffer, got = Lines(), []
    for start, end in pairwise(edges):
        buffer.add(data[start:end])
        got += buffer.take(limit)
    while more := buffer.take(limit):
        got += more

    assert got == [kept for line in lines if (kept := line.rstrip("\r\n\t "))]


@pytest.fixture
def pipe() -> Iterator[tuple[Pipe, Callable[[bytes], None], Callable[[], None]]]:
    read, write = os.pipe()
    open_ends = {read, write}

    def end() -> None:
        os.close(write)
        open_ends.discard(write)

    yield Pipe(read), lambda data: (os.write(write, data), None)[1], end
    for descriptor in open_ends:
        os.close(descriptor)


Piped = tuple[Pipe, Callable[[bytes], None], Callable[[], None]]


def test_a_pipe_is_read_without_waiting(pipe: Piped) -> None:
    log, write, _ = pipe
    nothing = log.lines(10)
    write(b"one\ntw")
    first = log.lines(10)
    write(b"o\n")

    assert (log.name, nothing, first, log.lines(10)) == ("stdin", [], ["one"], ["two"])


def test_the_last_line_of_a_pipe_needs_no_end(pipe: Piped) -> None:
    log, write, end = pipe
    write(b"one\ntwo\nthree")
    end()

    assert [log.lines(1), log.lines(1), log.lines(1), log.lines(1)] == [["one"], ["two"], ["three"], []]


def test_a_pipe_is_not_read_ahead(pipe: Piped) -> None:
    log, write, _ = pipe
    write(b"x" * 999 + b"\n")
    write(b"y" * 60_000)

    assert [len(line) for line in log.lines(1)] == [999]
    assert log.lines(1) == ["y" * LINE_BYTES + f" [cut at {LINE_BYTES} bytes]"]
