"""The values of one application, and the file that shows them."""

import json
from pathlib import Path

import pytest

from streams.agent.metadata import MetadataFile, MetadataFiles, MetadataFold
from streams.records.metadata import Metadata, metadata_key
from streams.records.record import encode


def a_value(value: str, *, name: str = "db-URL", application: str = "shop") -> bytes:
    record = Metadata(
        tenant="default", application=application, name=name, value=value, member="shop-db-1", at=1.0
    )  # fmt: skip
    return encode(record)


def key(name: str = "db-URL", *, tenant: str = "default", application: str = "shop") -> bytes:
    return metadata_key(tenant, application, name).encode()


@pytest.fixture
def fold() -> MetadataFold:
    return MetadataFold("default", "shop")


def test_the_newest_value_counts_and_a_tombstone_removes(fold: MetadataFold) -> None:
    for offset, (name, value) in enumerate([("db-URL", "a"), ("db-USER", "u"), ("db-URL", "b"), ("db-USER", None)]):
        fold.read(offset, key(name), None if value is None else a_value(value, name=name))
    fold.read(9, key("db-NEVER"), None)

    assert fold.values == {"db-URL": "b"}


def test_the_tenants_that_signed_up_are_a_value_too(fold: MetadataFold) -> None:
    fold.read(0, key("tenants"), a_value("acme,globex", name="tenants"))

    assert fold.values == {"tenants": "acme,globex"}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(key(application="shopping"), id="an application whose name begins alike"),
        pytest.param(key(tenant="acme"), id="another tenant's of the same name"),
        pytest.param(b"", id="an empty key"),
        pytest.param(None, id="no key"),
    ],
)
def test_what_is_not_of_the_application_is_passed_over(fold: MetadataFold, other: bytes | None) -> None:
    fold.read(0, key(), a_value("ours"))
    fold.read(1, other, a_value("theirs", application="other"))
    fold.read(2, other, None)

    assert fold.values == {"db-URL": "ours"}
    assert fold.rejected == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(key(), b"", id="empty"),
        pytest.param(key(), b"{", id="half a record"),
        pytest.param(key(), b'{"kind": "metadata", "value": 1}', id="a number as value"),
        pytest.param(key(), b'{"kind": "tick"}', id="another kind"),
        pytest.param(key() + b"\xff", a_value("x"), id="a name that is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_counted_and_changes_nothing(fold: MetadataFold, name: bytes, value: bytes) -> None:
    fold.read(0, key(), a_value("good"))
    fold.read(1, name, value)

    assert (fold.values, fold.rejected) == ({"db-URL": "good"}, 1)


def test_a_log_that_begins_anew_is_all_that_counts(fold: MetadataFold) -> None:
    fold.read(7, key("db-USER"), a_value("u", name="db-USER"))
    fold.read(0, key(), a_value("a"))

    assert fold.values == {"db-URL": "a"}


def test_the_file_is_replaced_as_a_whole_and_only_on_a_change(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    file = MetadataFile(path)

    assert file.write({})
    assert json.loads(path.read_text()) == {}
    with path.open() as before:  # a reader that has it open sees the whole old one
        assert file.write({"b": "2", "a": 'ü"\n'})
        assert json.load(before) == {}
    first = path.stat()
    assert path.read_text() == '{\n  "a": "ü\\"\\n",\n  "b": "2"\n}\n'
    assert first.st_mode & 0o077 == 0
    assert not file.write({"a": 'ü"\n', "b": "2"})
    assert path.stat().st_ino == first.st_ino
    assert [each.name for each in tmp_path.iterdir()] == ["metadata.json"]


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    file = MetadataFile(tmp_path / "gone" / "metadata.json")
    with pytest.raises(FileNotFoundError):
        file.write({"a": "1"})
    (tmp_path / "gone").mkdir()

    assert file.write({"a": "1"})


def test_the_files_of_several_instances_say_the_same_and_may_come_and_go(tmp_path: Path) -> None:
    files = MetadataFiles()
    paths = [tmp_path / name / "metadata.json" for name in ("a", "b", "gone")]
    for path in paths[:2]:
        path.parent.mkdir()
    files.add(paths[0])
    first = files.write({"web-URL": "1"})
    files.add(paths[1])
    files.add(paths[2])  # its folder went already
    second = files.write({"web-URL": "1"})
    files.remove(paths[0])
    files.remove(paths[2])
    third = files.write({"web-URL": "2"})

    assert (first, second, third, len(files)) == (True, True, True, 1)
    assert [path.read_text().split('"')[3] for path in paths[:2]] == ["1", "2"]
    assert not files.write({"web-URL": "2"})
