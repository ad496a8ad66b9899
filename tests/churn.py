"""Members come and go continuously behind a real balancer under a real load; count what failed: nothing must.

    python -m tests.churn --balancer haproxy --requests 1000000

Members are processes of their own; each is killed at the instant at which its balancer says that it is out and idle.
The load is wrk's, which repeats nothing, and beside it requests of our own client, every fifth with a body.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from actuators.ports import Target
from pileus.balancers import Adapter, adapter, process
from tests import wrk
from tests.balancing import OpenLoop, until
from tests.clouds import free_ports

CLUSTER = "shop-web"
SERVING = 4
"""Members that serve at any time; one more while they change places."""
PORTS = 10
ROUND_S = 5
"""Length of one run of wrk (s): how exactly the number of requests is met."""
CONNECTIONS = 24
OUR_RATE = 20.0
MEMBER = """
import asyncio, sys

class Member(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        head, end, body = self.data.partition(b"\\r\\n\\r\\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\\r\\n")[0]
        if end and len(body) >= int(length or 0):
            self.data = b""
            loop.call_later(0.004, self.transport.write, b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")

async def serve():
    await (await loop.create_server(Member, "127.0.0.1", int(sys.argv[1]), backlog=1024)).serve_forever()

loop = asyncio.new_event_loop()
loop.run_until_complete(serve())
"""


@dataclass(slots=True)
class Churned:
    """What came of it."""

    requests: int = 0
    failed: int = 0
    entered: int = 0
    left: int = 0
    seconds: float = 0.0
    ours: dict[str, int] = field(default_factory=dict)
    """What our own client was answered."""

    def __str__(self) -> str:
        return (
            f"{self.requests} requests by wrk, {self.failed} failed; ours: {self.ours}; "
            f"{self.entered} members entered, {self.left} left in {self.seconds:.0f} s"
        )


class Members:
    """Processes that answer, and the balancer that is told of them."""

    def __init__(self, balancer: Adapter) -> None:
        self._balancer = balancer
        self._numbers = count()
        self._serving: list[tuple[Target, asyncio.subprocess.Process]] = []
        self._programs: list[asyncio.subprocess.Process] = []
        self._starting = [asyncio.create_task(self._start(port)) for port in free_ports(PORTS)]
        """Processes that come up, in the order in which they are asked for."""

    async def enter(self) -> None:
        """Have a new member routed that answers."""
        port, program = await asyncio.shield(self._starting[0])
        self._starting.pop(0)
        self._serving.append((Target(member=f"web-{next(self._numbers)}", host="127.0.0.1", port=port), program))
        await self._apply()

    async def leave(self) -> None:
        """Take the oldest member out, and kill it when it is said to be idle."""
        target, program = self._serving.pop(0)
        await self._apply()

        async def idle() -> bool:
            states = {state.target: state for state in (await self._balancer.traffic(CLUSTER)).targets}
            return target not in states or not (states[target].routed or states[target].in_flight)

        await until(idle)
        program.send_signal(signal.SIGKILL)
        await program.wait()
        self._starting.append(asyncio.create_task(self._start(target.port)))

    async def end(self) -> None:
        """End all."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        for program in self._programs:
            if program.returncode is None:
                program.send_signal(signal.SIGKILL)
                await program.wait()

    async def _start(self, port: int) -> tuple[int, asyncio.subprocess.Process]:
        """Start a member, and return when it answers."""
        words = ["-I", "-S", "-c", MEMBER, str(port)]
        program = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.DEVNULL)
        self._programs.append(program)
        await until(lambda: _listens(port))
        return port, program

    async def _apply(self) -> None:
        await self._balancer.apply(CLUSTER, [target for target, _ in self._serving])


async def churn(kind: str, directory: Path, *, requests: int) -> Churned:
    """Send at least so many requests while members come and go."""
    loop = asyncio.get_running_loop()
    result = Churned()
    async with _balanced(kind, directory) as (url, members):
        ours = OpenLoop(url, rate=OUR_RATE)
        turning = asyncio.create_task(_turn(members, result))
        began = loop.time()
        try:
            while result.requests < requests and not turning.done():
                await _load(url, result, close=kind == "nginx")
        finally:
            turning.cancel()
            (ended,) = await asyncio.gather(turning, return_exceptions=True)
            result.seconds = loop.time() - began
            result.ours = dict(await ours.stop())
        if isinstance(ended, Exception):
            raise ended
    result.failed += sum(n for answer, n in result.ours.items() if not answer.endswith(" 200"))
    return result


@asynccontextmanager
async def _balanced(kind: str, directory: Path) -> AsyncIterator[tuple[str, Members]]:
    """Start a balancer with its first members."""
    from actuators.balancers.caddy_config import Frontend

    front, check, admin = free_ports(3)
    frontend = Frontend(listen=f"127.0.0.1:{front}", check=f"127.0.0.1:{check}", ports=free_ports(1))
    running = process(kind, directory, {CLUSTER: frontend}, admin=f"127.0.0.1:{admin}")
    await asyncio.to_thread(running.start)
    balancer = adapter(kind, directory)
    members = Members(balancer)
    try:
        for _ in range(SERVING):
            await members.enter()
        yield f"http://127.0.0.1:{front}/", members
    finally:
        balancer.close()
        await asyncio.to_thread(running.stop)
        await members.end()


async def _turn(members: Members, result: Churned) -> None:
    """Let one enter and one leave, for ever."""
    while True:
        await members.enter()
        result.entered += 1
        await members.leave()
        result.left += 1


async def _load(url: str, result: Churned, *, close: bool) -> None:
    """Run wrk once and add up what it says."""
    words = wrk.words(url, seconds=ROUND_S, connections=CONNECTIONS, close=close)
    running = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(ROUND_S + 30):
        said = wrk.said((await running.communicate())[0].decode())
    result.requests += said.requests
    result.failed += said.failed


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.transport.abort()
    return True


def main() -> int:
    """Run by command; exit code 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.churn", description="Members come and go under load.")
    parser.add_argument("--balancer", choices=["haproxy", "nginx"], default="haproxy")
    parser.add_argument("--requests", type=int, default=50_000)
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not on PATH")
    with tempfile.TemporaryDirectory(prefix="churn-") as directory:
        result = asyncio.run(churn(args.balancer, Path(directory), requests=args.requests))
    sys.stdout.write(f"{args.balancer}: {result}\n")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
