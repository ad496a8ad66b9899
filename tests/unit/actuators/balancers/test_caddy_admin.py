"""The client of Caddy's admin API, before servers that misbehave."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from actuators.balancers.caddy_admin import Admin
from actuators.ports import BalancerError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"


class Script:
    """Plays one list of answers per connection, then closes it; ``None`` never answers."""

    def __init__(self, *connections: list[bytes | None]) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, args=(connections,))
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        self._server.close()

    def _play(self, connections: tuple[list[bytes | None], ...]) -> None:
        for answers in connections:
            connection, _ = self._server.accept()
            with connection:
                for answer in answers:
                    connection.recv(65536)
                    if answer is None:
                        self._over.wait(10)
                        return
                    connection.sendall(answer)


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Script]:
    script = Script(*request.param)
    yield script
    script.close()


@pytest.mark.parametrize("play", [[[OK + CHUNKED]]], indirect=True)
async def test_answers_come_in_the_order_of_the_questions_on_one_connection(play: Script) -> None:
    admin = Admin(play.address)

    assert await admin.get("/a", "/b") == ["hi", "hi"]
    admin.close()


@pytest.mark.parametrize("play", [[[OK]]], indirect=True)
async def test_who_asks_the_same_at_the_same_moment_gets_the_same_answer(play: Script) -> None:
    admin = Admin(play.address)

    assert tuple(await asyncio.gather(admin.get("/a"), admin.get("/a"), admin.get("/a"))) == (["hi"],) * 3
    admin.close()


@pytest.mark.parametrize("play", [[[OK, OK.replace(b"hi", b"yo")]]], indirect=True)
async def test_a_question_is_asked_after_it_was_put(play: Script) -> None:
    admin = Admin(play.address)
    first = asyncio.create_task(admin.get("/a"))
    while admin._connection is None:
        await asyncio.sleep(0)

    assert tuple(await asyncio.gather(first, admin.get("/a"))) == (["hi"], ["yo"])
    admin.close()


@pytest.mark.parametrize("play", [[[OK], [OK]]], indirect=True)
async def test_a_kept_connection_that_was_closed_is_opened_anew(play: Script) -> None:
    admin = Admin(play.address)
    await admin.get("/a")

    assert await admin.get("/b") == ["hi"]
    admin.close()


@pytest.mark.parametrize(
    ("play", "error"),
    [
        pytest.param([[None]], "does not answer: TimeoutError", id="silent"),
        pytest.param([[b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad"]], "/a answered 500: bad", id="an error"),
        pytest.param([[b"220 mail\r\n"]], "does not answer: (ValueError|IncompleteRead)", id="no HTTP"),
        pytest.param(
            [[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"]], "does not answer: IncompleteRead", id="cut"
        ),
        pytest.param([[OK[:-2] + b"\xff\xff"]], "does not answer: UnicodeDecodeError", id="no text"),
        pytest.param([[]], "does not answer: ", id="closed at once"),
    ],
    indirect=["play"],
)
async def test_whatever_else_it_says_is_a_balancer_error(play: Script, error: str) -> None:
    admin = Admin(play.address, timeout_s=0.2)

    with pytest.raises(BalancerError, match=error):
        await admin.get("/a")
    admin.close()
