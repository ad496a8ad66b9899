"""What is said to a Docker engine: each function is one step, blocks, and raises what the SDK raises.

Everything that changes a container asks first whether it is ours; the engine then acts on its id, so that a name that
changes hands in between hurts nobody.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.types import LogConfig

from actuators.clouds.docker_agents import INSIDE
from actuators.clouds.docker_box import MEMBER, STACK, Box, Phase, box, labels, tombstone
from actuators.clouds.docker_engine import CONFLICT
from actuators.clouds.docker_options import Options
from actuators.ports import Where
from streams.records.action import Launch

FORGET_S = 7 * 86400.0
"""Tombstones are kept this long (s): as long as ``pileus.actions`` keeps a launch that could be read again."""
LOG = LogConfig(type=LogConfig.types.JSON, config={"max-size": "16m", "max-file": "2"})
NANO = 1e9


def boxes(client: APIClient, stack: str, member: str | None = None) -> list[Box]:
    """Return the containers of a stack, or of one member of it; 3 ms, as the engine does not inspect them."""
    wanted = [f"{STACK}={stack}"] + ([] if member is None else [f"{MEMBER}={member}"])
    listed = client.containers(all=True, filters={"label": wanted})
    return [found for each in listed if (found := box(each, stack=stack)) is not None]


def is_anothers(client: APIClient, name: str, stack: str) -> bool:
    """Return whether ``name`` is a container's that is not this stack's; a container that is gone is nobody's."""
    try:
        found = client.inspect_container(name)
    except NotFound:
        return False
    return (found["Config"].get("Labels") or {}).get(STACK) != stack


def create(
    client: APIClient, where: Where, launch: Launch, made: Options, *, stack: str, port: int, host: str, shared: Path
) -> Box:
    """Create a container; nothing runs yet."""
    inside = made.listens_on(port)
    config = client.create_host_config(
        network_mode=made.network,
        port_bindings=None if made.on_host else {inside: (host, port)},
        mem_limit=made.memory_bytes,
        memswap_limit=made.memory_bytes,
        nano_cpus=None if made.cpus is None else round(made.cpus * NANO),
        restart_policy={"Name": "no"},  # Pileus heals, by another member
        log_config=LOG,
        init=made.init,
        binds={str(shared): {"bind": INSIDE, "mode": "rw"}},
    )
    words = [word.replace("{python}", "python3").replace("{port}", str(inside)) for word in launch.command]
    made_of = labels(where, launch, stack=stack, port=port)
    answer = client.create_container(
        launch.image,
        entrypoint=words[:1] or None,
        command=words[1:] or None,
        environment=_environment(where, launch, listen=host if made.on_host else "0.0.0.0", port=inside),  # noqa: S104 - inside
        labels=made_of,
        name=where.member,
        ports=[(inside, "tcp")],
        host_config=config,
    )
    return Box(
        id=answer["Id"],
        where=where,
        port=port,
        phase=Phase.CREATED,
        health=launch.health,
        exports=tuple(launch.exports),
    )


def _environment(where: Where, launch: Launch, *, listen: str, port: int) -> dict[str, str]:
    """Return what a container is told: the launch's variables, and over them who it is."""
    own = {"PILEUS_CLUSTER": where.cluster, "PILEUS_APPLICATION": where.application, "PILEUS_TENANT": where.tenant}
    files = {"PILEUS_EXPORTS": f"{INSIDE}/exports", "PILEUS_METADATA": f"{INSIDE}/metadata.json"}
    return launch.environment | own | files | {"PILEUS_MEMBER": where.member, "HOST": listen, "PORT": str(port)}


def signal(client: APIClient, member: str, stack: str, number: str = "") -> None:
    """Signal a member's container, without ``number`` as its image wants to be stopped. One that has ended is fine."""
    for each in boxes(client, stack, member):
        with _gone_is_fine():
            wanted = number or client.inspect_container(each.id)["Config"].get("StopSignal") or "SIGTERM"
            client.kill(each.id, wanted)


def remove(client: APIClient, member: str, stack: str) -> None:
    """Remove a member's container with its anonymous volumes, whatever it does."""
    for each in boxes(client, stack, member):
        with _gone_is_fine():
            client.remove_container(each.id, v=True, force=True)


def discard(client: APIClient, container: str) -> None:
    """Remove a container that does not run; one that does, stays."""
    with _gone_is_fine():
        client.remove_container(container, v=True)


def bury(client: APIClient, stack: str, member: str) -> None:
    """Write a member's tombstone; once more is fine."""
    client.create_volume(tombstone(member, stack=stack), labels={STACK: stack, MEMBER: member})


def has_tombstone(client: APIClient, stack: str, member: str) -> bool:
    """Return whether a member has ended."""
    try:
        client.inspect_volume(tombstone(member, stack=stack))
    except NotFound:
        return False
    return True


def tombstones(client: APIClient, stack: str) -> set[str]:
    """Return every member of a stack that has ended."""
    return {member for member, _, _ in _buried(client, stack)}


def forget(client: APIClient, stack: str, *, older_s: float = FORGET_S) -> None:
    """Remove the tombstones of a stack that are at least ``older_s`` old (s), by the engine's own clock."""
    now = datetime.fromisoformat(client.info()["SystemTime"]).timestamp()
    for _, name, since in list(_buried(client, stack)):
        if now - since >= older_s or not older_s:
            with _gone_is_fine():
                client.remove_volume(name)


def _buried(client: APIClient, stack: str) -> Iterator[tuple[str, str, float]]:
    """Yield member, volume and time of each tombstone."""
    for volume in client.volumes(filters={"label": f"{STACK}={stack}"})["Volumes"] or []:
        member = (volume.get("Labels") or {}).get(MEMBER, "")
        if volume["Name"] == tombstone(member, stack=stack):
            yield member, volume["Name"], datetime.fromisoformat(volume["CreatedAt"]).timestamp()


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    """Let pass that a container is gone, does not run, or is being removed by somebody else."""
    try:
        yield
    except APIError as error:
        if not isinstance(error, NotFound) and (error.response is None or error.response.status_code != CONFLICT):
            raise
