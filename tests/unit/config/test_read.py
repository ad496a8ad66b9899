"""JSON and YAML come in as they are meant, or are refused at a line and column."""

from pathlib import Path

import pytest

from config.read import LARGEST, read


def values(folder: Path) -> tuple[list[object], list[str]]:
    sources, problems = read([folder])
    return [source.document for source in sources], [str(each).replace(f"{folder}/", "") for each in problems]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("a.json", '{"a": 1,\n}', "a.json:2:1: must be JSON", id="a comma too many in JSON"),
        pytest.param("a.json", '{"a": NaN}', "a.json: must be JSON: NaN is no number", id="NaN"),
        pytest.param("a.json", "", "a.json:1:1: must be JSON: Expecting value", id="an empty file"),
        pytest.param("a.json", "[" * 100_000, "a.json: nested too deep", id="brackets without end"),
        pytest.param("a.json", "1" * 5000, "a.json: must be JSON: Exceeds the limit", id="a number of 5000 digits"),
        pytest.param("a.yaml", "a: 1\n b: 2", "a.yaml:2:3: must be YAML", id="a wrong indentation in YAML"),
        pytest.param("a.yaml", "a: 1\na: 2", "a.yaml:2:1: key 'a' is given twice", id="a key twice in YAML"),
        pytest.param("a.yaml", "a: &x 1\nb: *x", "a.yaml:1:4: must not be referred to by an alias", id="an alias"),
        pytest.param("a.yaml", "a: !!python/name:os.system x", "a.yaml:1:4: must not have a tag", id="a tag of Python"),
        pytest.param("a.yaml", "a: !x 1", "a.yaml:1:4: must not have a tag, has !x", id="a tag"),
        pytest.param("a.yaml", "{[a]: 1}", "a.yaml:1:2: a key must be a word", id="a list as key"),
        pytest.param("a.yaml", "a: \x07", "a.yaml: must be YAML", id="a bell in YAML"),
        pytest.param("a.yaml", "[" * 5000, "a.yaml", id="brackets without end in YAML"),
        pytest.param("a.json", " " * (LARGEST + 1), f"a.json: must have at most {LARGEST} bytes", id="a large file"),
    ],
)
def test_text_that_is_not_right_is_refused_with_its_place(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)

    documents, problems = values(tmp_path)

    assert documents == []
    assert len(problems) == 1
    assert problems[0].startswith(message)


def test_a_key_twice_in_json_is_refused_and_read_on_with_the_last(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": {"b": 1,\n "b": 2}}')

    sources, problems = read([tmp_path])

    assert [str(each).replace(f"{tmp_path}/", "") for each in problems] == ["a.json:2:2: key 'b' is given twice"]
    assert [(source.document, source.refused) for source in sources] == [({"a": {"b": 2}}, True)]


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')

    assert values(tmp_path)[1][0].startswith("a.json: cannot be read: 'utf-8'")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("no", "no", id="no is a word"),
        pytest.param("on", "on", id="on is a word"),
        pytest.param("true", True, id="true is true"),
        pytest.param("22:22", "22:22", id="no number of base 60"),
        pytest.param("2026-01-02", "2026-01-02", id="no date"),
        pytest.param("010", "010", id="no octal number"),
        pytest.param("0x10", "0x10", id="no hexadecimal number"),
        pytest.param("1_000", "1_000", id="no number with dashes"),
        pytest.param(".nan", ".nan", id="no NaN"),
        pytest.param("-3", -3, id="a whole number"),
        pytest.param("1.5e3", 1500.0, id="a number with exponent"),
        pytest.param("'7'", "7", id="quotes make text"),
        pytest.param("~", None, id="a null"),
        pytest.param("<<", "<<", id="no merge key"),
    ],
)
def test_yaml_means_what_json_means(text: str, value: object, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"a: {text}")

    documents, problems = values(tmp_path)

    assert (documents, problems) == ([{"a": value}], [])
    assert type(documents[0]["a"]) is type(value)  # type: ignore[index]


def test_a_folder_is_read_in_order_and_hidden_or_other_files_are_left_out(tmp_path: Path) -> None:
    for name in ("b.json", "a.yml", "c/d.yaml", ".git/e.json", "f.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text('{"name": "%s"}' % name)  # noqa: UP031 - braces

    assert values(tmp_path) == ([{"name": "a.yml"}, {"name": "b.json"}, {"name": "c/d.yaml"}], [])


def test_one_yaml_file_may_hold_several_documents(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("---\na: 1\n---\n---\nb: 2\n")

    sources, problems = read([tmp_path])

    assert [(source.file.rpartition("/")[2], source.document) for source in sources] == [
        ("a.yaml#1", {"a": 1}),
        ("a.yaml#2", {"b": 2}),
    ]
    assert problems == []


def test_a_folder_without_definitions_and_a_file_that_is_not_there_are_problems(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    _, problems = read([tmp_path / "empty", tmp_path / "gone.json"])

    assert "holds no definition" in str(problems[0])
    assert "cannot be read" in str(problems[1])
