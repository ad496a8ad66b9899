"""Who is routed, as files: Caddy reads them, and they outlive the agent that writes them.

``routed/CLUSTER/HOST:PORT`` holds the name of a member that may receive requests, ``leaving/CLUSTER/HOST:PORT``
that of one that may not, until it is known that it carries none. A file moves between the two in one step.
"""

from collections.abc import Iterable
from pathlib import Path

from actuators.ports import BalancerError, Target

CONFIG = "caddy.json"
"""The configuration that Caddy was started with stands beside the two directories."""
ROUTED, LEAVING = "routed", "leaving"


def address_of(target: Target) -> str:
    """Return ``HOST:PORT``: how Caddy calls it, and the name of its file."""
    return f"{target.host}:{target.port}"


class MemberFiles:
    """The two folders of one cluster. Every method raises :class:`BalancerError` when the disk does not obey."""

    def __init__(self, directory: Path, cluster: str) -> None:
        self.root = directory / ROUTED / cluster
        """What Caddy looks at. It must exist before Caddy starts and is never replaced."""
        self._leaving = directory / LEAVING / cluster

    def create(self) -> None:
        """Make the folders. Those that exist stay as they are."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._leaving.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BalancerError(f"caddy: cannot create {self.root}: {error}") from error

    def routed(self, addresses: Iterable[str]) -> dict[str, Target]:
        """Return the members among ``addresses`` that may receive requests, by address."""
        return self._read(self.root, addresses)

    def leaving(self, addresses: Iterable[str]) -> dict[str, Target]:
        """Return the members among ``addresses`` that were taken out, by address."""
        return self._read(self._leaving, addresses)

    def enter(self, target: Target) -> None:
        """Let a member receive requests, whoever was at its address before."""
        address = address_of(target)
        draft = self._leaving / f".{address}"
        try:
            draft.write_text(target.member)
            draft.replace(self.root / address)
            (self._leaving / address).unlink(missing_ok=True)
        except OSError as error:
            raise BalancerError(f"caddy: cannot route {target.member} at {address}: {error}") from error

    def leave(self, address: str) -> None:
        """Let no new request go to an address. One that is not routed stays so."""
        try:
            (self.root / address).replace(self._leaving / address)
        except FileNotFoundError:
            return
        except OSError as error:
            raise BalancerError(f"caddy: cannot take out {address}: {error}") from error

    def forget(self, address: str) -> None:
        """Note that a member that left carries no request any more."""
        try:
            (self._leaving / address).unlink(missing_ok=True)
        except OSError as error:
            raise BalancerError(f"caddy: cannot forget {address}: {error}") from error

    def _read(self, directory: Path, addresses: Iterable[str]) -> dict[str, Target]:
        """Read the files whose names are among ``addresses``."""
        try:
            names = sorted({path.name for path in directory.iterdir()}.intersection(addresses))
            members = {name: (directory / name).read_text() for name in names}
        except (OSError, UnicodeDecodeError) as error:
            raise BalancerError(f"caddy: cannot read {directory}: {error}") from error
        return {name: _target(name, member) for name, member in members.items()}


def _target(address: str, member: str) -> Target:
    """Return the target that a file stands for."""
    host, _, port = address.rpartition(":")
    return Target(member=member, host=host, port=int(port))
