"""moto's EC2 server, nearer to AWS for libcloud, with faults on demand. Runs on its own: `server.py PORT`.

Where moto differs from AWS, and libcloud shows it, the answer is put right (``Shim``): the namespace's last slash, the
shape of errors, client tokens, which moto takes and ignores; for ELB its path, and the words for an instance that is
not registered. Instances named by ``POST /draining`` are said to drain once they were taken out. Between client and
shim stands ``Faults``: what it is told by ``POST /faults`` it does to the next calls. ``GET /calls`` tells what came
in.
"""

import io
import json
import re
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from moto.ec2.models import ec2_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

Answer = tuple[str, list[tuple[str, str]], bytes]
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
ELB_ERROR = (
    '<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
)
CODES = {429: "Too Many Requests", 503: "Service Unavailable", 500: "Internal Server Error", 400: "Bad Request"}
DRAINS = b"Instance deregistration currently in progress."
NOT_REGISTERED = b"Instance is not currently registered with the LoadBalancer."
ERROR = (
    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    "<RequestID>0</RequestID></Response>"
)


def called(environ: dict[str, Any]) -> dict[str, str]:
    """Return the parameters of an EC2 call, and leave its body readable."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return dict(parse_qsl(environ.get("QUERY_STRING", ""))) | dict(parse_qsl(body.decode()))


def answered(app: App, environ: dict[str, Any]) -> Answer:
    """Call an application and return its whole answer."""
    said: list[Any] = []
    body = b"".join(app(environ, lambda status, headers, _exc=None: said.extend((status, headers))))
    return said[0], [(k, v) for k, v in said[1] if k.lower() != "content-length"], body


class Shim:
    """moto, with AWS' words."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tokens: dict[str, Answer] = {}
        self._draining: set[str] = set()
        self._one = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        if environ["PATH_INFO"] == "/moto-api/reset":
            self._tokens.clear()
            self._draining.clear()
        if environ["PATH_INFO"] == "/draining":
            self._draining = set(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
            yield from _said(start, "200 OK", "{}")
            return
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/2012-06-01") or "/"
        token = called(environ).get("ClientToken", "")
        with self._one:
            status, headers, body = self._tokens.get(token) or self._asked(environ)
            if token and int(status[:3]) < 400:
                self._tokens[token] = (status, headers, body)
        start(status, headers)
        yield body

    def _asked(self, environ: dict[str, Any]) -> Answer:
        status, headers, body = answered(self._app, environ)
        body = re.sub(rb'(xmlns="http://ec2.amazonaws.com/doc/[0-9-]+)"', rb'\1/"', body)
        if int(status[:3]) >= 400:
            body = re.sub(rb"<Response xmlns=[^>]*>", b"<Response>", body)
        if b"<DescribeInstanceHealthResult>" in body:
            body = re.sub(rb"<member>.*?</member>", self._health, body, flags=re.DOTALL)
        return status, headers, body

    def _health(self, member: re.Match[bytes]) -> bytes:
        """Say in AWS' words what moto calls an unknown state: it is not registered, or drains."""
        said = member[0]
        if b"<State>Unknown</State>" not in said:
            return said
        drains = any(f"<InstanceId>{each}</InstanceId>".encode() in said for each in self._draining)
        state, why = (b"InService", DRAINS) if drains else (b"OutOfService", NOT_REGISTERED)
        return said.replace(b"Unknown", state).replace(
            b"<Description>N/A</Description>", b"<Description>%s</Description>" % why
        )


class Faults:
    """The way to the cloud: each fault is {action, kind, times, ...} and meets the next calls that fit."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._script: list[dict[str, Any]] = []
        self._calls: deque[dict[str, str]] = deque(maxlen=10_000)
        self._met: Counter[str] = Counter()
        """Faults that were met since they were told, by status or kind."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if (told := self._told(environ)) is not None:
            return _said(start, "200 OK", told)
        call = called(environ)
        who = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        call |= {"key": who[1] if who else ""}
        self._calls.append(call)
        fault = self._next(call)
        if fault is None:
            return self._app(environ, start)
        if fault["kind"] == "late":  # done, and then no answer in time
            answer = answered(self._app, environ)
            threading.Event().wait(fault["s"])
            start(answer[0], answer[1])
            return [answer[2]]
        if fault["kind"] == "torn":  # done, and then half of the answer
            status, headers, body = answered(self._app, environ)
            start(status, headers)
            return [body[: len(body) // 2]]
        shape = ELB_ERROR if call.get("Version") == "2012-06-01" else ERROR
        said = fault.get("body") or shape.format(code=fault["code"], message=fault.get("message", "said so"))
        return _said(start, f"{fault['status']} {CODES.get(int(fault['status']), 'Error')}", said)

    def _told(self, environ: dict[str, Any]) -> str | None:
        """Answer a test that tells faults, or asks what came in; nothing to anybody else."""
        match environ["PATH_INFO"]:
            case "/met":
                return json.dumps(self._met)
            case "/calls":
                return json.dumps(list(self._calls))
            case "/faults":
                self._script = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
                self._calls.clear()
                self._met.clear()
                return "{}"
        return None

    def _next(self, call: dict[str, str]) -> dict[str, Any] | None:
        for fault in self._script:
            meant = not fault.get("only") or fault["only"] in call.values()
            if meant and fault["action"] == call.get("Action") and fault.get("times", 1) > 0:
                if fault["kind"] == "full" and self._alive() < fault["room"]:
                    continue
                fault["times"] = fault.get("times", 1) - 1
                self._met[str(fault.get("status", fault["kind"]))] += 1
                return fault
        return None

    def _alive(self) -> int:
        there = [i for region in ec2_backends["123456789012"].values() for i in region.all_instances()]
        return sum(instance.state != "terminated" for instance in there)


def _said(start: Callable[..., Any], status: str, body: str) -> list[bytes]:
    start(status, [("Content-Type", "application/json" if body[:1] in "[{" else "text/xml")])
    return [body.encode()]


if __name__ == "__main__":
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), Faults(Shim(moto)), threaded=True)
