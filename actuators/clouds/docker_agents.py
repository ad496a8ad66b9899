"""The agents beside containers: processes of this machine, and the folder that a container and its agent share.

::

    members/<member>/agent-<n>.claim   who its agent is (:mod:`actuators.clouds.local_claim`)
    members/<member>/shared/           mounted into the container: exports (its own), metadata.json (its agent's)
    ports/<port>                       touched when the port was used
    logs/<member>.agent.log            what the agent wrote

Nothing here decides whether a container is ours or alive: the engine alone knows that. Losing the folder costs the
agents a restart.
"""

import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from actuators.clouds import local_process
from actuators.clouds.docker_box import Box
from actuators.clouds.local_agents import LocalAgents
from actuators.ports import Instance
from streams.records.action import Launch

INSIDE = "/run/pileus"
"""Where the shared folder is in the container."""
GRACE_S = 2.0
"""From SIGTERM to SIGKILL for an agent (s): it publishes the last lines of the log meanwhile."""
LOOK_S = 0.02

AgentCommand = Callable[[Instance, Launch], list[str]]
"""Returns the command line of the cartridge agent for an instance."""


def shared_folder(root: Path, member: str) -> Path:
    """Return the folder that a member's container shares with its agent: ``exports`` and ``metadata.json``."""
    return root / "members" / member / "shared"


class DockerAgents:
    """What this machine keeps for its containers. Every method blocks, for milliseconds (``end``: ``GRACE_S``)."""

    def __init__(self, root: Path, command: AgentCommand | None, *, clock: Callable[[], float]) -> None:
        self.root = root.resolve()
        self.ports = self.root / "ports"
        self._members, self._logs = self.root / "members", self.root / "logs"
        for folder in (self.ports, self._members, self._logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._agents = None if command is None else LocalAgents(command, log=self.log, clock=clock)

    def log(self, member: str) -> Path:
        """Return the file that a member's agent writes to."""
        return self._logs / f"{member}.agent.log"

    def share(self, member: str) -> Path:
        """Make the folder that a container shares with its agent. Whoever it runs as may write there."""
        shared = shared_folder(self.root, member)
        shared.mkdir(parents=True, exist_ok=True)
        shared.chmod(0o777)  # the folders above let nobody else in
        return shared

    def tend(self, box: Box, instance: Instance) -> None:
        """Start the agent of a container that runs, if none lives and it is time."""
        if self._agents is None:
            return
        member, launch = box.where.member, Launch(health=box.health, exports=list(box.exports))
        token = self._token(member)
        self.share(member)
        self._agents.tend(self._members / member, instance, launch, environment=token, token=token)

    def forget(self, members: Mapping[str, Instance]) -> None:
        """Forget how often agents were started, for all but ``members``."""
        if self._agents is not None:
            self._agents.forget(members)
        local_process.reap()

    def known(self) -> list[str]:
        """Return every member that there is a folder of."""
        return [folder.name for folder in self._members.iterdir()]

    def end(self, member: str) -> None:
        """End a member's agent, and remove its folder."""
        folder, token = self._members / member, self._token(member)
        if not folder.is_dir():
            return
        claims = [claim for path in folder.glob("agent-*.claim") if (claim := local_process.read_claim(path))]
        groups = local_process.signal_groups(claims, token, signal.SIGTERM)
        until = time.monotonic() + GRACE_S
        while any(map(local_process.group_lives, groups)) and time.monotonic() < until:
            time.sleep(LOOK_S)
        for group in groups:
            if local_process.group_lives(group):
                local_process.signal_group(group, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        self.log(member).unlink(missing_ok=True)

    def _token(self, member: str) -> dict[str, str]:
        """Return the variables by which an agent is known to be ours."""
        return {"PILEUS_STATE": str(self.root), "PILEUS_MEMBER": member}
