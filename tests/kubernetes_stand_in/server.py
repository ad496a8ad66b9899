"""The API server's HTTP, on a port of 127.0.0.1: plain, without TLS."""

import hashlib
import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.kubernetes_stand_in.api import Answer, Api
from tests.kubernetes_stand_in.store import Object, Store

IDLE_S = 60.0
"""A connection that says nothing for longer is closed (s)."""


class Plane:
    """A stand-in that serves: its store, its API, and how it is reached."""

    def __init__(self, directory: Path) -> None:
        self.ending = threading.Event()
        self.store = Store()
        self.api = Api(self.store, stopped=self.ending.is_set)
        self.port = 0
        self._directory = directory

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, token: str, *, url: str = "") -> Path:
        """Return a kubeconfig for whoever has a token."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": {"server": url or self.url}}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "user"}}],
            "current-context": "tests",
        }
        name = hashlib.sha256(f"{token} {url}".encode()).hexdigest()[:8]
        file = self._directory / f"kubeconfig-{name}"
        file.write_text(json.dumps(content))
        return file

    def forget(self) -> None:
        """Forget what happened so far: watches and pages from before get 410."""
        self.store.forget()
        self.api.lists.forget()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    wbufsize = 2**16
    plane: Plane

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.plane.api.handle(
            self.command,
            self.path,
            authorization=self.headers.get("Authorization", ""),
            content_type=self.headers.get("Content-Type", ""),
            body=body,
        )
        if answer.events is not None:
            self._stream(answer.events)
        else:
            self._say(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the server's names

    def _say(self, answer: Answer) -> None:
        kind = "application/json" if answer.body is not None else "text/plain"
        said = json.dumps(answer.body).encode() if answer.body is not None else b"404 page not found\n"
        self.send_response(answer.code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _stream(self, events: Iterator[Object]) -> None:
        """Say events as they come, a line and a chunk each, until the caller leaves."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        with suppress(OSError):
            for event in events:
                line = json.dumps(event).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
                if self._left():
                    break
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        self.close_connection = True

    def _left(self) -> bool:
        """Say whether the caller has closed the connection."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads, block_on_close = True, False

    def handle_error(self, *_: object) -> None:
        """Say nothing of callers that leave: tests do that on purpose."""


@contextmanager
def running_plane(directory: Path) -> Iterator[Plane]:
    """Serve an empty API; kubeconfigs are written into a folder."""
    plane = Plane(directory)
    with _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"plane": plane})) as server:
        plane.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="stand-in")
        thread.start()
        try:
            yield plane
        finally:
            plane.ending.set()
            server.shutdown()
            thread.join(5)
