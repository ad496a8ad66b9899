"""``pileus status`` on real brokers: what it shows, its exit codes, --watch and --wait."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pileus.cli import main
from pileus.stack.broker import Broker
from streams.admin import create_topics, publish_definitions
from streams.records.instance import BurstRequest, Instance, Level, Phase
from streams.records.member import Claim, Member, State
from streams.topics import INSTANCES, MEMBERS, TOPICS
from tests.brokers import free_port
from tests.pieces import END_S, START_S, Hand
from tests.waiting import wait_until

ROOT = "default/shop/eu-1"
WEB = f"{ROOT}/web"
PARTITION = 1
"""Of two: not the first one."""


class Shell:
    """Runs ``pileus status`` against one broker, and writes what it is to read."""

    def __init__(self, broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
        self.broker, self._capsys = broker, capsys
        self.hand = Hand(broker.address)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main(["status", *words, "--broker", self.broker.address])
        return code, *self._capsys.readouterr()

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pileus", "status", *words, "--broker", self.broker.address]

    def instances(self, *records: Instance | BurstRequest) -> None:
        for record in records:
            key = record.instance if isinstance(record, Instance) else "burst/default/shop"
            self.hand.write(INSTANCES, PARTITION, record, key=key)

    def members(self, *records: Member | Claim) -> None:
        for record in records:
            self.hand.write(MEMBERS, PARTITION, record, key=record.member if isinstance(record, Member) else "claim")


@pytest.fixture
def status(fresh_broker: Broker, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    """Each kind of broker in turn, with topics."""
    create_topics(fresh_broker.address, partitions=2, replication=1)
    shell = Shell(fresh_broker, capsys)
    yield shell
    shell.hand.close()


@pytest.fixture
def on_tansu(fresh_tansu: Broker, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    create_topics(fresh_tansu.address, partitions=2, replication=1)
    shell = Shell(fresh_tansu, capsys)
    yield shell
    shell.hand.close()


def an_instance(path: str, phase: Phase = Phase.ACTIVE, *, wanted: int = 0, why: str = "", epoch: int = 0) -> Instance:
    return Instance(
        instance=path,
        level=Level.CLUSTER if path == WEB else Level.APPLICATION,
        tenant="default",
        application="shop",
        alias="web" if path == WEB else "shop",
        parent=ROOT if path == WEB else "",
        network_partition="eu-1",
        phase=phase,
        at=time.time(),
        epoch=epoch,
        started=True,
        wanted=wanted,
        why=why,
    )


def a_member(ordinal: int, state: State = State.ACTIVE, *, epoch: int = 0) -> Member:
    return Member(
        member=f"shop-web-{ordinal}",
        tenant="default",
        application="shop",
        cluster="shop-web",
        cartridge="web",
        network_partition="eu-1",
        partition="partition-1",
        cluster_instance=WEB,
        state=state,
        at=time.time(),
        epoch=epoch,
    )


def starting(shell: Shell) -> None:
    """Write an application of which one of two members serves."""
    publish_definitions(shell.broker.address, [("application/default/shop", b"{}"), ("tenant/default/acme", b"{}")])
    shell.instances(an_instance(ROOT, Phase.CREATED), an_instance(WEB, Phase.CREATED, wanted=2))
    shell.members(a_member(1), a_member(2, State.STARTING))


def serving(shell: Shell) -> None:
    """Write that it is Active."""
    shell.members(a_member(2))
    shell.instances(an_instance(WEB, wanted=2), an_instance(ROOT))


# --- once ------------------------------------------------------------------------------------------------------------


def test_it_is_shown_as_it_is(status: Shell) -> None:
    assert status() == (0, "no application\n", "")
    publish_definitions(status.broker.address, [("application/acme.org/crm", b"{}")])
    starting(status)

    code, out, err = status("shop")
    assert (code, err) == (0, "")
    head, web, second = out.splitlines()
    assert head.startswith("application shop (default)  Created  since ")
    assert head.endswith("1 of 2 members serve")
    assert web.startswith("└─ web            cluster  Created   ")
    assert second.startswith("   └─ shop-web-2           Starting  ")

    code, out, _ = status()
    assert code == 0
    assert "application crm (acme.org)  declared, not begun  since " in out
    assert out.splitlines()[-1] == "2 applications: 1 not begun (crm), 1 Created (shop)"
    assert "shop-web-1" in status("--members")[1]
    assert "shop-web" not in status("--no-members")[1]
    assert "shop" not in status("--tenant", "acme.org")[1]

    code, out, _ = status("shop", "-o", "json")
    (application,) = json.loads(out)["applications"]
    assert (code, application["phase"], application["serving"], application["wanted"]) == (0, "Created", 1, 2)
    assert [m["member"] for m in application["instances"][0]["instances"][0]["members"]] == ["shop-web-1", "shop-web-2"]


def test_what_an_older_decider_wrote_does_not_count(status: Shell) -> None:
    starting(status)
    (claim,) = status.hand.write(MEMBERS, PARTITION, Claim(partition=PARTITION, owner="b", at=time.time()), key="claim")
    status.instances(an_instance(ROOT, epoch=claim, why="new"), an_instance(ROOT, Phase.INACTIVE, why="old"))
    status.members(a_member(1, State.DRAINING), a_member(2, epoch=claim))
    status.hand.write(INSTANCES, 0, b"no JSON")

    code, out, _ = status("shop", "--members")
    assert code == 0
    assert "Active  since" in out.splitlines()[0]
    assert out.count("  Active  ") == 3  # the application, both members
    assert out.splitlines()[-1] == "1 record cannot be read"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["shoop"], "no application shoop, did you mean 'shop'?", id="another name"),
        pytest.param(["shop", "--tenant", "acme"], "no application shop of tenant acme", id="another tenant's"),
        pytest.param(["shoop", "--wait", "99"], "no application shoop, did you mean 'shop'?", id="not waited for"),
    ],
)
def test_an_unknown_application(words: Sequence[str], said: str, on_tansu: Shell) -> None:
    starting(on_tansu)

    assert on_tansu(*words) == (1, "", f"pileus status: {said}\n")


def test_no_broker(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"

    assert main(["status", "--broker", address]) == 1
    assert capsys.readouterr().err == f"pileus status: no Kafka answers at {address}\n"


def test_no_topics(fresh_tansu: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    create_topics(fresh_tansu.address, partitions=1, replication=1, topics=[t for t in TOPICS if t is not INSTANCES])

    assert main(["status", "--broker", fresh_tansu.address]) == 1
    assert "no topic pileus.instances, see 'pileus topics create'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--wait", "0"], id="no time"),
        pytest.param(["--wait", "soon"], id="no number"),
        pytest.param(["--output", "yaml"], id="no such output"),
        pytest.param(["a", "b"], id="two applications"),
    ],
)
def test_wrong_usage(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status", *words])

    assert ended.value.code == 2


# --- --wait ----------------------------------------------------------------------------------------------------------


def test_waiting_ends_when_all_is_active(on_tansu: Shell) -> None:
    starting(on_tansu)
    later = threading.Timer(1.5, serving, [on_tansu])
    later.start()
    try:
        code, out, err = on_tansu("shop", "--wait", str(START_S))
    finally:
        later.join()

    assert (code, err) == (0, "")
    assert "Active  since" in out.splitlines()[0]
    assert on_tansu("--wait", "1")[0] == 0


def test_waiting_in_vain_says_why(on_tansu: Shell) -> None:
    starting(on_tansu)

    code, out, err = on_tansu("--wait", "0.2")
    assert code == 1
    assert out.startswith("application shop (default)  Created")
    first, second = err.splitlines()
    assert first == "pileus status: not Active within 0.2 s:"
    assert second.startswith("  shop: web: Created ")
    assert second.endswith(", 1 of 2 serve: shop-web-2 Starting")


def test_waiting_for_nothing_is_in_vain(on_tansu: Shell) -> None:
    assert on_tansu("--wait", "0.2") == (
        1,
        "no application\n",
        "pileus status: not Active within 0.2 s: no application\n",
    )


# --- --watch ---------------------------------------------------------------------------------------------------------


@contextmanager
def watching(command: Sequence[str], out: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": "80", "LINES": "24"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait(END_S)


def test_watching_a_pipe_appends_what_changed(status: Shell, tmp_path: Path) -> None:
    starting(status)
    log = tmp_path / "out"
    with log.open("wb") as out, watching(status.command("shop", "--watch"), out.fileno()) as process:
        wait_until(lambda: "1 of 2 members" in log.read_text(), within_s=START_S, what="the first lines")
        assert len(log.read_text().splitlines()) == 3
        serving(status)
        wait_until(lambda: "  Active  2 of 2 members serve" in log.read_text(), within_s=START_S, what="the change")
        process.send_signal(signal.SIGINT)
        assert process.wait(END_S) == 0

    lines = [line.split("  ", 1)[1] for line in log.read_text().splitlines()]
    assert lines[:3] == [
        "default/shop  application  Created  1 of 2 members serve",
        f"{WEB}  cluster  Created  1 of 2 serve",
        f"{WEB}/shop-web-2  member  Starting  partition-1",
    ]
    assert {f"{WEB}  cluster  Active  2 of 2 serve", f"{WEB}/shop-web-2  gone"} <= set(lines[3:])


def test_watching_as_json_writes_a_document_for_each_change(on_tansu: Shell, tmp_path: Path) -> None:
    starting(on_tansu)
    log = tmp_path / "out"
    words = on_tansu.command("--watch", "--wait", str(START_S), "-o", "json")
    with log.open("wb") as out, watching(words, out.fileno()) as process:
        wait_until(lambda: log.read_text().endswith("\n"), within_s=START_S, what="the first document")
        serving(on_tansu)
        assert process.wait(START_S) == 0

    phases = [json.loads(line)["applications"][0]["phase"] for line in log.read_text().splitlines()]
    assert (phases[0], phases[-1]) == ("Created", "Active")


def test_watching_tells_that_the_broker_is_away(on_tansu: Shell, tmp_path: Path) -> None:
    starting(on_tansu)
    log = tmp_path / "out"
    with log.open("wb") as out, watching(on_tansu.command("--watch"), out.fileno()) as process:
        wait_until(lambda: "1 of 2 members" in log.read_text(), within_s=START_S, what="the first lines")
        on_tansu.broker.stop()
        said = f"{on_tansu.broker.address} does not answer since "
        wait_until(lambda: said in log.read_text(), within_s=START_S, what="that the broker is away")
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == 0


def test_watching_on_a_terminal_draws_in_place(on_tansu: Shell) -> None:
    starting(on_tansu)
    ours, theirs = pty.openpty()
    said = bytearray()
    reader = threading.Thread(target=_read, args=(ours, said), daemon=True)
    reader.start()
    with watching(on_tansu.command("--watch"), theirs) as process:
        os.close(theirs)
        wait_until(lambda: b"1 of 2 members" in said, within_s=START_S, what="the first page")
        serving(on_tansu)
        wait_until(lambda: b"2 of 2 members" in said, within_s=START_S, what="the change")
        process.send_signal(signal.SIGINT)
        assert process.wait(END_S) == 0
    reader.join(END_S)
    os.close(ours)

    first, *others = said.decode().split("\x1b[J")[1:]
    assert first.count("\r\n") == 3
    assert "\x1b[33mCreated\x1b[0m" in first
    assert first.endswith("\x1b[3F")  # up over its own rows, before the next page
    assert "\x1b[32mActive\x1b[0m" in others[-1]


def _read(terminal: int, said: bytearray) -> None:
    """Read what is written on a terminal until it is closed."""
    with suppress(OSError):
        while data := os.read(terminal, 4096):
            said += data
