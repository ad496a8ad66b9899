"""A stand-in for CloudStack, not the real one, which needs Java and MySQL. It keeps machines and checks signatures.

As the real one: a list is cut at a page's size, a deployment is a job and fails as one, a destroyed machine stays to be
seen, and a second machine of one host name is refused.
"""

import base64
import hashlib
import hmac
import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

KEY, SECRET = "cloudstack-key", "cloudstack-secret"
DEFAULT_PAGE = 500


class CloudStackStandIn:
    """The state, and what each command does to it."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.port = 0
        self.machines: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self._hosts = itertools.count(2)
        self._one = threading.Lock()

    def alive(self) -> list[str]:
        """Return the names of the machines that run."""
        return sorted(each["name"] for each in self.machines.values() if each["state"] == "Running")

    def answer(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return status and body for one call."""
        command = query["command"]
        if not _signed(query):
            return 401, {f"{command.lower()}response": {"errorcode": 401, "errortext": "unable to verify credentials"}}
        with self._one:
            found = getattr(self, f"_{command}")(query)
        status = 431 if "errortext" in found else 200
        return status, {f"{command.lower()}response": found}

    def _listZones(self, _: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - CloudStack's name
        return {"count": 1, "zone": [{"id": "z-1", "name": "zone-one"}]}

    def _listTemplates(self, _: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - CloudStack's name
        template = {"id": "t-1", "name": "debian", "hypervisor": "KVM", "format": "QCOW2"}
        return {"count": 1, "template": [template | {"ostypename": "Debian", "displaytext": "Debian"}]}

    def _listServiceOfferings(self, _: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - CloudStack's name
        return {"count": 1, "serviceoffering": [{"id": "s-1", "name": "small", "memory": 512, "cpunumber": 1}]}

    def _listVirtualMachines(self, query: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - CloudStack's name
        found = [each for each in self.machines.values() if query.get("name", "") in each["name"]]
        size, page = int(query.get("pagesize", DEFAULT_PAGE)), int(query.get("page", 1))
        cut = found[(page - 1) * size : page * size]
        return {"count": len(found), "virtualmachine": cut} if cut else {}

    def _deployVirtualMachine(self, query: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - CloudStack's name
        running = [each for each in self.machines.values() if each["state"] == "Running"]
        if any(each["name"] == query["name"] for each in running):
            return {"errorcode": 431, "errortext": f"The vm with hostName {query['name']} already exists"}
        if len(running) >= self.room:
            return self._job(2, {"errortext": f"Unable to create a deployment for VM, room is for {self.room}"})
        made: dict[str, Any] = {"id": str(uuid.uuid4()), "name": query["name"], "displayname": query["displayname"]}
        made |= {"state": "Running" if query.get("startvm", "true").lower() == "true" else "Stopped"}
        made |= {"nic": [{"ipaddress": f"10.1.1.{next(self._hosts)}"}], "created": f"{len(self.machines):06}"}
        self.machines[made["id"]] = made
        return self._job(1, {"virtualmachine": made})

    def _destroyVirtualMachine(self, query: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - CloudStack's name
        self.machines[query["id"]]["state"] = "Destroyed"
        return self._job(1, {"virtualmachine": self.machines[query["id"]]})

    def _queryAsyncJobResult(self, query: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - CloudStack's name
        return self._jobs[query["jobid"]]

    def _job(self, status: int, result: dict[str, Any]) -> dict[str, Any]:
        job = str(uuid.uuid4())
        self._jobs[job] = {"jobid": job, "jobstatus": status, "jobresult": result}
        return {"jobid": job}


def _signed(query: dict[str, str]) -> bool:
    """Say whether the call carries the right signature."""
    given = sorted((k.lower(), v) for k, v in query.items() if k != "signature")
    text = "&".join(f"{k}={quote(v, safe='[]*')}" for k, v in given).lower().replace("+", "%20")
    made = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()).decode()
    return query.get("apiKey") == KEY and hmac.compare_digest(made, query.get("signature", ""))


@contextmanager
def running_cloudstack(room: int) -> Iterator[CloudStackStandIn]:
    """Serve a stand-in on a port of 127.0.0.1."""
    stand_in = CloudStackStandIn(room)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = stand_in.answer(dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

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
