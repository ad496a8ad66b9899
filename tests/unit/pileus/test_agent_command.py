"""``pileus agent``: what options and environment mean, and that it stays light."""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from pileus.commands import agent as command
from streams.agent.cgroup import Cgroup
from streams.agent.host import Host
from streams.agent.process import ProcessTree

WHO = ["--member", "web-1", "--cluster", "web", "--application", "shop"]
HEAVY = {"numpy", "pandas", "faust", "aiokafka", "pydantic", "fastapi", "structlog", "asyncio", "libcloud"}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PILEUS_")]:
        monkeypatch.delenv(name)


def parse(words: list[str]) -> Namespace:
    parser = ArgumentParser()
    command.arguments(parser)
    return parser.parse_args(words)


def test_the_environment_alone_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "MEMBER": "web-1",
        "CLUSTER": "web",
        "APPLICATION": "shop",
        "TENANT": "acme",
        "CPUS": "0.5",
        "MEMORY_LIMIT": "1048576",
        "HEALTH": "http:/health",
        "HOST": "10.0.0.7",
        "PORT": "8080",
        "MEASURE": f"pid:{os.getpid()}",
        "BROKER": "kafka:9092",
        "PARTITIONS": "16",
        "SAMPLE_INTERVAL_S": "2.5",
        "BUFFER_RECORDS": "77",
    }
    for name, value in told.items():
        monkeypatch.setenv(f"PILEUS_{name}", value)
    options = parse([])
    settings = command._settings(options)

    assert (options.member, options.cluster, options.application, options.tenant) == ("web-1", "web", "shop", "acme")
    assert (options.cpus, options.memory_limit) == (0.5, 1048576)
    assert (options.probe, options.address) == ("http:/health", "10.0.0.7:8080")
    assert (settings.broker, settings.partitions) == ("kafka:9092", 16)
    assert (settings.sample_interval_s, settings.buffer_records) == (2.5, 77)
    assert isinstance(command._source(options), ProcessTree)


def test_options_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILEUS_MEMBER", "other")
    monkeypatch.setenv("PILEUS_MEASURE", "pid:1")
    monkeypatch.setenv("PILEUS_PARTITIONS", "16")
    options = parse([*WHO, "--host", "--partitions", "2", "--interval", "1", "--broker", "b:1"])
    settings = command._settings(options)

    assert options.member == "web-1"
    assert isinstance(command._source(options), Host)
    assert (settings.partitions, settings.sample_interval_s, settings.broker) == (2, 1.0, "b:1")


@pytest.mark.parametrize(
    ("inside", "kind"), [(True, Cgroup), (False, Host)], ids=["inside a container", "outside of one"]
)
def test_auto(monkeypatch: pytest.MonkeyPatch, kind: type, *, inside: bool) -> None:
    monkeypatch.setattr("streams.agent.cgroup.inside_container", lambda: inside)

    assert isinstance(command._source(parse(WHO)), kind)


@pytest.mark.parametrize(("measure", "kind"), [("cgroup:docker/abc", Cgroup), ("host", Host), ("pid:1", ProcessTree)])
def test_the_environment_names_the_source(monkeypatch: pytest.MonkeyPatch, measure: str, kind: type) -> None:
    monkeypatch.setenv("PILEUS_MEASURE", measure)

    assert isinstance(command._source(parse(WHO)), kind)


def test_a_node_agent_is_nobodys(tmp_path: Path) -> None:
    options = parse(["--node", "--instances", str(tmp_path)])

    assert (options.node, options.member, options.instances, options.form) == (True, None, tmp_path, "json")
    assert not parse(WHO).node


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--node", "--form", "xml"], "invalid choice: 'xml'", id="an unknown form"),
        pytest.param(["--member", "m"], "required: --cluster, --application", id="whose agent it is"),
        pytest.param([*WHO, "--interval", "0"], "0: must be a number greater than 0", id="no interval"),
        pytest.param([*WHO, "--interval", "nan"], "nan: must be a number greater", id="an interval that is none"),
        pytest.param([*WHO, "--partitions", "0"], "0: must be at least 1", id="no partitions"),
        pytest.param([*WHO, "--pid", "1", "--host"], "not allowed with argument", id="two sources"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    with pytest.raises(SystemExit):
        parse(words)

    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "words", "said"),
    [
        pytest.param({"PILEUS_MEASURE": "moon"}, [], "PILEUS_MEASURE = 'moon': must be auto", id="unknown source"),
        pytest.param({"PILEUS_MEASURE": "pid:x"}, [], "must be auto, host, pid:ID or cgroup:PATH", id="no process id"),
        pytest.param({}, ["--probe", "udp"], "probe 'udp': must be", id="unknown probe"),
        pytest.param({}, ["--probe", "tcp"], "address '': must be HOST:PORT", id="a probe of nowhere"),
        pytest.param({"PILEUS_PARTITIONS": "x"}, [], "PILEUS_PARTITIONS", id="a setting that is wrong"),
    ],
)
def test_what_cannot_be_ends_with_2_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    words: list[str],
    said: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert command.main(parse([*WHO, *words])) == 2
    assert said in capsys.readouterr().err


def test_every_log_is_followed_once(tmp_path: Path) -> None:
    names = [str(tmp_path / "a.log"), str(tmp_path / "b.log")]

    assert [log.name for log in command._logs([*names, names[0], ""])] == names


def test_metadata_is_neither_exported_nor_followed_unless_told_so() -> None:
    options = parse(WHO)

    assert command._exports(options) is None
    assert command._metadata(options, command._settings(options)) is None


def test_the_declared_names_may_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "exports"
    exports = command._exports(parse([*WHO, "--exports", str(file), "--export", "web-URL", "--export", "web-USER"]))
    file.write_text("USER=u\nURL=a\nPASSWORD=hunter2\n")

    assert exports is not None
    assert exports.look() == {"web-URL": "a", "web-USER": "u"}
    assert capsys.readouterr().err == (
        f"pileus agent: {file}: key 'PASSWORD' is not among the cartridge's metadataKeys, not exported\n"
    )


def test_the_agent_loads_nothing_heavy() -> None:
    code = (
        "import sys, pileus.cli, pileus.commands.agent, streams.agent.agent, streams.agent.cgroup,"
        "streams.agent.process, streams.agent.probe, streams.agent.exports, streams.agent.metadata_log,"
        "streams.producer, streams.publisher, pileus.node_agent;"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert not HEAVY & set(out.stdout.split())
