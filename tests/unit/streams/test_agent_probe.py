"""The probe: what counts as healthy, and that it never takes longer than it may."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from streams.agent.probe import Probe, parse_probe


class Server:
    """Answer the first connection with some bytes, then wait or close."""

    def __init__(self, answer: bytes, *, then_close: bool) -> None:
        self._answer, self._then_close = answer, then_close
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.asked = b""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), self._listener.accept()[0] as connection:
            connection.settimeout(5)
            self.asked = connection.recv(4096)
            connection.sendall(self._answer)
            if not self._then_close:
                self._over.wait(10)

    def stop(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    answer, then_close = request.param
    server = Server(answer, then_close=then_close)
    yield server
    server.stop()


# fmt: off
@pytest.mark.parametrize(
    ("server", "healthy"),
    [
        pytest.param((b"HTTP/1.1 200 OK\r\n\r\n", True), True, id="200"),
        pytest.param((b"HTTP/1.0 204 No Content\r\n\r\n", True), True, id="204 over HTTP/1.0"),
        pytest.param((b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", True), True, id="a redirection is an answer"),
        pytest.param((b"HTTP/1.1 200 OK\r\n", False), True, id="the body is not waited for"),
        pytest.param((b"HTTP/1.1 404 Not Found\r\n\r\n", True), False, id="404"),
        pytest.param((b"HTTP/1.1 503 Busy\r\n\r\n", True), False, id="503"),
        pytest.param((b"HTTP/1.1 2000 Odd\r\n\r\n", True), False, id="no status"),
        pytest.param((b"SSH-2.0-OpenSSH\r\n", True), False, id="not HTTP"),
        pytest.param((b"", True), False, id="closed without a word"),
        pytest.param((b"HTTP/1.1 20", False), False, id="an answer that never ends in time"),
        pytest.param((b"x" * 4096, False), False, id="endless garbage"),
    ],
    indirect=["server"],
)
def test_http(server: Server, *, healthy: bool) -> None:
    probe = parse_probe("http:/health?deep=1", address=f"127.0.0.1:{server.port}", timeout_s=0.3)

    assert probe is not None
    assert probe.ask() is healthy
    assert server.asked.startswith(f"GET /health?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n".encode())
# fmt: on


@pytest.mark.parametrize("server", [(b"", False)], indirect=True)
def test_tcp_needs_no_answer(server: Server) -> None:
    assert Probe(host="127.0.0.1", port=server.port).ask() is True


@pytest.mark.parametrize("path", ["", "/"])
def test_nobody_listens(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])

    assert Probe(host="127.0.0.1", port=port, path=path).ask() is False


def test_an_empty_probe_is_none() -> None:
    assert parse_probe("", address="") is None


def test_an_address_of_version_6() -> None:
    assert parse_probe("tcp", address="[::1]:80") == Probe(host="::1", port=80)


@pytest.mark.parametrize(
    ("text", "address", "said"),
    [
        pytest.param("https:/x", "h:1", "probe 'https:/x': must be", id="unknown kind"),
        pytest.param("http:x", "h:1", "probe 'http:x': must be", id="path without slash"),
        pytest.param("http:/a\r\nX: y", "h:1", "must be", id="a line end in the path"),
        pytest.param("http:/a b", "h:1", "must be", id="a space in the path"),
        pytest.param("tcp:80", "h:1", "must be", id="more than tcp"),
        pytest.param("tcp", "", "address '': must be HOST:PORT", id="no address"),
        pytest.param("tcp", "h", "must be HOST:PORT", id="no port"),
        pytest.param("tcp", "h:0", "port in 1..65535", id="port 0"),
        pytest.param("tcp", "h:65536", "port in 1..65535", id="port too large"),
    ],
)
def test_what_cannot_be_is_an_error(text: str, address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        parse_probe(text, address=address)
