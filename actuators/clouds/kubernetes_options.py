"""What the properties of a cartridge and a partition say about a pod. Pure.

``cpu`` and ``memory`` are reserved (requests) and, unless said otherwise, the most it gets (limits). Stratos' names
count too: ``KUBERNETES_CONTAINER_CPU``, ``KUBERNETES_CONTAINER_MEMORY``, ``IMAGE_PULL_SECRETS``, ``IMAGE_PULL_POLICY``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from actuators.ports import InvalidRequestError
from config.kubernetes_account import EVERYWHERE, KubernetesAccount

QUANTITY = re.compile(r"\d+(\.\d+)?([eE]-?\d+|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
PULLS = ("Always", "IfNotPresent", "Never")
SECURITY = ("restricted",)
"""Pod Security Standards that a pod can be made for."""
VICTIMS = ("cost", "ordinal")
PARTS = 4
"""Of a workload: group, version, resource, name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An object with a scale, whose pods become members."""

    group: str
    version: str
    resource: str
    name: str
    by_ordinal: bool
    """True: it always ends the pod with the highest number (StatefulSet). False: the one with the lowest cost."""

    def __str__(self) -> str:
        """Return it as :func:`workload` reads it."""
        victim = VICTIMS[self.by_ordinal]
        return f"{self.group}/{self.version}/{self.resource}/{self.name}/{victim}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a pod is to be made."""

    namespace: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    pull: str = ""
    """When the image is fetched; empty: as Kubernetes has it."""
    secrets: tuple[str, ...] = ()
    """Image pull secrets."""
    service_account: str = ""
    """Empty: the namespace's default, and no token in the pod."""
    priority: str = ""
    restricted: bool = False
    """It asks for no more than the Pod Security Standard of that name allows."""
    nodes: Mapping[str, str]
    """Labels that a node must have."""
    container_port: int | None = None
    """Where it listens; ``None``: the first port mapping."""
    workload: Workload | None = None


def options(account: KubernetesAccount, properties: Mapping[str, str], *, tenant: str) -> Options:
    """Read the properties of one launch.

    Raises
    ------
    InvalidRequestError
        A value cannot be; the message names property, value and bound.
    """
    given = {**account.properties, **properties}
    cpu = _quantity(given, "cpu", given.get("KUBERNETES_CONTAINER_CPU", ""))
    memory = _quantity(given, "memory", given.get("KUBERNETES_CONTAINER_MEMORY", ""))
    most = {"cpu": _quantity(given, "cpuLimit", cpu), "memory": _quantity(given, "memoryLimit", memory)}
    pull = given.get("imagePullPolicy") or given.get("IMAGE_PULL_POLICY", "")
    if pull and pull not in PULLS:
        raise _wrong("imagePullPolicy", pull, f"must be one of {', '.join(PULLS)}")
    security = given.get("podSecurity", "").strip()
    if security and security not in SECURITY:
        raise _wrong("podSecurity", security, f"must be one of {', '.join(SECURITY)}")
    secrets = given.get("imagePullSecrets") or given.get("IMAGE_PULL_SECRETS", "")
    return Options(
        namespace=_namespace(account, given, tenant),
        requests={name: text for name, text in {"cpu": cpu, "memory": memory}.items() if text},
        limits={name: text for name, text in most.items() if text},
        pull=pull,
        secrets=tuple(_name("imagePullSecrets", each.strip()) for each in secrets.split(",") if each.strip()),
        service_account=_named(given, "serviceAccount"),
        priority=_named(given, "priorityClass"),
        restricted=bool(security),
        nodes=_nodes(given.get("nodeSelector", "")),
        container_port=_port(given.get("containerPort", "")),
        workload=workload(given["workload"], given.get("victim", "")) if given.get("workload") else None,
    )


def workload(text: str, victim: str = "") -> Workload:
    """Read ``apps/v1/deployments/web``; an end may say ``/cost`` or ``/ordinal``, as ``victim`` may.

    Raises
    ------
    InvalidRequestError
        It is none.
    """
    parts = text.split("/")
    if len(parts) == PARTS + 1 and not victim:
        victim = parts.pop()
    if len(parts) != PARTS or not all(map(NAME.fullmatch, parts)):
        raise _wrong("workload", text, "must be GROUP/VERSION/RESOURCE/NAME, such as apps/v1/deployments/web")
    victim = victim or ("ordinal" if parts[2] == "statefulsets" else "cost")
    if victim not in VICTIMS:
        raise _wrong("victim", victim, f"must be one of {', '.join(VICTIMS)}")
    group, version, resource, name = parts
    return Workload(group=group, version=version, resource=resource, name=name, by_ordinal=victim == "ordinal")


def _namespace(account: KubernetesAccount, given: Mapping[str, str], tenant: str) -> str:
    """Return where the pod is to be: one of the account's namespaces; ``{tenant}`` stands for the tenant."""
    said = given.get("namespace", "").replace("{tenant}", tenant.replace(".", "-")) or account.namespace
    if not NAMESPACE.fullmatch(said):
        raise _wrong("namespace", said, "must be a name of lower-case letters, digits and '-', at most 63")
    if account.looked_at != (EVERYWHERE,) and said not in account.looked_at:
        raise _wrong("namespace", said, f"must be one of the account's: {', '.join(account.looked_at)}")
    return said


def _quantity(given: Mapping[str, str], name: str, default: str) -> str:
    text = given.get(name, "").strip() or default.strip()
    if text and not QUANTITY.fullmatch(text):
        raise _wrong(name, text, "must be a quantity such as 500m or 256Mi")
    return text


def _named(given: Mapping[str, str], name: str) -> str:
    return _name(name, given[name].strip()) if given.get(name, "").strip() else ""


def _name(of: str, text: str) -> str:
    if not NAME.fullmatch(text):
        raise _wrong(of, text, "must be a name of lower-case letters, digits, '-' and '.'")
    return text


def _nodes(text: str) -> dict[str, str]:
    """Read ``disk=ssd,zone=a``."""
    found = dict[str, str]()
    for each in filter(None, (part.strip() for part in text.split(","))):
        key, equals, label = each.partition("=")
        if not equals or not KEY.fullmatch(key.strip()):
            raise _wrong("nodeSelector", text, "must be LABEL=VALUE, several with commas")
        found[key.strip()] = label.strip()
    return found


def _port(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal() or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - highest port
        raise _wrong("containerPort", text, "must be in 1..65535")
    return int(text)


def _wrong(name: str, text: str, bound: str) -> InvalidRequestError:
    return InvalidRequestError(f"property {name} = {text[:80]!r}: {bound}")
