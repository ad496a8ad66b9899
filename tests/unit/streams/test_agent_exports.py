"""What the agent makes of the file that a member exports to."""

import os
from pathlib import Path

import pytest

from streams.agent.exports import FAULTS, FILE_BYTES, TOLD, VALUE_BYTES, Exports, declared, parse

SECRET = "hunter2"


def pairs(text: str) -> dict[str, str]:
    return {line.key: line.value for line in parse(text.encode())[0]}


class Watch:
    """Exports of a file, and what was told."""

    def __init__(self, path: Path, **names: str) -> None:
        self.path = path
        self.told: list[str] = []
        self.exports = Exports(path, names or {"URL": "db-URL", "USER": "db-USER"}, tell=self.told.append)

    def look(self, text: str | bytes | None = None) -> dict[str, str]:
        if text is not None:
            self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self.exports.look()


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "exports")


# --- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("URL=http://db:5432", {"URL": "http://db:5432"}, id="one"),
        pytest.param("\n# URL=no\n  \n\t#\nURL=a\n", {"URL": "a"}, id="comments and blank lines"),
        pytest.param("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}, id="line ends of Windows"),
        pytest.param(" A\t =  b c \n", {"A": "b c"}, id="blanks around key and value"),
        pytest.param("A=b=c=#d", {"A": "b=c=#d"}, id="more equals signs, and no comment after a value"),
        pytest.param("A=", {"A": ""}, id="an empty value is a value"),
        pytest.param("A=1\nA=2", {"A": "2"}, id="the last line of a key"),
        pytest.param('A="x"', {"A": '"x"'}, id="quotes belong to the value"),
        pytest.param("schlüssel=größe", {"schlüssel": "größe"}, id="not only ASCII"),
        pytest.param("A=a\tb", {"A": "a\tb"}, id="a tab inside"),
        pytest.param("A=" + "x" * VALUE_BYTES, {"A": "x" * VALUE_BYTES}, id="the longest value"),
    ],
)
def test_lines_that_can_be_read(text: str, found: dict[str, str]) -> None:
    assert pairs(text) == found
    assert parse(text.encode())[1] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(SECRET.encode(), "has no '=': must be KEY=VALUE", id="no equals sign"),
        pytest.param(b"=hunter2", "the key is empty or holds a blank", id="no key"),
        pytest.param(b"export URL=hunter2", "the key is empty or holds a blank", id="a shell's word"),
        pytest.param(b"URL=hunter2\xff", "is not UTF-8", id="not UTF-8"),
        pytest.param(b"URL=hunter2\0", "the value holds a control character", id="NUL"),
        pytest.param(b"URL=hunter2\x1b[31m", "the value holds a control character", id="an escape"),
        pytest.param(b"URL=hunter2\rX=1", "the value holds a control character", id="a carriage return inside"),
        pytest.param(
            b"URL=hunter2" + b"x" * VALUE_BYTES, "the value has 4103 bytes, must have at most 4096", id="too long"
        ),
        pytest.param(
            b"URL=" + "ü".encode() * 2049, "the value has 4098 bytes, must have at most 4096", id="bytes count"
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_told_without_its_content_and_passed_over(line: bytes, said: str) -> None:
    lines, faults = parse(b"A=1\n\n" + line + b"\nB=2\n")

    assert [(each.number, each.key) for each in lines] == [(1, "A"), (4, "B")]
    assert faults == [f"line 3: {said}"]


def test_of_many_faults_the_first_are_told() -> None:
    lines, faults = parse(b"junk\n" * 1000 + b"A=1")

    assert len(faults) == FAULTS
    assert [each.number for each in lines] == [1001]


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "cluster", "keys"),
    [
        pytest.param(["db-URL", "db-USER"], "shop-db", {"URL": "db-URL", "USER": "db-USER"}, id="as usual"),
        pytest.param(["my-db-a-url"], "shop-my-db", {"a-url": "my-db-a-url"}, id="dashes in alias and key"),
        pytest.param(["db-url"], "acme-shop-db", {"url": "db-url"}, id="of another tenant"),
        pytest.param(["db-url", "db-x-url"], "shop-db", {"url": "db-url", "x-url": "db-x-url"}, id="one end of two"),
        pytest.param(
            ["my-db-url", "my-db-x-url"],
            "shop-my-0a1b2c3d",
            {"url": "my-db-url", "db-url": "my-db-url", "x-url": "my-db-x-url", "db-x-url": "my-db-x-url"},
            id="a shortened cluster id leaves the alias open",
        ),
        pytest.param(["tenants"], "shop-db", {}, id="a name without an alias is nobody's"),
        pytest.param([], "shop-db", {}, id="none"),
    ],
)  # fmt: skip
def test_declared_names_by_key(names: list[str], cluster: str, keys: dict[str, str]) -> None:
    assert declared(names, tenant="acme", application="shop", cluster=cluster) == keys


# --- looks -----------------------------------------------------------------------------------------------------------


def test_new_and_changed_values_are_returned_once(watch: Watch) -> None:
    assert watch.look() == {}
    assert watch.look("URL=a\n") == {"db-URL": "a"}
    assert watch.look() == {}
    assert watch.look("URL=a\nUSER=u\n") == {"db-USER": "u"}
    assert watch.look("URL=b\nUSER=u\n") == {"db-URL": "b"}
    assert watch.look("URL=b\nUSER=u\nURL=a\n") == {"db-URL": "a"}
    assert watch.told == []


def test_a_change_of_the_same_length_at_the_same_time_is_seen(watch: Watch) -> None:
    watch.look("URL=a\n")
    before = watch.path.stat()
    watch.path.write_text("URL=b\n")
    os.utime(watch.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert watch.look() == {"db-URL": "b"}


@pytest.mark.parametrize("then", ["", "USER=u\n", None], ids=["emptied", "a line gone", "file gone"])
def test_what_went_away_is_not_withdrawn_and_comes_back_unchanged(watch: Watch, then: str | None) -> None:
    watch.look("URL=a\nUSER=u\n")
    if then is None:
        watch.path.unlink()

    assert watch.look(then) == {}
    assert watch.look("URL=a\nUSER=u\n") == {}


def test_a_last_line_without_its_end_counts_when_it_stays(watch: Watch) -> None:
    assert watch.look("USER=u\nURL=http://127") == {"db-USER": "u"}
    assert watch.look("USER=u\nURL=http://127.0.0.1") == {}
    assert watch.look() == {"db-URL": "http://127.0.0.1"}
    assert watch.look() == {}


def test_a_key_that_is_not_declared_is_told_once_by_name(watch: Watch) -> None:
    assert watch.look(f"PASSWORD={SECRET}\nURL=a\nPASSWORD=x\n") == {"db-URL": "a"}
    watch.look(f"PASSWORD={SECRET}\nURL=b\n")

    assert watch.told == [f"{watch.path}: key 'PASSWORD' is not among the cartridge's metadataKeys, not exported"]


def test_what_may_be_the_rest_of_a_secret_is_not_named(watch: Watch) -> None:
    watch.look("KEY\nMIIEvQIBADANBg==\nhunter2/+=\nx" + "y" * 64 + "=1\n")

    assert [said.removeprefix(f"{watch.path}: ") for said in watch.told] == [
        "line 1: has no '=': must be KEY=VALUE",
        *(f"line {n}: the key is not among the cartridge's metadataKeys, not exported" for n in (2, 3, 4)),
    ]


def test_no_value_is_ever_told(watch: Watch) -> None:
    watch.look(f"URL {SECRET}\nURL=\x01{SECRET}\nOTHER={SECRET}\n= {SECRET}\nURL={SECRET * 1000}\n")

    assert len(watch.told) == 5
    assert SECRET not in "".join(watch.told)


def test_a_fault_is_told_once_and_their_number_is_bounded(watch: Watch) -> None:
    for number in range(10 * TOLD):
        watch.look("\n" * number + "junk\n")
        watch.look("\n" * number + "junk\n\n")

    assert len(watch.told) == TOLD + 1
    assert len(set(watch.told)) == TOLD + 1
    assert watch.told[-1] == f"{watch.path}: more faults, not told"


def test_a_file_too_large_is_left_alone_until_it_is_small_again(watch: Watch) -> None:
    watch.look("URL=a\n")
    assert watch.look("URL=b\n" + "#" * FILE_BYTES) == {}
    assert watch.look() == {}
    assert watch.told == [f"{watch.path}: is larger than {FILE_BYTES} bytes, not read"]
    assert watch.look("URL=c\n") == {"db-URL": "c"}


def test_the_largest_file_is_read(watch: Watch) -> None:
    assert watch.look(b"URL=a\n" + b"#" * (FILE_BYTES - 7) + b"\n") == {"db-URL": "a"}


def test_what_is_no_file_is_told_and_does_not_hold_the_agent_up(tmp_path: Path) -> None:
    pipe, folder = Watch(tmp_path / "pipe"), Watch(tmp_path)
    os.mkfifo(pipe.path)

    opened = len(list(Path("/proc/self/fd").iterdir()))
    assert (pipe.look(), pipe.look(), folder.look()) == ({}, {}, {})
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    assert pipe.told == [f"{pipe.path}: is no file, not read"]
    assert folder.told == [f"{folder.path}: is no file, not read"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    loop = Watch(tmp_path / "loop")
    loop.path.symlink_to(loop.path)

    assert loop.look() == {}
    assert loop.told == [f"{loop.path}: cannot be read: Too many levels of symbolic links"]
