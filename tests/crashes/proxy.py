"""The way to a Docker engine: a proxy before its socket that does to the next calls what it is told.

Each fault is {"call": "POST /start", "kind": ..., "times": 1}; ``call`` is a method and a part of the path. Kinds:
``answer`` (``status`` and ``text``, nothing is done), ``cut`` (done, and no answer: closed after ``s`` seconds) and
``torn`` (done, and half of the answer).
"""

import socket
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CALL_S = 60.0
PIECE = 65536
HOP = {"connection", "keep-alive"}
"""Headers of one connection, which say nothing about the next."""


class Proxy:
    """A proxy on a port of its own, between ``with`` and its end."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.met: Counter[str] = Counter()
        """Faults that were met, by kind."""
        self._script: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Let the next calls meet these faults, instead of those that were told before."""
        with self._lock:
            self._script = [dict(fault) for fault in faults]

    def next(self, call: str) -> dict[str, Any] | None:
        """Return the fault that a call meets."""
        with self._lock:
            for fault in self._script:
                method, _, part = fault["call"].partition(" ")
                if call.startswith(method) and part in call:
                    self._script.remove(fault)
                    self.met[str(fault.get("status", fault["kind"]))] += 1
                    return fault
        return None


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One connection carries one call."""

        protocol_version = "HTTP/1.1"
        timeout = CALL_S

        def do_GET(self) -> None:
            """Pass a call on, or let it meet its fault."""
            self.close_connection = True
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = proxy.next(f"{self.command} {self.path}")
            if fault is not None and fault["kind"] == "answer":
                self._answer(fault)
                return
            with self._asked(body) as upstream:
                if fault is None:
                    self._pass(upstream)
                else:
                    self._spoil(upstream, fault)

        do_POST = do_DELETE = do_PUT = do_HEAD = do_GET  # noqa: N815 - the names that the server calls

        def _asked(self, body: bytes) -> socket.socket:
            """Send the call to the engine."""
            kept = [f"{name}: {value}" for name, value in self.headers.items() if name.lower() not in HOP]
            head = "\r\n".join([f"{self.command} {self.path} HTTP/1.1", *kept, "Connection: close", "", ""])
            upstream = socket.socket(socket.AF_UNIX)
            upstream.settimeout(CALL_S)
            upstream.connect(proxy.path)
            upstream.sendall(head.encode() + body)
            return upstream

        def _pass(self, upstream: socket.socket) -> None:
            """Hand the answer over, piece by piece."""
            while piece := upstream.recv(PIECE):
                self.wfile.write(piece)

        def _spoil(self, upstream: socket.socket, fault: Mapping[str, Any]) -> None:
            """Let the engine do it, and answer nothing, or half."""
            whole = b"".join(iter(lambda: upstream.recv(PIECE), b""))
            if fault["kind"] == "torn":
                self.wfile.write(whole[: len(whole) // 2])
                return
            threading.Event().wait(float(fault.get("s", 0.0)))

        def _answer(self, fault: Mapping[str, Any]) -> None:
            """Answer in the engine's place."""
            text = f'{{"message": "{fault["text"]}"}}'.encode()
            self.send_response(int(fault["status"]))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
