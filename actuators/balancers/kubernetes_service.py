"""The Service of a cluster: what it is made of, and what its EndpointSlices say. Pure."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from actuators.kube.labels import CLUSTER, OWNER, SERVING, value
from actuators.ports import Target
from config.cartridge import PortMapping
from config.kubernetes_account import KubernetesAccount, Namespace

Port = Annotated[int, Meta(ge=1, le=65535)]
LEFT = "pileus/left"
"""Annotation of a pod that was taken out: when (s since the Unix epoch)."""


class ServicePort(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One port mapping."""

    port: Port
    """Of the Service (``proxyPort``)."""
    target_port: Port
    """Of a member (``port``)."""
    name: str = ""
    node_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    """Of every node, for a ``NodePort``; 0: the cluster's own choice."""


class ClusterService(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How one cluster is served."""

    name: Namespace
    """Of the Service; a DNS label."""
    ports: Annotated[tuple[ServicePort, ...], Meta(min_length=1)]
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    namespace: str = ""
    """Where the cluster's pods are; empty: the account's."""
    affinity: bool = False
    """Send a client's requests to the same member (by its address)."""


class Services(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The file ``kubernetes.json`` of a balancer: which Services, with whose credentials."""

    account: KubernetesAccount
    services: dict[str, ClusterService]
    """By cluster."""
    spread_s: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    """How long nodes may take to learn that a pod has left its Service (s)."""
    drain_s: Annotated[float, Meta(ge=0, le=86400)] = 30.0
    """How long requests on a pod that has left may still be open (s): a Service does not count them."""


def service_of(name: str, mappings: Iterable[PortMapping], *, namespace: str = "") -> ClusterService:
    """Return the Service that a cartridge's port mappings ask for; the first one says of which type.

    Raises
    ------
    ValueError
        There are none, or two for one port.
    """
    told = tuple(mappings)
    if not told:
        raise ValueError(f"service {name}: no port mapping")
    ports = tuple(
        ServicePort(
            port=each.proxy_port or each.port,
            target_port=each.port,
            name=(each.name or f"{each.protocol}-{each.port}").lower(),
        )
        for each in told
    )
    if len({each.port for each in ports}) < len(ports):
        raise ValueError(f"service {name}: two port mappings for one port")
    return ClusterService(name=name, ports=ports, type=told[0].kubernetes_port_type, namespace=namespace)


def manifest(cluster: str, service: ClusterService, *, owner: str, namespace: str) -> dict[str, Any]:
    """Return the Service of a cluster: it sends requests to the pods that serve."""
    chosen = {OWNER: owner, CLUSTER: value(cluster)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service.name, "namespace": namespace, "labels": chosen},
        "spec": {
            "type": service.type,
            "selector": chosen | {SERVING: "true"},
            "ports": [_port(each) for each in service.ports],
            "sessionAffinity": "ClientIP" if service.affinity else "None",
        },
    }


def differs(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether a Service is not what is wanted, in what we say of it."""
    given, asked = there["spec"], wanted["spec"]
    if any(given.get(name) != asked[name] for name in ("type", "selector", "sessionAffinity")):
        return True
    ports = [{name: each.get(name) for name in ask} for each, ask in zip(given["ports"], asked["ports"], strict=False)]
    return len(given["ports"]) != len(asked["ports"]) or ports != asked["ports"]


def routed(slices: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the uids of the pods that EndpointSlices send requests to."""
    found = set()
    for each in slices:
        for endpoint in each.get("endpoints") or []:
            conditions = endpoint.get("conditions") or {}
            pod = endpoint.get("targetRef") or {}
            if conditions.get("ready") is not False and pod.get("kind") == "Pod":  # nil counts as ready
                found.add(pod["uid"])
    return found


def left_at(metadata: Mapping[str, Any]) -> float | None:
    """Return when a pod was taken out (s since the Unix epoch); ``None``: it was not."""
    try:
        return float((metadata.get("annotations") or {})[LEFT])
    except (KeyError, ValueError):
        return None


def target(made: Mapping[str, Any], member: str, port: int) -> Target:
    """Return a pod as a target."""
    return Target(member=member, host=(made.get("status") or {}).get("podIP") or "", port=port)


def _port(each: ServicePort) -> dict[str, Any]:
    name = each.name or f"port-{each.port}"
    made: dict[str, Any] = {"name": name, "port": each.port, "targetPort": each.target_port, "protocol": "TCP"}
    return made | ({"nodePort": each.node_port} if each.node_port else {})
