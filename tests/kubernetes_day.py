"""The whole of Pileus on pods under a load that rises and falls, its actuator killed while it launches.

    python -m tests.kubernetes_day --cycles 3

Worker, actuator and balancer agent are the commands of ``pileus``, HAProxy is real, and so are requests, pods' programs
and their agents. The API server is our stand-in, and pods are processes of this machine, each at an address of its own:
it is not Kubernetes. In each cycle the load asks for more pods, the actuator is killed after it has asked for one and
before it knows the answer, another one goes on; then the load falls until one pod is left. In the end the application
is withdrawn. What came of it is written as JSON; exit code 1 when a request failed, a pod ran twice, one that served
was told to end undrained, or something was left.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.haproxy_process import Haproxy
from config.catalogue import Catalogue, load
from config.settings import Settings
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics, publish_definitions
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Member, State
from streams.topics import MEMBERS
from tests.balancing import sending
from tests.clouds import free_ports
from tests.kubernetes_stand_in.faults import Fault, Proxy, running_proxy
from tests.kubernetes_stand_in.processes import ProcessKubelet, processes
from tests.kubernetes_stand_in.site import Site, running_cluster
from tests.pieces import Piece, Reader, carrying, fast, running

CLUSTER = "shop-web"
MOST = 6
"""``partitionMax``."""
BASE, EXTRA = 2.0, 10.0
"""Requests per second, each of which takes 2.5 s: one pod carries the first, four both."""
ENOUGH = 3
"""Pods that serve before the load falls again."""
UP_S, WITHIN_S, LOOK_S = 60.0, 90.0, 0.1
ENDED = re.compile(r"stopped with (\d+) requests in flight")
DEFINITIONS = Path(__file__).with_suffix(".yaml")


@dataclass(slots=True)
class Day:
    """What came of it."""

    cycles: int = 0
    sent: int = 0
    failed: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    most: int = 0
    """Pods that there were, at most."""
    pods: int = 0
    """Pods that ran."""
    twice: list[str] = field(default_factory=list)
    """Names under which a program was started more than once."""
    killed: int = 0
    """Actuators that were killed while they launched."""
    held: list[str] = field(default_factory=list)
    """Pods that had been created then and were still behind their gate."""
    lost: list[str] = field(default_factory=list)
    """Those of them that nobody took up."""
    undrained: list[str] = field(default_factory=list)
    """Pods that served, and were told to end while they were no Draining member, or with requests in flight."""
    sigkills: list[str] = field(default_factory=list)
    """Pods that outlived their grace."""
    left: list[str] = field(default_factory=list)
    """Pods, or processes of pods, after the end."""
    up_s: list[float] = field(default_factory=list)
    """From more load until enough pods served, the kill included, by cycle."""
    down_s: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Say whether nothing went wrong."""
        wrong = self.failed or self.twice or self.lost or self.undrained or self.sigkills or self.left
        return bool(self.sent and len(self.held) >= self.killed) and self.most <= MOST and not wrong

    def count(self, answers: Counter[str]) -> None:
        """Add what a client was answered."""
        self.answers = dict(Counter(self.answers) + answers)
        self.sent += answers.total()
        self.failed += sum(n for answer, n in answers.items() if not answer.endswith(" 200"))


class Watch:
    """What the topic of members and the API server say."""

    def __init__(self, reader: Reader, site: Site, day: Day) -> None:
        self._reader, self._site, self._day = reader, site, day
        self._members: dict[str, Member] = {}
        self.served: set[str] = set()
        """Who was ever Active."""
        self.draining: dict[str, float] = {}
        """When a member was recorded Draining (s since the Unix epoch)."""
        self.pods: list[str] = []

    def look(self) -> None:
        """Read on."""
        self._reader.look()
        for record in self._reader.records(MEMBERS, MEMBER):
            if isinstance(record, Member):
                self._members[record.member] = record
                if record.state is State.ACTIVE:
                    self.served.add(record.member)
                elif record.state is State.DRAINING:
                    self.draining.setdefault(record.member, record.at)
        for messages in self._reader.messages.values():
            messages.clear()
        self.pods = sorted(self._site.pods())
        self._day.most = max(self._day.most, len(self.pods))

    def serving(self) -> int:
        """Return how many members serve."""
        return sum(each.state is State.ACTIVE for each in self._members.values())

    def said(self) -> str:
        """Return who is in which state."""
        return ", ".join(f"{m.member} {m.state} {m.reason}" for m in self._members.values()) + f"; pods {self.pods}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a day is made of."""

    url: str
    broker: str
    actuate: Piece
    site: Site
    proxy: Proxy
    kubelet: ProcessKubelet
    watch: Watch


async def day(directory: Path, *, cycles: int) -> Day:
    """Let the load rise and fall so often."""
    result = Day()
    async with _site(directory, result) as parts:
        watch = parts.watch
        await _until(watch, lambda: watch.serving() >= 1, "the first member")
        async with sending(parts.url, rate=BASE, count=result.count):
            for _ in range(cycles):
                await _cycle(parts, result)
                sys.stderr.write(f"cycle {result.cycles}: {result}\n")
        publish_definitions(parts.broker, [(f"application/default/{CLUSTER.partition('-')[0]}", None)])
        await _until(watch, lambda: not watch.pods, "no pod is left")
    kubelet = parts.kubelet
    result.pods = len(kubelet.starts)
    result.twice = [name for name, times in kubelet.starts.items() if times > 1]
    result.lost = [name for name in result.held if name not in kubelet.starts]
    result.sigkills = kubelet.kills
    result.undrained = [name for name in sorted(watch.served) if not _was_drained(name, parts, directory)]
    result.left += watch.pods + carrying(directory)
    return result


async def _cycle(parts: Parts, result: Day) -> None:
    """Raise the load, kill the actuator meanwhile, and let the load fall."""
    loop, watch = asyncio.get_running_loop(), parts.watch
    began = loop.time()
    fault = Fault("POST", r"/pods(\?|$)", wait_s=WITHIN_S)
    parts.proxy.faults[:] = [fault]
    async with sending(parts.url, rate=EXTRA, count=result.count):
        await _until(
            watch, lambda: fault.times == 0 and len(watch.pods) > 1, "a pod whose creator waits for the answer"
        )
        await asyncio.to_thread(parts.actuate.kill)
        result.killed += 1
        result.held += [name for name, pod in parts.site.pods().items() if pod["spec"].get("schedulingGates")]
        parts.actuate.start()
        await _until(watch, lambda: watch.serving() >= ENOUGH, "enough pods")
        result.up_s.append(round(loop.time() - began, 1))
    began = loop.time()
    await _until(watch, lambda: len(watch.pods) == 1, "one pod is left")
    result.down_s.append(round(loop.time() - began, 1))
    result.cycles += 1


def _was_drained(name: str, parts: Parts, directory: Path) -> bool:
    """Say whether a pod was a Draining member before it was told to end, and then had no request in flight."""
    said = ENDED.findall((directory / f"{name}.log").read_text())
    began, told = parts.watch.draining.get(name), parts.kubelet.terms.get(name)
    return said == ["0"] and began is not None and told is not None and began <= told


@asynccontextmanager
async def _site(directory: Path, result: Day) -> AsyncIterator[Parts]:
    """Bring all parts up."""
    with ExitStack() as stack:
        (directory / "api").mkdir()
        cluster = stack.enter_context(running_cluster(directory / "api", kubelets=False))
        site = cluster.site()
        proxy = stack.enter_context(running_proxy(cluster.plane))
        broker_port, port, front, health = free_ports(4)
        broker = start_tansu(broker_port, directory=directory / "broker", timeout_s=UP_S)
        stack.callback(broker.stop)
        clouds = _accounts(directory / "clouds.toml", site, proxy)
        settings = fast(
            broker.address, directory, clouds_file=str(clouds), health_port=health, fault_s=60.0, window_s=10.0
        )
        create_topics(broker.address, partitions=settings.partitions, replication=1)
        publish_definitions(broker.address, _definitions(directory / "definitions", port).documents())
        kubelet = stack.enter_context(processes(site, directory))
        stack.enter_context(_balancer(directory / "front", front))
        actuate = Piece("actuate", settings, directory)
        watch = Watch(stack.enter_context(Reader(broker.address, (MEMBERS,), settings.partitions)), site, result)
        with running(Piece("worker", settings, directory), actuate, _agent(settings, directory)):
            yield Parts(f"http://127.0.0.1:{front}/", broker.address, actuate, site, proxy, kubelet, watch)


def _accounts(file: Path, site: Site, proxy: Proxy) -> Path:
    """Write the account, as an operator would."""
    kubeconfig = site.account(url=proxy.url).kubeconfig
    said = {"owner": "day", "kubeconfig": kubeconfig, "namespace": site.name}
    lines = [f"{name} = {json.dumps(value)}" for name, value in said.items()]
    file.write_text("\n".join(["[kubernetes]", *lines, ""]))
    return file


def _definitions(folder: Path, port: int) -> Catalogue:
    """Return the application and where it runs."""
    folder.mkdir()
    for number, text in enumerate(DEFINITIONS.read_text().replace("PORT", str(port)).split("---\n")):
        (folder / f"{number}.yaml").write_text(text)
    return load([folder])


@contextmanager
def _balancer(directory: Path, port: int) -> Iterator[None]:
    """Run HAProxy."""
    haproxy = Haproxy(directory, {CLUSTER: ClusterFile(listen=f"127.0.0.1:{port}")})
    haproxy.start()
    try:
        yield
    finally:
        haproxy.stop()


def _agent(settings: Settings, directory: Path) -> Piece:
    """Return the balancer's agent."""
    words = ["--name", "lb", "--members-dir", str(directory / "front"), "--balancer", "haproxy"]
    words += ["--application", "shop", "--cluster", CLUSTER, "--probe", "http:/health"]
    return Piece("lb-agent", settings, directory, *words)


async def _until(watch: Watch, condition: Callable[[], bool], what: str) -> None:
    """Read on until the condition holds."""
    until = time.monotonic() + WITHIN_S
    while True:
        await asyncio.to_thread(watch.look)
        if condition():
            return
        if time.monotonic() > until:
            raise TimeoutError(f"not within {WITHIN_S:g} s: {what}; {watch.said()}")
        await asyncio.sleep(LOOK_S)


def main() -> int:
    """Run by command; exit code 1 when something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.kubernetes_day", description="Pods under load.")
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="an empty folder to keep the logs in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kubernetes-day-") as folder:
        directory = (args.keep or Path(folder)) / "day"
        directory.mkdir(parents=True)
        result = asyncio.run(day(directory, cycles=args.cycles))
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
