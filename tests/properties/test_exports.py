"""Whatever an application writes into its exports: the agent reads what can be read, and tells no value."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agent.exports import CONTROL, FAULTS, VALUE_BYTES, Exports, parse

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=20)
keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,10}", fullmatch=True)
values = texts.map(lambda text: CONTROL.sub("", text).strip(" \t\r"))
lines = st.one_of(
    st.binary(max_size=40), texts.map(str.encode), st.builds("{}={}".format, keys, values).map(str.encode)
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@given(data=st.lists(lines, max_size=60).map(b"\n".join))
def test_any_bytes_are_read_within_bounds(data: bytes) -> None:
    found, faults = parse(data)

    assert len(faults) <= FAULTS
    for line in found:
        assert 1 <= line.number <= data.count(b"\n") + 1
        assert line.key
        assert not any(char.isspace() for char in line.key)
        assert not CONTROL.search(line.value)
        assert len(line.value.encode()) <= VALUE_BYTES


@given(pairs=st.lists(st.tuples(keys, values), max_size=10), junk=st.lists(texts.map(lambda t: "#" + t), max_size=3))
def test_what_is_written_as_documented_is_read_back(pairs: list[tuple[str, str]], junk: list[str]) -> None:
    text = "\n".join([*junk, *(f"{key}={value}" for key, value in pairs), *junk])
    found, faults = parse(text.encode())

    assert [(line.key, line.value) for line in found] == pairs
    assert faults == []


@given(files=st.lists(st.lists(lines, max_size=8).map(b"\n".join), max_size=8))
def test_over_any_life_of_the_file_only_declared_names_are_returned_and_only_changes(
    folder: Path, files: list[bytes]
) -> None:
    told: list[str] = []
    exports = Exports(folder / "exports", {"A": "db-A", "b": "db-b"}, tell=told.append)
    known: dict[str, str] = {}
    for data in files:
        (folder / "exports").write_bytes(data)
        for _ in range(2):
            changed = exports.look()
            assert changed.keys() <= {"db-A", "db-b"}
            assert not changed.items() & known.items()
            known |= changed
        assert exports.look() == {}
        last = {line.key: line.value for line in parse(data)[0]}
        assert all(known[f"db-{key}"] == last[key] for key in ("A", "b") if key in last)

    assert len(told) == len(set(told))


@given(
    secret=st.text("abcdefgh", min_size=12, max_size=30),
    before=st.sampled_from(["URL=\x01", "URL ", "=", "x y=", "B="]),
)
def test_no_message_holds_a_value(folder: Path, secret: str, before: str) -> None:
    told: list[str] = []
    (folder / "exports").write_text(f"{before}{secret}\n")
    Exports(folder / "exports", {"A": "db-A"}, tell=told.append).look()

    assert len(told) == 1
    assert secret not in told[0]
