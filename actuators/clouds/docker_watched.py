"""Which containers of a stack run, for the node agent of the engine's machine.

What a container uses stands in its control group, if the engine's groups can be seen from here; if not (an engine in
another machine or container), the engine is asked: a connection for each container.
"""

from collections.abc import Mapping
from pathlib import Path

from docker import APIClient

from actuators.clouds import docker_calls as calls
from actuators.clouds.docker_agents import shared_folder
from actuators.clouds.docker_box import Box, Phase
from actuators.clouds.docker_engine import connect
from actuators.clouds.docker_watch import ANSWER_S, FAILED
from actuators.clouds.local_ports import HOST
from streams.agent.beside import Identity
from streams.agent.cgroup import Groups
from streams.agent.watched import Watched, probe_at

PROC = Path("/proc")


class DockerWatched:
    """Finds the containers of a stack that run; those known are not inspected again.

    ``folder`` is where the cloud keeps what containers share with their agents.
    """

    def __init__(self, url: str, stack: str, folder: Path, *, timeout_s: float) -> None:
        self._url, self._stack, self._folder = url, stack, folder
        self._timeout_s = timeout_s
        self._client: APIClient | None = None
        self._known: Mapping[str, Watched] = {}

    def __call__(self) -> dict[Identity, Watched]:
        """Return them.

        Raises
        ------
        OSError
            The engine does not answer.
        """
        try:
            client = self._client = self._client or connect(self._url, timeout_s=ANSWER_S)
            boxes = [box for box in calls.boxes(client, self._stack) if box.phase is Phase.ALIVE]
            self._known = {box.id: self._known.get(box.id) or self._watched(client, box) for box in boxes}
        except FAILED as error:
            self._client = None
            raise OSError(f"docker at {self._url} does not answer: {error}") from error
        return {watched.who: watched for watched in self._known.values()}

    def _watched(self, client: APIClient, box: Box) -> Watched:
        """Return a container as it is watched."""
        where, shared = box.where, shared_folder(self._folder, box.where.member)
        group = group_of(int(client.inspect_container(box.id)["State"].get("Pid") or 0))
        return Watched(
            who=Identity(
                tenant=where.tenant, application=where.application, cluster=where.cluster, member=where.member
            ),
            measure=f"container:{box.id}" if group is None else f"cgroup:{group}",
            container=box.id,
            probe=probe_at(box.health, address=f"{HOST}:{box.port}", timeout_s=self._timeout_s),
            exports=shared / "exports",
            exported=box.exports,
            metadata=shared / "metadata.json",
        )


def group_of(pid: int, *, proc: Path = PROC) -> str | None:
    """Return the control group of a process; ``None`` when its files cannot be seen from here."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return None
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    path = paths.get("memory") or paths.get("", "")  # v1, v2
    if not path.strip("/") or ".." in path.split("/"):
        return None
    groups = Groups(path)
    return path if groups.exists() and groups.read().cpu_s is not None else None
