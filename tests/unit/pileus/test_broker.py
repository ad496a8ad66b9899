"""What counts as the answer of a broker."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pileus.stack.broker import answers


def framed(*numbers: int) -> bytes:
    """Return a message of 32-bit numbers after its size, as a broker sends it."""
    return struct.pack(f">{len(numbers) + 1}i", 4 * len(numbers), *numbers)


@contextmanager
def server(said: bytes) -> Iterator[str]:
    """Answer one connection with ``said``, whatever is asked; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        pytest.param(framed(1, 0, 3), True, id="three brokers are known"),
        pytest.param(framed(1, 0, 0), False, id="no broker is known yet"),
        pytest.param(framed(2, 0, 1), False, id="the answer to another question"),
        pytest.param(b"", False, id="nothing is said"),
        pytest.param(framed(1, 0, 1)[:-1], False, id="the answer breaks off"),
        pytest.param(struct.pack(">i", 4) + b"HTTP", False, id="the answer is too short"),
        pytest.param(struct.pack(">i", -1), False, id="the size is negative"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", False, id="another protocol"),
    ],
)
def test_an_answer(said: bytes, *, answered: bool) -> None:
    with server(said) as address:
        assert answers(address) is answered


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "", "127.0.0.1:http", "127.0.0.1:99999"])
def test_nobody_there_is_no_answer(address: str) -> None:
    assert not answers(address)
