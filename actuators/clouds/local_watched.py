"""Which instances of a local cloud there are, for the node agent of this machine."""

from collections.abc import Mapping
from pathlib import Path

from actuators.clouds import local_process
from actuators.clouds.local_ports import HOST
from actuators.clouds.local_state import LocalState
from streams.agent.beside import Identity
from streams.agent.watched import Watched, probe_at


class LocalWatched:
    """Finds the instances of the cloud in a state folder; those known are not looked at again."""

    def __init__(self, root: Path, *, timeout_s: float) -> None:
        self._root = root
        self._state: LocalState | None = None
        self._timeout_s = timeout_s
        self._known: Mapping[str, Watched] = {}

    def __call__(self) -> dict[Identity, Watched]:
        """Return them.

        Raises
        ------
        OSError
            The folder cannot be read.
        """
        if self._state is None:
            if not (self._root / "living").is_dir():
                return {}  # no such cloud, or not yet
            self._state = LocalState(self._root)
        known, found = self._known, dict[str, Watched]()
        for member in self._state.living():
            watched = known.get(member) or _watched(self._state, member, timeout_s=self._timeout_s)
            if watched is not None:
                found[member] = watched
        self._known = found
        return {watched.who: watched for watched in found.values()}


def _watched(state: LocalState, member: str, *, timeout_s: float) -> Watched | None:
    """Return an instance; ``None`` when it does not run yet, or not any more."""
    entry = state.entry(member)
    token = {"PILEUS_STATE": str(state.root), "PILEUS_MEMBER": member}
    if entry is None or entry.claim is None or not local_process.lives(entry.claim, token):
        return None
    where, launch = entry.intent.where, entry.intent.launch
    return Watched(
        who=Identity(tenant=where.tenant, application=where.application, cluster=where.cluster, member=member),
        measure=f"pid:{entry.claim.pid}",
        probe=probe_at(launch.health, address=f"{HOST}:{entry.intent.port}", timeout_s=timeout_s),
        logs=(state.log(member),),
        exports=state.exports(member),
        exported=tuple(launch.exports),
        metadata=state.metadata(member),
    )
