"""The local cloud: each instance is a process group on this machine, with a port of its own and an agent beside it.

State is on disk (:mod:`actuators.clouds.local_state`), so a new object on the same folder finds
every instance again, whatever became of the last one. Why nothing starts twice is told in
:mod:`actuators.clouds.local_claim`, what is ours in :mod:`actuators.clouds.local_process`.
"""

import asyncio
import errno
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from actuators.clouds import local_process
from actuators.clouds.local_agents import LocalAgents
from actuators.clouds.local_ports import HOST
from actuators.clouds.local_process import Claim
from actuators.clouds.local_state import Entry, Intent, LocalState
from actuators.clouds.names import check_member, is_member
from actuators.ports import Instance, InvalidRequestError, TransientCloudError, Where
from streams.records.action import Launch

EXEC_S = 10.0
"""How long a process may take from its start to running its command (s)."""
AGENT_GRACE_S = 2.0
"""From SIGTERM to SIGKILL for agents, and for what a crashed instance leaves behind (s)."""
KILL_S = 10.0
"""How long the kernel may take to end a process after SIGKILL (s)."""
POLL_S = 0.02
INHERITED = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
"""What an instance sees of our own environment, with every ``PYTHON*``."""
_NEVER = {
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.ENOEXEC,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.E2BIG,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EINVAL,
}
"""What exec says of a command that no later attempt can execute."""

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger()

AgentCommand = Callable[[Instance, Launch], list[str]]
"""Returns the command line of the cartridge agent for an instance."""


class LocalCloud:
    """Run instances as processes of this machine.

    Parameters
    ----------
    state : Path
        Folder that remembers them; created when missing. One folder is one cloud.
    agent : callable, optional
        Command line of the agent beside an instance. It is started again when it dies, ever more slowly.
    told : mapping
        Variables that every instance gets, below those of its launch: how to reach the rest of Pileus.
    clock : callable
        Monotonic time (s), for the pace of starting agents again.
    """

    def __init__(
        self,
        state: Path,
        agent: AgentCommand | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        told: Mapping[str, str] | None = None,
    ) -> None:
        self._told = dict(told or {})
        self._state = LocalState(state)
        self._agents = None if agent is None else LocalAgents(agent, log=self._agent_log, clock=clock)
        self._ends: Counter[str] = Counter()
        """How many calls are ending a member now."""

    def log(self, member: str) -> Path:
        """Return the file that holds what an instance wrote to its standard output and error."""
        return self._state.log(member)

    def exports(self, member: str) -> Path:
        """Return the file that an instance may write what it exports to (``PILEUS_EXPORTS``)."""
        return self._state.exports(member)

    def metadata(self, member: str) -> Path:
        """Return the file in which its agent keeps what others exported (``PILEUS_METADATA``)."""
        return self._state.metadata(member)

    async def instances(self) -> Mapping[str, Instance]:
        """Return every instance that is alive, by member, and clear away what a crashed one left.

        Raises
        ------
        TransientCloudError
            The state folder cannot be read.
        """
        found, crashed = await self._off_loop(self._look)
        await asyncio.gather(*(self._clear(member, AGENT_GRACE_S) for member in crashed))
        local_process.reap()
        return found

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Start an instance and return once its command runs. Asking twice for one member starts one.

        ``{python}`` and ``{port}`` in the command stand for our own interpreter and the instance's port.

        Raises
        ------
        OutOfCapacityError
            Every port of the launch is taken.
        TransientCloudError
            The machine or the state folder refuses for now.
        InvalidRequestError
            The command cannot be executed, the name is no member's, or the member has run and ended.
        """
        check_member(where.member)
        if not launch.command:
            raise InvalidRequestError(f"member {where.member}: command is empty, the local cloud needs one")
        return await self._off_loop(self._launch, where, launch)

    async def terminate(self, member: str, grace_s: float) -> None:
        """End an instance and everything it started: SIGTERM, after ``grace_s`` SIGKILL. Return once it is gone.

        One that is gone, or never was, is a success; the name is not used any more from then on.

        Raises
        ------
        TransientCloudError
            A process survives SIGKILL for now, or the state folder cannot be written.
        """
        if is_member(member):
            await self._end(member, grace_s)

    async def destroy_all(self, grace_s: float = 10.0) -> Mapping[str, Instance]:
        """End every instance and every process of this state folder, and return what is left: normally nothing.

        Raises
        ------
        TransientCloudError
            The state folder cannot be read.
        """
        members = await self._off_loop(self._state.members)
        await asyncio.gather(*(self._clear(member, grace_s) for member in members))
        await self._off_loop(local_process.kill_strays, self._token())
        return await self.instances()

    def _agent_log(self, member: str) -> Path:
        return self._state.log(member, agent=True)

    def _look(self) -> tuple[dict[str, Instance], list[str]]:
        """Return the instances alive, and the members to clear away."""
        found: dict[str, Instance] = {}
        crashed = []
        for entry in self._state.entries():
            member = entry.intent.where.member
            if entry.claim and local_process.lives(entry.claim, self._token(member)):
                found[member] = _instance(entry.intent, entry.claim)
                self._tend(entry, found[member])
            elif (entry.claim or entry.ending) and not self._ends[member]:
                crashed.append(member)
        if self._agents is not None:
            self._agents.forget(found)
        return found, crashed

    def _tend(self, entry: Entry, instance: Instance) -> None:
        """Keep an instance's log small and its agent alive."""
        member = instance.where.member
        self._state.trim_log(member)
        if self._agents is not None and not entry.ending:
            environment, token = self._environment(entry.intent), self._token(member)
            self._agents.tend(entry.folder, instance, entry.intent.launch, environment=environment, token=token)

    def _launch(self, where: Where, launch: Launch) -> Instance:
        member = where.member
        entry = self._state.intend(where, launch)
        claim = entry.claim
        if claim is None:
            self._start(entry.intent, entry.folder / "claim")
            claim = local_process.read_claim(entry.folder / "claim")
            if claim is None:
                raise TransientCloudError(f"local cloud: member {member} was started but did not come up")
        elif not local_process.lives(claim, self._token(member)):
            raise InvalidRequestError(f"member {member} has run and ended: its name is never used again")
        instance = _instance(entry.intent, claim)
        self._tend(entry, instance)
        return instance

    def _start(self, intent: Intent, claim: Path) -> None:
        """Start the command and wait until it runs. Who runs it, this launch or another, its claim tells."""
        member, port = intent.where.member, str(intent.port)
        command = [word.replace("{python}", sys.executable).replace("{port}", port) for word in intent.launch.command]
        inherited = {k: v for k, v in os.environ.items() if k in INHERITED or k.startswith("PYTHON")}
        files = {"PILEUS_EXPORTS": self.exports(member), "PILEUS_METADATA": self.metadata(member)}
        environment = (
            inherited | self._told | self._environment(intent) | {name: str(path) for name, path in files.items()}
        )
        try:
            report = local_process.start(command, claim=claim, environment=environment, log=self._state.log(member))
        except ValueError as error:
            raise self._refusal(member, f"command or environment: {error}") from error
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            raise self._refusal(member, f"command and environment: {error.strerror}") from error
        try:
            number = local_process.executed(report, EXEC_S)
        finally:
            os.close(report)
        if number in _NEVER:
            raise self._refusal(member, f"cannot execute {command[0]!r}: {os.strerror(number)}")
        if number:
            raise TransientCloudError(f"member {member}: cannot execute {command[0]!r} now: {os.strerror(number)}")

    def _refusal(self, member: str, why: str) -> InvalidRequestError:
        """End a member of which nothing ever ran, and return the error that says why."""
        if self._state.begin_end(member):
            self._state.finish(member)
        return InvalidRequestError(f"member {member}: {why}")

    async def _clear(self, member: str, grace_s: float) -> None:
        """End a member; when that fails, say so and leave it to the next call."""
        try:
            await self._end(member, grace_s)
        except TransientCloudError as error:
            _log.warning("instance not cleared away", member=member, error=str(error))

    async def _end(self, member: str, grace_s: float) -> None:
        self._ends[member] += 1
        try:
            if not await self._off_loop(self._state.begin_end, member):
                return
            instance, agents = await self._off_loop(self._state.claims, member)
            await self._stop(member, instance, grace_s)
            await self._stop(member, agents, AGENT_GRACE_S)
            await self._off_loop(local_process.kill_strays, self._token(member))
            await self._off_loop(self._state.finish, member)
        finally:
            self._ends[member] -= 1
            self._ends = +self._ends  # forget the zeros

    async def _stop(self, member: str, claims: Sequence[Claim], grace_s: float) -> None:
        """End the process groups of ``claims``, as far as they are ours."""
        groups = await self._off_loop(local_process.signal_groups, claims, self._token(member), signal.SIGTERM)
        if await self._gone(groups, grace_s):
            return
        for group in groups:
            local_process.signal_group(group, signal.SIGKILL)
        if not await self._gone(groups, KILL_S):
            raise TransientCloudError(f"member {member}: process group {groups} is alive {KILL_S:g} s after SIGKILL")

    async def _gone(self, groups: Iterable[int], within_s: float) -> bool:
        """Wait until none of ``groups`` lives, and tell whether that is so."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (within_s if within_s > 0 else 0.0)
        for group in groups:
            while await self._off_loop(local_process.group_lives, group):
                if loop.time() >= deadline:
                    return False
                await asyncio.sleep(POLL_S)
        return True

    def _token(self, member: str = "") -> dict[str, str]:
        """Return the variables that every process of a member (or of all of them) carries."""
        token = {"PILEUS_STATE": str(self._state.root)}
        return token | {"PILEUS_MEMBER": member} if member else token

    def _environment(self, intent: Intent) -> dict[str, str]:
        """Return what an instance is told: the launch's variables, and over them who it is."""
        where = intent.where
        own = {"PILEUS_CLUSTER": where.cluster, "PILEUS_APPLICATION": where.application, "PILEUS_TENANT": where.tenant}
        return intent.launch.environment | own | {"PORT": str(intent.port), "HOST": HOST} | self._token(where.member)

    async def _off_loop(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that blocks (for a bounded time) in a thread; what the machine refuses may succeed later."""
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except OSError as error:
            raise TransientCloudError(f"local cloud in {self._state.root}: {error}") from error


def _instance(intent: Intent, claim: Claim) -> Instance:
    return Instance(where=intent.where, instance=f"process-{claim.pid}", host=HOST, port=intent.port)
