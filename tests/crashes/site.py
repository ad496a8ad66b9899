"""The clouds on which actuators are killed: how they are reached, what they themselves list, and how they fail."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from libcloud.compute.providers import get_driver

from actuators.clouds import docker_box
from actuators.clouds.docker_engine import CALL_S
from actuators.clouds.libcloud_labels import MEMBER
from config.catalogue import load
from tests.acting import DEMO, demo
from tests.clouds import HTTPD
from tests.contracts.ec2_rig import KEY, REGIONS, SECRET
from tests.crashes.proxy import Proxy
from tests.docker_site import Site as Stack
from tests.ec2 import Ec2
from tests.engines import TINY, DockerEngine

STACK = "crashes"
STEADY = {
    "partitionMax: 4": "partitionMax: 8",
    "bootTimeoutSeconds: 30": "bootTimeoutSeconds: 3600",
    "timeoutSeconds: 10": "timeoutSeconds: 1",
}
"""Either partition takes all: one that is said to be full keeps nobody waiting. No balancer says who serves: members
stay Starting, none is given up for that, and a drain waits for nobody's word."""
QUICK = {"stabilizationWindowSeconds: 15": "stabilizationWindowSeconds: 1", "periodSeconds: 5": "periodSeconds: 1"}
ON_EC2 = {
    "  - type: local": "  - {type: ec2, imageId: ami-12345678, property: [{name: instanceType, value: t3.micro}]}",
    "provider: local": "provider: ec2",
}
OTHER_KEY = "AKIACHECKKEY"
"""Who looks here is not who is killed: no fault meets it."""
ACCOUNT = """\
[ec2]
owner = "tests"
identity = "file:{folder}/key"
secret = "file:{folder}/secret"
regions = ["{region}"]
options = {{ host = "127.0.0.1", port = {port}, secure = false }}
calls_per_s = 50.0
look_s = 0.5
poll_s = 0.1
timeout_s = 1.0
"""
EC2_CALLS = ("RunInstances", "RunInstances", "TerminateInstances", "DescribeInstances")
EC2_FAULTS: Sequence[Mapping[str, Any]] = (
    {"kind": "answer", "status": 429, "code": "Throttling"},
    {"kind": "answer", "status": 503, "code": "RequestLimitExceeded"},
    {"kind": "late", "s": 1.5},
    {"kind": "torn"},
)
EC2_FULL = {"action": "RunInstances", "kind": "answer", "status": 500, "code": "InsufficientInstanceCapacity"}
DOCKER_CALLS = ("POST /containers/create", "POST /start", "POST /kill", "DELETE /containers", "GET /containers/json")
DOCKER_FAULTS: Sequence[Mapping[str, Any]] = (
    {"kind": "answer", "status": 429, "text": "too many requests"},
    {"kind": "answer", "status": 503, "text": "service unavailable"},
    {"kind": "cut", "s": 0.3},
    {"kind": "torn"},
)
DOCKER_FULL: Sequence[Mapping[str, Any]] = (
    {"call": "POST /start", "kind": "answer", "status": 500, "text": "driver failed: port is already allocated"},
    {"call": "POST /containers/create", "kind": "answer", "status": 500, "text": "no space left on device"},
)
FULL_SHARE = 0.15
"""How many of the rounds with faults meet a cloud without room."""
SILENT_SHARE = 0.03
"""How many of them wait for Docker's answer until they time out."""


class Site(Protocol):
    """One cloud, asked directly: nothing that Pileus recorded counts."""

    settings: Mapping[str, Any]
    """What its actuators are told."""
    documents: list[tuple[str, bytes]]

    def alive(self) -> dict[str, list[str]]:
        """Return every instance of ours that is not gone, by member; one that does not run is among them, marked."""
        ...

    def launched(self) -> Counter[str]:
        """Return how many instances were ever started, by member."""
        ...

    def disturb(self, chance: np.random.Generator) -> None:
        """Let the next calls of the actuators meet faults."""
        ...

    def met(self) -> dict[str, int]:
        """Return how many calls met a fault, by its kind."""
        ...


class DockerSite:
    """Containers of one stack on an engine; actuators reach it through a proxy."""

    def __init__(self, engine: DockerEngine, proxy: Proxy, folder: Path) -> None:
        self.stack = Stack(engine, folder / "docker", STACK)
        self.settings: Mapping[str, Any] = {"docker_host": proxy.url, "stack": STACK, "agents": "node"}
        self.documents = list(demo(folder / "definitions", HTTPD, image=TINY, changes=STEADY).documents())
        self._proxy = proxy

    def alive(self) -> dict[str, list[str]]:
        """Return the containers of the stack, by the member in their label."""
        filters = {"label": f"{docker_box.STACK}={STACK}"}
        found = dict[str, list[str]]()
        for each in self.stack.client.containers(all=True, filters=filters):
            mark = "" if each["State"] == "running" else f" {each['State']}"
            member = each["Labels"].get(docker_box.MEMBER, "?")
            found.setdefault(member, []).append(f"container-{each['Id'][:12]}{mark}")
        return found

    def launched(self) -> Counter[str]:
        """Return how often a container was started, as the engine's events say."""
        return self.stack.starts()

    def disturb(self, chance: np.random.Generator) -> None:
        """Let two calls fail, and now and then the engine be full, or silent for longer than is waited."""
        faults = [{**_one(chance, DOCKER_FAULTS), "call": str(chance.choice(DOCKER_CALLS))} for _ in range(2)]
        if chance.random() < FULL_SHARE:
            faults = [_one(chance, DOCKER_FULL)]
        elif chance.random() < SILENT_SHARE:
            faults = [{"call": str(chance.choice(DOCKER_CALLS[:2])), "kind": "cut", "s": CALL_S + 1.0}]
        self._proxy.faults(*faults)

    def met(self) -> dict[str, int]:
        """Return the faults that the proxy did."""
        return dict(self._proxy.met)

    def close(self) -> None:
        """Leave nothing on the engine."""
        for each in self.stack.client.containers(all=True, filters={"label": f"{docker_box.STACK}={STACK}"}):
            self.stack.client.remove_container(each["Id"], force=True, v=True)
        for volume in self.stack.client.volumes(filters={"label": f"{docker_box.STACK}={STACK}"})["Volumes"] or []:
            self.stack.client.remove_volume(volume["Name"])
        self.stack.client.close()


class Ec2Site:
    """Instances of one account at moto's EC2."""

    def __init__(self, server: Ec2, folder: Path) -> None:
        server.reset()
        (folder / "key").write_text(KEY)
        (folder / "secret").write_text(SECRET)
        accounts = folder / "clouds.toml"
        accounts.write_text(ACCOUNT.format(folder=folder, region=REGIONS[0], port=server.port))
        self.settings: Mapping[str, Any] = {"clouds_file": str(accounts)}
        self.documents = _documents(folder / "definitions")
        self._server = server
        self._met: Counter[str] = Counter()
        made = get_driver("ec2")
        where = {"region": REGIONS[0], "secure": False, "host": "127.0.0.1", "port": server.port}
        self._driver: Any = made(OTHER_KEY, "s", signature_version="4", **where)

    def alive(self) -> dict[str, list[str]]:
        """Return the instances with our tag that are not terminated, by the member in their tag."""
        found = dict[str, list[str]]()
        for node in self._nodes():
            if node.extra["status"] != "terminated":
                mark = "" if node.extra["status"] == "running" else f" {node.extra['status']}"
                found.setdefault(node.extra["tags"].get(MEMBER, "?"), []).append(f"{node.id}{mark}")
        return found

    def launched(self) -> Counter[str]:
        """Return how many instances moto ever made, by member: it lists the terminated ones too."""
        return Counter(node.extra["tags"].get(MEMBER, "?") for node in self._nodes())

    def disturb(self, chance: np.random.Generator) -> None:
        """Let two calls fail, and now and then the cloud be full."""
        self._count()
        faults = [{**_one(chance, EC2_FAULTS), "action": str(chance.choice(EC2_CALLS))} for _ in range(2)]
        if chance.random() < FULL_SHARE:
            faults = [EC2_FULL]
        self._server.faults(*({**fault, "only": KEY} for fault in faults))

    def met(self) -> dict[str, int]:
        """Return the faults that the server did."""
        self._count()
        self._server.faults()
        return dict(self._met)

    def close(self) -> None:
        """Forget every instance."""
        self._server.reset()

    def _nodes(self) -> list[Any]:
        """Return every instance there ever was."""
        return list(self._driver.list_nodes())

    def _count(self) -> None:
        self._met.update(self._server.met())


def _one(chance: np.random.Generator, faults: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return dict(faults[int(chance.integers(len(faults)))])


def _documents(folder: Path) -> list[tuple[str, bytes]]:
    """Return the demo's definitions for EC2."""
    folder.mkdir()
    for path in DEMO.glob("*.yaml"):
        text = path.read_text()
        for old, new in (ON_EC2 | QUICK | STEADY).items():
            text = text.replace(old, new)
        (folder / path.name).write_text(text)
    return list(load([folder]).documents())


@contextmanager
def docker_site(engine: DockerEngine, folder: Path) -> Iterator[DockerSite]:
    """Open a stack behind a proxy, and leave nothing of it."""
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(engine.url.removeprefix("unix://")))
        site = DockerSite(engine, proxy, folder)
        stack.callback(site.close)
        yield site


@contextmanager
def ec2_site(server: Ec2, folder: Path) -> Iterator[Ec2Site]:
    """Open an account that has nothing yet."""
    site = Ec2Site(server, folder)
    try:
        yield site
    finally:
        site.close()
