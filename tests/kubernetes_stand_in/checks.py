"""What must be true of the metadata of every object, and of ConfigMaps, namespaces, quotas."""

import re
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_stand_in.refusals import bad_request, invalid
from tests.kubernetes_stand_in.resources import RBAC, Resource
from tests.kubernetes_stand_in.store import Object

Causes = list[tuple[str, str]]
"""Fields, and what is wrong with each."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_LABEL_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
QUOTAS = {"pods"}


def body_fits(of: Resource, made: Any, *, namespace: str, name: str) -> None:
    """Raise :class:`RefusedError` (400) when a body is not of the resource, or not for this place."""
    if not isinstance(made, dict) or not isinstance(made.get("metadata", {}), dict):
        raise bad_request("the object provided is unrecognized")
    if made.get("kind", of.kind) != of.kind or made.get("apiVersion", of.api_version) != of.api_version:
        raise bad_request(f"{made.get('apiVersion')}, Kind={made.get('kind')} in the body is no {of.kind}")
    metadata = made.get("metadata", {})
    if of.namespaced and metadata.get("namespace", namespace) != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if name and metadata.get("name", name) != name:
        raise bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")


def metadata_causes(of: Resource, metadata: Mapping[str, Any]) -> Causes:
    """Return what is wrong with an object's metadata."""
    name = metadata.get("name") or ""
    if not name:
        return [("metadata.name", "Required value: name or generateName is required")]
    fits = (_LABEL_NAME if of.name == "services" else _NAME).fullmatch(name)
    found = []
    if of.group != RBAC and not fits:
        found.append(("metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 name is needed'))
    for key, value in (metadata.get("labels") or {}).items():
        if not _KEY.fullmatch(key):
            found.append(("metadata.labels", f'Invalid value: "{key}": name part must consist of alphanumerics'))
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            found.append(("metadata.labels", f'Invalid value: "{value}": a valid label must be at most 63 characters'))
    for key, value in (metadata.get("annotations") or {}).items():
        if not _KEY.fullmatch(key.lower()) or not isinstance(value, str):
            found.append(("metadata.annotations", f'Invalid value: "{key}"'))
    return found


def config_map_causes(made: Object, there: Object | None) -> Causes:
    """Return what is wrong with a ConfigMap: one that is immutable stays so, with its data."""
    if there is None or not there.get("immutable"):
        return []
    same = all(made.get(name) == there.get(name) for name in ("immutable", "data", "binaryData"))
    return [] if same else [("data", "Forbidden: field is immutable when `immutable` is set")]


def quota_causes(made: Object, _: Object | None) -> Causes:
    """Return what is wrong with a quota; we count pods alone."""
    others = set((made.get("spec") or {}).get("hard") or {}) - QUOTAS
    return [("spec.hard", f"Unsupported by this stand-in: {each}") for each in sorted(others)]


def refuse(of: Resource, name: str, causes: Causes) -> None:
    """Raise :class:`RefusedError` (422) when there are causes."""
    if causes:
        raise invalid(of.kind, of.group, name, causes)
