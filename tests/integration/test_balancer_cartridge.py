"""``pileus run`` of an application whose balancers are members of it: they route, one dies, another takes its place."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import msgspec
import psutil
import pytest

import config
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Member, State
from streams.topics import MEMBERS
from tests.balancing import OpenLoop, until
from tests.pieces import Reader, carrying
from tests.running import END_S, Run, run

DEFINITIONS = Path(config.__file__).parent / "definitions" / "balanced"
LOW = 15_000 + os.getpid() * 18 % 3_000
LOAD = ("--cluster", "web", "--load", "steps", "--period", "12", "--peak", "60", "--duration", "25")
WEB = "web.balanced.example.org"
SHOP = "shop.balanced.example.org"
PARTITIONS = 4
RATE = 10.0
"""Requests per second through each balancer."""


@pytest.fixture
def balanced(tmp_path: Path) -> tuple[str, ...]:
    """Return the words that name the shipped application, on ports of our own."""
    folder = tmp_path / "balanced"
    folder.mkdir()
    for path in DEFINITIONS.glob("*.yaml"):
        text = path.read_text()
        for old, first, last in (("19220-19231", 0, 11), ("19232-19237", 12, 17)):
            text = text.replace(old, f"{LOW + first}-{LOW + last}")
        (folder / path.name).write_text(text)
    return ("--application", str(folder), *LOAD)


class Log:
    """What ``pileus.members`` says."""

    def __init__(self, it: Run, reader: Reader) -> None:
        self._it, self._reader = it, reader

    def records(self) -> list[Member]:
        return [each for each in self._reader.look().records(MEMBERS, MEMBER) if isinstance(each, Member)]

    def of(self, cluster: str, *states: State) -> list[Member]:
        """Return the members of a cluster that are in one of some states, by name."""
        newest = {each.member: each for each in self.records() if each.cluster == f"balanced-{cluster}"}
        return [each for _, each in sorted(newest.items()) if each.state in states]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await asyncio.to_thread(self._it.until, condition, what)


def kill(it: Run, member: str) -> None:
    """Kill all of a member, as the death of its machine would: balancer, agents."""
    for process in _of(it, member):
        process.kill()


def _of(it: Run, member: str) -> Iterator[psutil.Process]:
    for process in [psutil.Process(int(each.partition(":")[0])) for each in carrying(it.state)]:
        try:
            if process.environ().get("PILEUS_MEMBER") == member:
                yield process
        except psutil.Error:
            continue


async def test_balancers_that_are_members_route_by_name_and_are_healed(
    tmp_path: Path, balanced: tuple[str, ...]
) -> None:
    with run(tmp_path, *balanced) as it:
        broker = await asyncio.to_thread(it.broker)
        with Reader(broker, [MEMBERS], PARTITIONS) as reader:
            log = Log(it, reader)
            await log.until(lambda: len(log.of("lb", State.ACTIVE)) == 2, "two balancers")
            dies, stays = log.of("lb", State.ACTIVE)
            urls = [f"http://{each.host}:{each.port}/" for each in (dies, stays)]
            await until(lambda: _statuses(urls, WEB, [200, 200]))
            await until(lambda: _statuses([f"{urls[1]}api"], SHOP, [404]))  # by the sample, which has no such path
            assert await _answers(urls[0], "elsewhere.example.org") == (404, "no cluster has this host name and path")
            clients = [OpenLoop(url, rate=RATE, host=WEB) for url in urls]

            await log.until(lambda: len(log.of("web", State.ACTIVE)) >= 3, "the load's peak")
            before = await clients[0].stop()
            leaving = {each.member for each in log.of("web", State.DRAINING, State.TERMINATING, State.TERMINATED)}
            await asyncio.to_thread(kill, it, dies.member)
            await log.until(lambda: dies.member in _names(log.of("lb", State.TERMINATED)), "its end")
            await log.until(lambda: len(log.of("lb", State.ACTIVE)) == 2, "another one in its place")
            healed = [each for each in log.of("lb", State.ACTIVE) if each.member != stays.member]
            await until(lambda: _statuses([f"http://{each.host}:{each.port}/" for each in healed], WEB, [200]))
            await log.until(lambda: _ended(log, leaving), "a member of web drained after that")
            after = await clients[1].stop()
            ended = _ended(log, leaving)
        code = await asyncio.to_thread(it.ends, 60 + END_S)

    report = msgspec.json.decode(it.report.read_bytes())
    assert code == 0, it.said.read_text()
    assert report["requests"]["failed"] == 0
    assert set(before) <= {"GET 200", "POST 200"}, before
    assert set(after) <= {"GET 200", "POST 200"}, after
    assert after["GET 200"] > 50
    assert all(each.reason.startswith("drained; ") for each in ended), ended
    assert carrying(it.state) == []


def _names(members: list[Member]) -> set[str]:
    return {each.member for each in members}


def _ended(log: Log, before: set[str]) -> list[Member]:
    """Return the records by which members of web were ended since then."""
    return [
        each
        for each in log.records()
        if each.cluster == "balanced-web" and each.state is State.TERMINATING and each.member not in before
    ]


async def _statuses(urls: list[str], host: str, wanted: list[int]) -> bool:
    """Say whether each answers so."""
    try:
        return [(await _answers(url, host))[0] for url in urls] == wanted
    except aiohttp.ClientError:
        return False


async def _answers(url: str, host: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(headers={"Host": host}, timeout=aiohttp.ClientTimeout(total=10)) as client,
        client.get(url) as answer,
    ):
        return answer.status, (await answer.text()).strip()
