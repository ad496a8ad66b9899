"""Many probes at once: the same answers as one by one, and nobody waits for anybody."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

import pytest

from streams.agent import probes as module
from streams.agent.probe import Probe
from streams.agent.probes import ask_all

ANSWERS = {
    "well": b"HTTP/1.1 204 No Content\r\n\r\n",
    "elsewhere": b"HTTP/1.1 302 Found\r\n\r\n",
    "busy": b"HTTP/1.1 503 Busy\r\n\r\n",
    "no HTTP": b"SSH-2.0\r\n",
    "half": b"HTTP/1.1 20",
    "garbage": b"x" * 4096,
    "wordless": b"",
}


class Server:
    """Answers every connection with the same bytes and closes it; ``None``: accepts, and never answers."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=300)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        if answer is not None:
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._answer is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(self._answer or b"")

    def probe(self, *, path: str = "/health", timeout_s: float = 5.0) -> Probe:
        return Probe(host="127.0.0.1", port=self.port, path=path, timeout_s=timeout_s)


@pytest.fixture
def hanging() -> Iterator[Server]:
    with Server(None) as server:
        yield server


def test_the_answers_are_those_of_one_probe_at_a_time() -> None:
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as taken:
        asked = {name: stack.enter_context(Server(answer)).probe() for name, answer in ANSWERS.items()}
        asked["port"] = Probe(host="127.0.0.1", port=taken.getsockname()[1])
        taken.close()
        asked["nobody"], asked["no address"] = asked["port"], Probe(host="999.1.1.1", port=80)
        asked["open"] = stack.enter_context(Server(None)).probe(path="")
        one_by_one = {name: probe.ask() for name, probe in asked.items()}

        assert ask_all(asked, within_s=10.0) == one_by_one
    assert {name for name, well in one_by_one.items() if well} == {"well", "elsewhere", "open"}


def test_probes_that_hang_take_their_own_time_all_at_once(hanging: Server) -> None:
    with Server(ANSWERS["well"]) as well:
        asked = {i: (well if i % 10 == 0 else hanging).probe(timeout_s=0.4) for i in range(100)}
        began = time.monotonic()
        answers = ask_all(asked, within_s=0.5)

    assert time.monotonic() - began < 100 * 0.4 / 4  # not one after the other
    assert answers == {i: i % 10 == 0 for i in range(100)}


def test_who_cannot_be_asked_in_time_is_not_in_the_answer(hanging: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WIDTH", 4)

    answers = ask_all({i: hanging.probe(timeout_s=0.2) for i in range(20)}, within_s=0.3)

    assert answers == dict.fromkeys(range(4), False)


def test_more_than_go_at_once_are_asked_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WIDTH", 3)
    with Server(ANSWERS["well"]) as well:
        assert ask_all({i: well.probe() for i in range(20)}, within_s=20.0) == dict.fromkeys(range(20), True)


def test_nobody_to_ask() -> None:
    assert ask_all({}, within_s=1.0) == {}
