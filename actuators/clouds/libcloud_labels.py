"""How an instance says whose it is: its tags. What does not carry them all is not ours, and is never touched. Pure."""

import hashlib
from collections.abc import Mapping

from actuators.ports import Where

PREFIX = "pileus:"
OWNER = f"{PREFIX}owner"
MEMBER = f"{PREFIX}member"
PORT = f"{PREFIX}port"
_FIELDS = {
    "tenant": f"{PREFIX}tenant",
    "application": f"{PREFIX}application",
    "cluster": f"{PREFIX}cluster",
    "member": MEMBER,
    "network_partition": f"{PREFIX}network-partition",
    "partition": f"{PREFIX}partition",
}


def labels(owner: str, where: Where, port: int) -> dict[str, str]:
    """Return the tags of an instance."""
    return {OWNER: owner, PORT: str(port)} | {tag: getattr(where, field) for field, tag in _FIELDS.items()}


def where_of(tags: Mapping[str, str], owner: str) -> Where | None:
    """Return what an instance with these tags belongs to; ``None`` when it is not this owner's."""
    if tags.get(OWNER) != owner or not all(tag in tags for tag in _FIELDS.values()):
        return None
    return Where(**{field: tags[tag] for field, tag in _FIELDS.items()})


def port_of(tags: Mapping[str, str]) -> int:
    """Return where an instance serves; 0 when its tags do not say."""
    said = tags.get(PORT, "")
    return int(said) if said.isascii() and said.isdecimal() else 0


def token(owner: str, member: str) -> str:
    """Return the client token of a member's launch: the same for each attempt, and for no other member."""
    return hashlib.sha256(f"{owner}/{member}".encode()).hexdigest()[:32]
