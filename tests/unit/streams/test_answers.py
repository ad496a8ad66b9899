"""The small server that a worker tells its health with: what it answers, and that nobody can hold it up."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

import pytest

from streams import answers
from streams.answers import Answer, ListenError, answering

PAGES = {"/well": lambda: Answer(b"ok\n"), "/ill": lambda: Answer(b"no\n", HTTPStatus.SERVICE_UNAVAILABLE)}


async def ask(port: int, question: bytes) -> bytes:
    """Return all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
        with suppress(ConnectionResetError):
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("question", "status", "body"),
    [
        pytest.param(b"GET /well HTTP/1.1\r\nHost: x\r\n\r\n", 200, b"ok\n", id="a page"),
        pytest.param(b"GET /well?x=1 HTTP/1.0\r\n\r\n", 200, b"ok\n", id="with a query"),
        pytest.param(b"HEAD /well HTTP/1.1\r\n\r\n", 200, b"", id="its head"),
        pytest.param(b"GET /ill HTTP/1.1\r\n\r\n", 503, b"no\n", id="a page that is ill"),
        pytest.param(b"GET /other HTTP/1.1\r\n\r\n", 404, b"no such page\n", id="no page"),
        pytest.param(b"POST /well HTTP/1.1\r\n\r\n", 405, b"GET and HEAD only\n", id="a change"),
        pytest.param(b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 404, b"no such page\n", id="no text"),
        pytest.param(b"hello\r\n\r\n", 400, b"not a request\n", id="no request"),
        pytest.param(b"GET /" + b"x" * 2 * answers.LONGEST, 400, b"not a request\n", id="without end"),
    ],
)
async def test_a_question_is_answered(question: bytes, status: int, body: bytes) -> None:
    async with answering("127.0.0.1", 0, PAGES) as port:
        head, _, found = (await ask(port, question)).partition(b"\r\n\r\n")

    assert (head.split(b" ", 2)[1], found) == (str(status).encode(), body)


async def test_the_silent_are_hung_up_on_and_others_are_answered_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WITHIN_S", 0.3)
    async with answering("127.0.0.1", 0, PAGES) as port:
        silent = asyncio.create_task(ask(port, b"GET /we"))
        answer = await ask(port, b"GET /well HTTP/1.1\r\n\r\n")

        assert not silent.done()
        assert answer.endswith(b"ok\n")
        assert await silent == b""


async def test_more_connections_than_are_answered_at_once_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "AT_ONCE", 2)
    async with answering("127.0.0.1", 0, PAGES) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]

        with suppress(ConnectionResetError):
            assert await ask(port, b"GET /well HTTP/1.1\r\n\r\n") == b""
        for _, writer in held:
            writer.write(b"GET /well HTTP/1.1\r\n\r\n")
        assert all([(await reader.read()).endswith(b"ok\n") for reader, _ in held])
        for _, writer in held:
            writer.close()
            await writer.wait_closed()


async def test_a_port_that_is_taken_is_told() -> None:
    async with answering("127.0.0.1", 0, PAGES) as port:
        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with answering("127.0.0.1", port, PAGES):
                pass
