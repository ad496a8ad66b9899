"""The cloud of a Docker engine: each instance is a container, named as its member.

The engine is the record; nothing else is asked which members there are. Why nothing runs twice, and nothing runs
after its end, whoever is killed or wakes up late:

1. A container has its member's name, and the engine gives a name once: who comes second finds the first.
2. To end a member is first to write its tombstone, a labelled volume, and then to remove its container.
3. To launch is to create, to look for the tombstone, and then to start. Between create and start nothing runs; a
   tombstone written before that look is seen, one written later comes with a removal, and what is removed cannot start.

Only what carries our labels, our stack's name among them, is seen or touched.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

import structlog
from docker import APIClient

from actuators.clouds import docker_calls as calls
from actuators.clouds.docker_agents import AgentCommand, DockerAgents
from actuators.clouds.docker_box import STACK_NAME, Box, Phase
from actuators.clouds.docker_engine import CONFLICT, NOT_FOUND, SOCKET, Engine, EngineAnswer
from actuators.clouds.docker_options import Options, options
from actuators.clouds.local_ports import HOST, choose_port, touch_port
from actuators.clouds.names import check_member, is_member
from actuators.ports import CloudError, Instance, InvalidRequestError, OutOfCapacityError, TransientCloudError, Where
from streams.records.action import Launch

ATTEMPTS = 3
"""How often a launch tries another port, or a container that was removed under its hands."""
KILL_S = 10.0
"""How long the engine may take to end or remove a container after SIGKILL (s)."""
POLL_S = 0.05
TIDY_S = 3600.0
"""How often old tombstones are looked for (s)."""

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger()


class DockerCloud:
    """Run instances as containers of one engine on this machine.

    Parameters
    ----------
    stack : str
        Whose containers these are: what carries another stack's name, or none, is never touched.
    state : Path
        Folder for agents and what they share with their containers; created when missing. Not the record.
    url : str
        The engine.
    address : str
        Of the engine's machine: containers are published and reached there.
    agent : callable, optional
        Command line of the agent beside a container. It is started again when it dies, ever more slowly.
    clock : callable
        Monotonic time (s), for the pace of starting agents again.
    """

    def __init__(
        self,
        stack: str,
        state: Path,
        *,
        url: str = SOCKET,
        address: str = HOST,
        agent: AgentCommand | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not STACK_NAME.fullmatch(stack):
            raise ValueError(f"stack = {stack!r}: must match {STACK_NAME.pattern}")
        self._stack, self._address = stack, address
        self._engine = Engine(url)
        self._agents = DockerAgents(state, agent, clock=clock)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._choosing: set[int] = set()
        """Ports of containers that are being created."""
        self._tidy_at = 0.0
        self._ends: Counter[str] = Counter()
        """How many calls are ending a member now."""

    async def instances(self) -> Mapping[str, Instance]:
        """Return every container that is not gone, by member, and clear away those that ended by themselves.

        One that was created and has never run has no address yet.

        Raises
        ------
        TransientCloudError
            The engine does not answer.
        """
        boxes = await self._boxes()
        ended = {box.where.member for box in boxes if box.phase is Phase.ENDED}
        if created := {box.where.member for box in boxes if box.phase is Phase.CREATED}:
            ended |= created & await self._ask("tombstones", lambda client: calls.tombstones(client, self._stack))
        found = {box.where.member: box.instance(self._address) for box in boxes if box.where.member not in ended}
        await self._off_loop(self._tend, [box for box in boxes if box.where.member in found], found)
        gone = [box.where.member for box in boxes if box.where.member in ended and not self._ends[box.where.member]]
        await asyncio.gather(*(self._clear(member) for member in gone))
        await self._tidy()
        return found

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Start a container and return once it runs. Asking twice for one member starts one.

        The command stands in place of the image's entry point and command; ``{python}`` and ``{port}`` in it for
        ``python3`` and the port inside. Without a command the image's own count. Properties:
        :func:`actuators.clouds.docker_options.options`.

        Raises
        ------
        OutOfCapacityError
            Every port of the launch is taken, or the engine has run out of something.
        TransientCloudError
            The engine or the registry does not answer, or refuses for now.
        InvalidRequestError
            There is no such image, the command cannot be executed, a property or the name cannot be, the name is
            another's, or the member has run and ended.
        """
        check_member(where.member)
        if not launch.image:
            raise InvalidRequestError(f"member {where.member}: image is empty, a container needs one (imageId)")
        made = options(launch.properties)
        async with self._turns.setdefault(where.member, asyncio.Lock()):
            box = await self._started(where, launch, made)
            instance = box.instance(self._address)
            await self._off_loop(self._agents.tend, box, instance)
            return instance

    async def terminate(self, member: str, grace_s: float) -> None:
        """End a container: its stop signal, after ``grace_s`` SIGKILL; then remove it. Return once it is gone.

        One that is gone, or never was, is a success; the name is not used any more from then on.

        Raises
        ------
        TransientCloudError
            The engine does not answer, or the container survives SIGKILL for now.
        """
        if is_member(member):
            await self._end(member, grace_s)

    async def destroy_all(self, grace_s: float = 10.0) -> Mapping[str, Instance]:
        """End every container of this stack, forget its tombstones, and return what is left: normally nothing.

        For the end of a stack: nobody may launch in it any more.

        Raises
        ------
        TransientCloudError
            The engine does not answer.
        """
        members = {box.where.member for box in await self._boxes()} | set(self._agents.known())
        await asyncio.gather(*(self._clear(member, grace_s) for member in members))
        left = await self.instances()
        if not left:
            await self._ask("tombstones", lambda client: calls.forget(client, self._stack, older_s=0.0))
        return left

    async def abandon(self) -> None:
        """End the agents beside the containers of an engine that is gone for good. It is not asked.

        Raises
        ------
        TransientCloudError
            The state folder cannot be read.
        """
        members = await self._off_loop(self._agents.known)
        await asyncio.gather(*(self._off_loop(self._agents.end, member) for member in members))

    def close(self) -> None:
        """Let go of the engine. Containers and agents live on."""
        self._engine.close()

    async def _started(self, where: Where, launch: Launch, made: Options) -> Box:
        """Return the member's container, running: the one that there is, or a new one."""
        member = where.member
        for attempt in range(1, ATTEMPTS + 1):
            await self._refuse_ended(member)
            box = await self._box(member) or await self._created(where, launch, made)
            if box is not None and box.phase is Phase.ALIVE:
                return box
            if box is not None and box.phase is Phase.ENDED:
                raise InvalidRequestError(f"member {member} has run and ended: its name is never used again")
            if box is not None and await self._start(box, last=attempt == ATTEMPTS):
                return replace(box, phase=Phase.ALIVE)
        raise TransientCloudError(f"docker: member {member}: its container is removed while it is launched")

    async def _refuse_ended(self, member: str) -> None:
        """Refuse a member that has a tombstone. What has never run of it is removed; what runs is given its grace."""
        if await self._ask(f"tombstone of {member}", lambda client: calls.has_tombstone(client, self._stack, member)):
            box = await self._box(member)
            if box is not None and box.phase is Phase.CREATED:
                await self._ask(f"remove {member}", lambda client: calls.discard(client, box.id))
            raise InvalidRequestError(f"member {member} has ended: its name is never used again")

    async def _created(self, where: Where, launch: Launch, made: Options) -> Box | None:
        """Create a container. ``None``: somebody else has created it meanwhile."""
        if not await self._engine.has_image(launch.image):
            if not made.pull:
                raise InvalidRequestError(f"member {where.member}: the engine has no image {launch.image!r}")
            await self._engine.pull(launch.image)
        port = await self._port(launch)
        try:
            return await self._create(where, launch, made, port)
        finally:
            self._choosing.discard(port)

    async def _create(self, where: Where, launch: Launch, made: Options, port: int) -> Box | None:
        shared = await self._off_loop(self._agents.share, where.member)
        try:
            return await self._engine.call(
                lambda client: calls.create(
                    client, where, launch, made, stack=self._stack, port=port, host=self._address, shared=shared
                )
            )
        except EngineAnswer as answer:
            if answer.status != CONFLICT:
                raise answer.error(f"create {where.member}") from answer
        if await self._box(where.member) is None and await self._is_anothers(where.member):
            raise InvalidRequestError(f"member {where.member}: a container that is not ours has its name")
        return None

    async def _port(self, launch: Launch) -> int:
        """Choose a port and keep it until the container that has it is listed."""
        before = set(self._choosing)  # one that is created while the engine lists may be missing there
        taken = before | {box.port for box in await self._boxes()} | self._choosing
        port = choose_port(launch.ports, taken=taken, used=self._agents.ports)  # nobody runs between this and the next
        self._choosing.add(port)
        touch_port(self._agents.ports, port)
        return port

    async def _start(self, box: Box, *, last: bool) -> bool:
        """Start a container that has never run. False: it could not be, and is gone; another attempt may be made."""
        member = box.where.member
        await self._refuse_ended(member)
        try:
            await self._engine.call(lambda client: client.start(box.id))
        except EngineAnswer as answer:
            await self._ask(f"remove {member}", lambda client: calls.discard(client, box.id))
            error = answer.error(f"start {member}")
            if last or not (answer.status == NOT_FOUND or isinstance(error, OutOfCapacityError)):
                raise error from answer
            return False
        return True

    async def _end(self, member: str, grace_s: float) -> None:
        """Write the tombstone, stop the container, let its agent read the last lines, remove both."""
        self._ends[member] += 1
        try:
            await self._ask(f"tombstone of {member}", lambda client: calls.bury(client, self._stack, member))
            if await self._box(member) is not None:
                await self._stop(member, grace_s)
            await self._off_loop(self._agents.end, member)
            await self._remove(member)
        finally:
            self._ends[member] -= 1
            self._ends = +self._ends  # forget the zeros

    async def _stop(self, member: str, grace_s: float) -> None:
        """End what runs in a container."""
        await self._ask(f"stop {member}", lambda client: calls.signal(client, member, self._stack))
        if await self._ended(member, grace_s):
            return
        await self._ask(f"kill {member}", lambda client: calls.signal(client, member, self._stack, "SIGKILL"))
        if not await self._ended(member, KILL_S):
            raise TransientCloudError(f"docker: member {member}: its container is alive {KILL_S:g} s after SIGKILL")

    async def _ended(self, member: str, within_s: float) -> bool:
        """Wait until a member's container does not run, and tell whether that is so."""
        return await self._until(within_s, member, lambda box: box is None or box.phase is not Phase.ALIVE)

    async def _remove(self, member: str) -> None:
        """Remove a member's container, and see it gone."""
        await self._ask(f"remove {member}", lambda client: calls.remove(client, member, self._stack))
        if not await self._until(KILL_S, member, lambda box: box is None):
            raise TransientCloudError(f"docker: member {member}: its container is not removed within {KILL_S:g} s")

    async def _until(self, within_s: float, member: str, condition: Callable[[Box | None], bool]) -> bool:
        """Wait until a member's container is as it should be, and tell whether it is."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(within_s, 0.0)
        while not condition(await self._box(member)):
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(POLL_S)
        return True

    async def _clear(self, member: str, grace_s: float = 0.0) -> None:
        """End a member; when that fails, say so and leave it to the next call."""
        try:
            await self._end(member, grace_s)
        except CloudError as error:
            _log.warning("container not cleared away", member=member, error=str(error))

    async def _tidy(self) -> None:
        """Forget members that ended long ago; does nothing most of the time."""
        now = asyncio.get_running_loop().time()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_S
            await self._ask("old tombstones", lambda client: calls.forget(client, self._stack))

    def _tend(self, boxes: list[Box], found: Mapping[str, Instance]) -> None:
        """Keep the agents of running containers alive."""
        for box in boxes:
            if box.phase is Phase.ALIVE and not self._ends[box.where.member]:
                self._agents.tend(box, found[box.where.member])
        self._agents.forget(found)

    async def _boxes(self) -> list[Box]:
        """Return every container of this stack."""
        return await self._ask("list", lambda client: calls.boxes(client, self._stack))

    async def _box(self, member: str) -> Box | None:
        """Return a member's container."""
        boxes = await self._ask(f"list {member}", lambda client: calls.boxes(client, self._stack, member))
        return boxes[0] if boxes else None

    async def _is_anothers(self, name: str) -> bool:
        """Return whether a container that is not ours has a name."""
        return await self._ask(f"inspect {name}", lambda client: calls.is_anothers(client, name, self._stack))

    async def _ask(self, what: str, do: Callable[[APIClient], T]) -> T:
        """Call the engine; its errors are those of the cloud."""
        try:
            return await self._engine.call(do)
        except EngineAnswer as answer:
            raise answer.error(what) from answer

    async def _off_loop(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that blocks (for a bounded time) in a thread; what the machine refuses may succeed later."""
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except OSError as error:
            raise TransientCloudError(f"docker: {self._agents.root}: {error}") from error
