"""Between Pileus and the API server: passes everything on, until it is told to fail, and writes down what was asked."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

from tests.kubernetes_stand_in.server import Plane

LEFT_ALONE_S = 30.0
SILENT_S = 1.0


@dataclass
class Fault:
    """One way to fail: which calls, how, how many of them."""

    method: str
    path: str
    """Pattern that the path must have somewhere."""
    status: int = 0
    """Answer with it, and do nothing; 0: do what was asked, and let the caller wait in vain."""
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    times: int = 1
    event: int = 0
    """A watch is opened, and ends with an event of this status."""
    after: int = 0
    """So many calls of the kind pass before."""
    unsent: bool = False
    """The connection breaks before anything is done."""
    wait_s: float = SILENT_S
    """How long the caller waits in vain before the connection breaks (s)."""


class Proxy:
    """The proxy, on a port of 127.0.0.1."""

    def __init__(self, plane: Plane) -> None:
        self.port = 0
        self.calls: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self._one = threading.Lock()
        self._pool = urllib3.PoolManager(retries=False, maxsize=50)
        self._plane = plane

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, method: str, path: str) -> int:
        """Return how many calls of a kind there were."""
        return sum(each == method and re.search(path, where) is not None for each, where in self.calls)

    def fault(self, method: str, path: str) -> Fault | None:
        """Write a call down, and return how it fails."""
        with self._one:
            self.calls.append((method, path))
            for each in self.faults:
                if each.times > 0 and each.method in {"", method} and re.search(each.path, path):
                    each.after -= 1
                    if each.after >= 0:
                        continue
                    each.times -= 1
                    return each
        return None

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """Ask the API server."""
        return self._pool.request(
            method,
            self._plane.url + path,
            body=body or None,
            headers=headers,
            preload_content=False,
            timeout=LEFT_ALONE_S,
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy
    ending: threading.Event

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.fault(self.command, self.path)
        if fault is not None and fault.status:
            self._answer(fault.status, _status(fault.status, fault.reason), dict(fault.headers))
            return
        if fault is not None and fault.event:
            event = {"type": "ERROR", "object": json.loads(_status(fault.event, fault.reason))}
            self._answer(200, json.dumps(event).encode() + b"\n", {})
            return
        if fault is not None and fault.unsent:
            self.close_connection = True
            return
        given = {
            name: self.headers[name] for name in ("Authorization", "Content-Type", "Accept") if name in self.headers
        }
        answer = self.proxy.forward(self.command, self.path, body, given)
        if fault is not None:
            _ = answer.data
            self.ending.wait(fault.wait_s)
            self.close_connection = True
            return
        self._pass_on(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the server's names

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(self, answer: Any) -> None:
        """Pass an answer on as it comes; the connection ends with it."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError, urllib3.exceptions.HTTPError):
            while not self.ending.is_set() and (chunk := answer.read1(2**16)):
                self.wfile.write(chunk)
        answer.close()

    def log_message(self, *_: object) -> None:
        pass


def _status(code: int, reason: str) -> bytes:
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
    return json.dumps({**said, "metadata": {}, "message": f"told to answer {code}"}).encode()


@contextmanager
def running_proxy(plane: Plane) -> Iterator[Proxy]:
    """Serve a proxy before the API server."""
    proxy, ending = Proxy(plane), threading.Event()
    handler = type("Handler", (_Handler,), {"proxy": proxy, "ending": ending})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        proxy.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield proxy
        finally:
            ending.set()
            server.shutdown()
            thread.join(5)
