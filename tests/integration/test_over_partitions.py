"""A real front HAProxy over two real partial ones: partitions come and go under load."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.haproxy import HaproxyBalancer
from actuators.balancers.haproxy_process import Haproxy
from actuators.balancers.over_partitions import OverPartitions
from actuators.lb_desired import candidates
from streams.records.member import Member, State
from tests.balancing import OpenLoop, Server, until
from tests.clouds import free_ports
from tests.unit.actuators.test_lb_desired import a_member

WEB = "shop-web"


@pytest.mark.integration
async def test_requests_go_where_members_serve_and_none_fails_while_a_partition_comes_and_goes(
    program: Callable[..., str], tmp_path: Path
) -> None:
    program("haproxy")
    ports = dict(zip(("front", "home", "away", "a", "b", "c"), free_ports(6), strict=True))
    made = {
        name: Haproxy(tmp_path / name, {WEB: ClusterFile(listen=f"127.0.0.1:{ports[name]}")})
        for name in ("front", "home", "away")
    }
    servers = {name: Server(ports[name], takes_s=0.02) for name in "abc"}
    there: dict[str, Member] = {}
    try:
        for each in made.values():
            await asyncio.to_thread(each.start)
        for server in servers.values():
            await server.start()
        for name, where in (("a", "home"), ("b", "home"), ("c", "away")):
            there[name] = msgspec.structs.replace(
                a_member(name, State.ACTIVE, port=ports[name]), network_partition=where
            )
        part = {name: HaproxyBalancer(tmp_path / name) for name in ("home", "away")}
        via = {name: ("127.0.0.1", ports[name]) for name in part}
        front = OverPartitions(HaproxyBalancer(tmp_path / "front"), via, lambda: there)

        async def tell(where: str) -> None:
            await part[where].apply(WEB, [t for t in candidates(there) if there[t.member].network_partition == where])

        async def left() -> bool:
            return "c" not in [t.target.member for t in (await front.traffic(WEB)).targets]

        await tell("home")
        await tell("away")
        await front.apply(WEB, candidates(there))
        clients = OpenLoop(f"http://127.0.0.1:{ports['front']}/", rate=100)
        for _ in range(3):
            before = servers["c"].arrived
            await clients.answered(60)
            assert servers["c"].arrived > before
            there["c"] = msgspec.structs.replace(there["c"], state=State.DRAINING)
            await front.apply(WEB, candidates(there))
            await until(left)
            await tell("away")
            sent = (await part["away"].traffic(WEB)).count
            await servers["c"].stop()
            await clients.answered(30)
            assert (await part["away"].traffic(WEB)).count == sent
            servers["c"] = Server(ports["c"], takes_s=0.02)
            await servers["c"].start()
            there["c"] = msgspec.structs.replace(there["c"], state=State.ACTIVE)
            await tell("away")
            await front.apply(WEB, candidates(there))
        results = await clients.stop()
    finally:
        for each in made.values():
            await asyncio.to_thread(each.stop)
        for server in servers.values():
            await server.stop()

    assert set(results) == {"GET 200", "POST 200"}, results
