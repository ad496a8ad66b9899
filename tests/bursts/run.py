"""One run: brings the parts up, goes out and home, and takes everything down again."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.haproxy_process import Haproxy
from config.catalogue import Catalogue, load
from config.settings import Settings
from pileus.stack.clouds import destroy_all
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics, publish_definitions
from streams.records.member import State
from tests.balancing import sending
from tests.bursts.away import Away
from tests.bursts.limits import AWAY, HOME, PRICES, Limit
from tests.bursts.watch import TOPICS, Burst, Watch
from tests.clouds import free_ports
from tests.pieces import Piece, Reader, fast, running

CLUSTER = "shop-web"
BASE, EXTRA = 5.0, 30.0
"""Requests per second, each of which takes 1 s: one member carries the first, home not both."""
ANSWERED = 50
"""Requests that away must have answered in a cycle."""
UP_S, WITHIN_S, LOOK_S = 120.0, 180.0, 0.1
PORTS = 40
"""For the members of one run."""
DEFINITIONS = Path(__file__).with_name("definitions.yaml")


@dataclass(frozen=True, slots=True)
class Site:
    """All parts, running."""

    url: str
    broker: str
    folder: Path
    away: Away
    watch: Watch

    def declare(self, limit: Limit) -> None:
        """Publish the definitions with another limit, and hold what comes against it."""
        self.watch.begin(limit)
        publish_definitions(self.broker, _definitions(self.folder, self.away, limit).documents())

    async def until(self, condition: Callable[[], object], what: str) -> float:
        """Read on until the condition holds; return how long that took (s)."""
        began = time.monotonic()
        while True:
            await asyncio.to_thread(self.watch.look)
            if condition():
                return round(time.monotonic() - began, 1)
            if self.away.machines and self.away.machines.fault:
                raise self.away.machines.fault
            if time.monotonic() > began + WITHIN_S:
                raise TimeoutError(f"not within {WITHIN_S:g} s: {what}; {self.watch.said()}")
            await asyncio.sleep(LOOK_S)


async def burst(away: Away, folder: Path, *, limits: Sequence[Limit]) -> Burst:
    """Go out and home once with each limit."""
    result = Burst(away.provider)
    async with _site(away, folder, result, limits[0]) as site:
        watch = site.watch
        await site.until(lambda: watch.living(HOME, State.ACTIVE), "the first member")
        async with sending(site.url, rate=BASE, count=result.count):
            for limit in limits:
                await asyncio.to_thread(site.declare, limit)
                await site.until(lambda: watch.in_force, f"{limit} is in force")
                await _cycle(site, result)
                result.cycles.append(watch.cycle)
                sys.stderr.write(f"{away.provider}, cycle {len(result.cycles)}: {watch.cycle}\n")
    return result


async def _cycle(site: Site, result: Burst) -> None:
    """Let the load outgrow home until away serves and the limit holds, then fall until nobody is away."""
    watch, cycle = site.watch, site.watch.cycle
    before = watch.answered(AWAY)
    async with sending(site.url, rate=EXTRA, count=result.count):
        cycle.out_s = await site.until(lambda: watch.living(AWAY, State.ACTIVE), "members away")
        await site.until(lambda: watch.answered(AWAY) >= before + ANSWERED, "requests away")
        await site.until(lambda: cycle.why, "why it is held")
    cycle.home_s = await site.until(lambda: not watch.living(AWAY), "nobody away")
    cycle.answered_away = watch.answered(AWAY) - before


@asynccontextmanager
async def _site(away: Away, folder: Path, result: Burst, limit: Limit) -> AsyncIterator[Site]:
    """Bring all parts up."""
    with ExitStack() as stack:
        (port, health) = free_ports(2)
        broker = start_tansu(port, directory=folder / "broker", timeout_s=UP_S)
        stack.callback(broker.stop)
        settings = fast(
            broker.address, folder, stack="bursts", health_port=health, window_s=6.0, fault_s=60.0, **away.settings
        )
        create_topics(broker.address, partitions=settings.partitions, replication=1)
        ports = stack.enter_context(_balancers(folder))
        parts = [Piece("worker", settings, folder), Piece("actuate", settings, folder)]
        watch = Watch(stack.enter_context(Reader(broker.address, TOPICS, settings.partitions)), result, limit)
        site = Site(f"http://127.0.0.1:{ports['front']}/", broker.address, folder, away, watch)
        site.declare(limit)
        try:
            with running(*parts, *_agents(settings, folder, ports)):
                yield site
        finally:
            left = await destroy_all(settings, folder, 5.0)
            if left:
                sys.stderr.write(f"could not be ended: {', '.join(left)}\n")


@contextmanager
def _balancers(folder: Path) -> Iterator[dict[str, int]]:
    """Start a HAProxy for each network partition and one before them; yield their ports."""
    names = (*PRICES, "front")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    with ExitStack() as stack:
        for name, port in ports.items():
            haproxy = Haproxy(folder / name, {CLUSTER: ClusterFile(listen=f"127.0.0.1:{port}")})
            haproxy.start()
            stack.callback(haproxy.stop)
        yield ports


def _agents(settings: Settings, folder: Path, ports: dict[str, int]) -> list[Piece]:
    """Return the agent of each balancer."""
    of = {where: ["--network-partition", where] for where in PRICES}
    of["front"] = [word for where in PRICES for word in ("--via", f"{where}=127.0.0.1:{ports[where]}")]
    words = ("--application", "shop", "--cluster", CLUSTER, "--probe", "http:/health", "--balancer", "haproxy")
    return [
        Piece(
            "lb-agent",
            settings,
            folder,
            *("--name", f"lb-{name}", "--members-dir", str(folder / name), *words, *options),
            label=f"lb-{name}",
        )
        for name, options in of.items()
    ]


def _definitions(folder: Path, away: Away, limit: Limit) -> Catalogue:
    """Return the application, where it runs, and its limits, on ports of this run's own."""
    low = 20_000 + (os.getpid() * 2 + (away.provider == "ec2")) * PORTS % 10_000
    half = low + PORTS // 2
    words = {
        "HOME_PORTS": f"{low}-{half - 1}",
        "PROVIDER": away.provider,
        "PROPERTIES": away.properties.replace("{low}", f"{half}").replace("{high}", f"{low + PORTS - 1}"),
        "CARTRIDGE": away.cartridge,
        "AWAY_MOST": f"{limit.away}",
        "QUOTA": "{}" if limit.members is None else f"{{members: {limit.members}}}",
        "BUDGET": "{}" if limit.cost_per_hour is None else f"{{costPerHour: {limit.cost_per_hour:g}}}",
    }
    text = DEFINITIONS.read_text()
    for word, value in words.items():
        text = text.replace(word, value)
    written = folder / "definitions"
    written.mkdir(exist_ok=True)
    for number, part in enumerate(text.split("---\n")):
        (written / f"{number}.yaml").write_text(part)
    return load([written])
