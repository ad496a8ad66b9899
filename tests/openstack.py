"""A stand-in for OpenStack, not the real one: as much of Keystone v3, Nova 2.1 and Glance v2 as launching needs.

As the real one: a create is accepted before a host is found (a server that finds none is in error, with its fault), a
server has no address while it is built, lists have pages, a deleted server is gone.
"""

import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "nova-user", "nova-password"
BORN = "2026-01-01T00:00:00Z"
PAGE = 5
"""Servers on one page."""
Answer = tuple[int, dict[str, Any] | None]


class OpenStackStandIn:
    """The state, and what each call does to it. A server is built after it was looked at ``looks`` times."""

    def __init__(self, room: int, looks: int = 1) -> None:
        self.room, self.looks, self.port = room, looks, 0
        self.servers: dict[str, dict[str, Any]] = {}
        self.created: list[dict[str, Any]] = []
        """What was asked for, create by create."""
        self._numbers = itertools.count(1)
        self._one = threading.Lock()
        self._token = uuid.uuid4().hex

    @property
    def url(self) -> str:
        """Return where Keystone is."""
        return f"http://127.0.0.1:{self.port}"

    def alive(self) -> list[str]:
        """Return the names of the servers that are not in error."""
        return sorted(each["name"] for each in self.servers.values() if each["status"] != "ERROR")

    def answer(self, method: str, target: str, body: Any, token: str) -> tuple[int, dict[str, Any] | None, str]:
        """Return status, body and a new token, if any, for one call."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path == "/v3/auth/tokens":
            return self._login(body)
        if token != self._token:
            return 401, {"error": {"message": "The request you have made requires authentication."}}, ""
        with self._one:
            status, said = self._nova(method, path.removeprefix("/v2.1"), query, body)
        return status, said, ""

    def _login(self, body: Any) -> tuple[int, dict[str, Any] | None, str]:
        given = body["auth"]["identity"]["password"]["user"]
        if (given["name"], given["password"]) != (USER, PASSWORD):
            return 401, {"error": {"message": "Invalid username or password"}}, ""
        services = {"nova": "compute", "glance": "image", "neutron": "network"}
        urls = {"compute": f"{self.url}/v2.1"}
        catalog = [_service(kind, name, urls.get(kind, self.url)) for name, kind in services.items()]
        token: dict[str, Any] = {"expires_at": "2999-01-01T00:00:00.000000Z", "catalog": catalog, "roles": []}
        token |= {"user": {"id": "u", "name": USER}, "project": {"id": "p", "name": "p"}}
        return 201, {"token": token}, self._token

    def _nova(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:  # noqa: PLR0911 - a table
        match method, path.strip("/").split("/"):
            case "GET", ["servers", "detail"]:
                return 200, self._page(query.get("marker", [""])[0])
            case "POST", ["servers"]:
                return 202, {"server": {"id": self._create(body["server"])["id"]}}
            case "GET", ["servers", found] if found in self.servers:
                return 200, {"server": self.servers[found]}
            case "DELETE", ["servers", found] if found in self.servers:
                del self.servers[found]
                return 204, None
            case "GET", ["flavors", "detail"]:
                flavor = {"id": "1", "name": "m1.small", "ram": 512, "disk": 1, "vcpus": 1, "swap": "", "links": []}
                return 200, {"flavors": [flavor]}
            case "GET", ["v2", "images"]:
                return 200, {"images": [_image("debian")]}
        return 404, {"itemNotFound": {"message": f"{method} {path} could not be found."}}

    def _page(self, marker: str) -> dict[str, Any]:
        for each in self.servers.values():
            self._build(each)
        ids = list(self.servers)
        begin = ids.index(marker) + 1 if marker else 0
        page = [self.servers[each] for each in ids[begin : begin + PAGE]]
        more = {"rel": "next", "href": f"{self.url}/v2.1/servers/detail?marker={page[-1]['id']}"} if page else {}
        return {"servers": page} | ({"servers_links": [more]} if begin + PAGE < len(ids) else {})

    def _build(self, server: dict[str, Any]) -> None:
        server["looks"] -= 1
        if server["status"] != "BUILD" or server["looks"] > 0:
            return
        if len(self.alive()) > self.room:
            server["status"] = "ERROR"
            server["fault"] = {"code": 500, "message": f"No valid host was found. There is room for {self.room}."}
        else:
            address = {"addr": f"10.2.0.{next(self._numbers)}", "version": 4}
            server |= {"status": "ACTIVE", "addresses": {"private": [address]}}

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        self.created.append(given)
        number = next(self._numbers)
        server = {"id": str(uuid.uuid4()), "name": given["name"], "status": "BUILD", "addresses": {}, "hostId": ""}
        server |= {"metadata": given["metadata"], "created": f"2026-01-01T00:00:00.{number:06}Z", "updated": BORN}
        server |= {"tenant_id": "p", "user_id": "u", "image": {"id": given["imageRef"]}, "looks": self.looks}
        server |= {"flavor": {"id": given["flavorRef"]}, "links": [{"rel": "self", "href": ""}]}
        self.servers[str(server["id"])] = server
        return server


def _service(kind: str, name: str, url: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "endpoints": [{"interface": "public", "region": "RegionOne", "url": url}]}


def _image(name: str) -> dict[str, Any]:
    made = {"id": "i-1", "name": name, "created_at": BORN, "updated_at": BORN, "status": "active", "min_disk": 0}
    return made | {"min_ram": 0, "visibility": "public", "checksum": "", "self": "", "tags": []}


@contextmanager
def running_openstack(room: int, looks: int = 1) -> Iterator[OpenStackStandIn]:
    """Serve a stand-in on a port of 127.0.0.1."""
    stand_in = OpenStackStandIn(room, looks)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(text) if text else None
            status, said, token = stand_in.answer(self.command, self.path, body, self.headers.get("X-Auth-Token", ""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if token:
                self.send_header("X-Subject-Token", token)
            self.end_headers()
            self.wfile.write(b"" if said is None else json.dumps(said).encode())

        do_GET = do_POST = do_DELETE = _do  # noqa: N815 - the server's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand_in.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join(5)
