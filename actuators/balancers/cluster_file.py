"""One cluster of a balancer as a file: what is wanted, in comments, and then the configuration that follows from it."""

import os
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

import msgspec

from actuators.balancers.checked import fault_of, require_listener
from actuators.ports import BalancerError, Target

FIRST = "# pileus: "
"""How the first lines begin: balancers bound the length of a line, so what is wanted takes many. The rest of the
file is made from it: a change by hand does not last."""


class ClusterFile(msgspec.Struct, frozen=True, kw_only=True):
    """How one cluster is served, and by whom."""

    listen: str
    """``IPv4:PORT`` that clients ask; empty: they ask the front alone (HAProxy only)."""
    maxconn: int = 0
    """Most requests at a time on one member, the others queue (HAProxy only); 0: no bound."""
    sticky: bool = False
    """Clients stay with their members (HAProxy only)."""
    revision: int = 0
    """Grows with every change."""
    routed: tuple[Target, ...] = ()
    """Members that receive new requests, sorted."""
    leaving: tuple[Target, ...] = ()
    """Members that were taken out and are not known to be idle yet (nginx only), sorted."""

    def __post_init__(self) -> None:
        """Refuse what cannot be written into a configuration."""
        if self.listen:
            require_listener(self.listen)
        if faults := [fault for target in (*self.routed, *self.leaving) if (fault := fault_of(target))]:
            raise ValueError(faults[0])


def _said(wanted: ClusterFile) -> str:
    """Return what is wanted as JSON, one word in a line."""
    return msgspec.json.format(msgspec.json.encode(wanted), indent=1).decode()


def by_member(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Return targets in their order."""
    return tuple(sorted(targets, key=lambda target: target.member))


def read(path: Path, kind: str) -> ClusterFile:
    """Read what is wanted.

    Raises
    ------
    BalancerError
        There is no such file, or it is not one of ours.
    """
    try:
        with path.open() as file:
            lines = [line.removeprefix(FIRST) for line in takewhile(lambda line: line.startswith(FIRST), file)]
        return msgspec.json.decode("".join(lines), type=ClusterFile)
    except (OSError, ValueError) as error:
        raise BalancerError(f"{kind}: cannot read {path}: {error}") from error


def write(path: Path, wanted: ClusterFile, body: str, kind: str) -> None:
    """Write the file in one step, and be sure that it is on the disk.

    Raises
    ------
    BalancerError
        The disk does not obey; the file is as it was.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("w") as file:
            file.writelines(f"{FIRST}{line}\n" for line in _said(wanted).splitlines())
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BalancerError(f"{kind}: cannot write {path}: {error}") from error
