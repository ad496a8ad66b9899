"""How a pod says whose it is: labels to select by, and one annotation that has every word in full. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from actuators.ports import Where

OWNER = "pileus/owner"
MEMBER = "pileus/member"
CLUSTER = "pileus/cluster"
ENDED = "pileus/ended"
"""On what is kept of a member that has ended."""
SERVING = "pileus/serving"
"""``true``: the Service of its cluster sends requests to it."""
PLACE = "pileus/place"
"""Annotation: JSON of what it belongs to, its port, and the workload it was taken from."""
_FIELDS = {
    "tenant": "pileus/tenant",
    "application": "pileus/application",
    "cluster": CLUSTER,
    "member": MEMBER,
    "network_partition": "pileus/network-partition",
    "partition": "pileus/partition",
}
_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def value(text: str) -> str:
    """Return a text as a label's value: itself where it can be one, else its beginning and a hash."""
    if _VALUE.fullmatch(text):
        return text
    begin = re.sub(r"[^A-Za-z0-9]", "-", text)[:40].strip("-")
    return f"{begin}.{hashlib.sha256(text.encode()).hexdigest()[:12]}".lstrip(".")


def labels(owner: str, where: Where) -> dict[str, str]:
    """Return the labels of a pod."""
    return {OWNER: owner} | {label: value(getattr(where, field)) for field, label in _FIELDS.items()}


def place(where: Where, *, port: int, workload: str = "") -> str:
    """Return the annotation of a pod."""
    said = {field: getattr(where, field) for field in _FIELDS} | {"port": port}
    return json.dumps(said | ({"workload": workload} if workload else {}), sort_keys=True)


def read_place(metadata: Mapping[str, Any], owner: str) -> tuple[Where, int, str] | None:
    """Return what a pod belongs to, its port and its workload; ``None`` when it is not this owner's."""
    if (metadata.get("labels") or {}).get(OWNER) != owner:
        return None
    try:
        said = json.loads((metadata.get("annotations") or {}).get(PLACE, ""))
        where = Where(**{field: str(said[field]) for field in _FIELDS})
        port, workload = int(said["port"]), str(said.get("workload", ""))
    except (ValueError, KeyError, TypeError):
        return None
    return (where, port, workload) if metadata["labels"].get(MEMBER) == where.member else None


def selector(**wanted: str) -> str:
    """Return a label selector: ``owner=..., member=...`` of the labels above."""
    return ",".join(f"pileus/{name}={value(text)}" for name, text in wanted.items())
