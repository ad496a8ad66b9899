"""Services: defaults, what is valid, addresses and node ports."""

from typing import Any

from tests.kubernetes_stand_in.checks import Causes
from tests.kubernetes_stand_in.store import Object, Store

_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
NODE_PORTS = range(30000, 32768)


def complete(store: Store, made: Object, there: Object | None) -> None:
    """Give a Service its defaults, an address, and node ports if it is of a type that has them."""
    spec = made.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    else:
        spec.pop("sessionAffinityConfig", None)
    others = [each for each in store.all("services") if not _same(each, made)]
    if not spec.get("clusterIP"):
        taken = {each["spec"]["clusterIP"] for each in others}
        free = (f"10.96.{n // 250}.{n % 250 + 1}" for n in range(60_000))
        spec["clusterIP"] = there["spec"]["clusterIP"] if there else next(each for each in free if each not in taken)
    used = {port.get("nodePort") for each in others for port in each["spec"]["ports"]}
    for n, port in enumerate(spec.get("ports") or []):
        _port(spec, port, there["spec"]["ports"][n : n + 1] if there else [], used)
    made.setdefault("status", {"loadBalancer": {}})


def causes(store: Store, made: Object, there: Object | None) -> Causes:
    """Return what is wrong with a Service, or with its change."""
    spec, found = made["spec"], list[tuple[str, str]]()
    ports = spec.get("ports") or []
    if spec["type"] not in _TYPES:
        found.append(("spec.type", f'Unsupported value: "{spec["type"]}": supported values: {", ".join(_TYPES)}'))
    if not ports:
        found.append(("spec.ports", "Required value"))
    if there is not None and spec["clusterIP"] != there["spec"]["clusterIP"]:
        found.append(("spec.clusterIP", "Invalid value: may not change once set"))
    others = [each for each in store.all("services") if not _same(each, made)]
    used = {port.get("nodePort") for each in others for port in each["spec"]["ports"]}
    for n, port in enumerate(ports):
        found += _wrong(port, f"spec.ports[{n}]", used, named=len(ports) > 1)
    for name in ("name", "port"):
        values = [each.get(name) for each in ports]
        found += [(f"spec.ports.{name}", f"Duplicate value: {each}") for each in set(values) if values.count(each) > 1]
    return found


def _port(spec: Object, port: dict[str, Any], before: list[dict[str, Any]], used: set[Any]) -> None:
    port.setdefault("protocol", "TCP")
    port.setdefault("targetPort", port.get("port"))
    if spec.get("type") == "ClusterIP":
        port.pop("nodePort", None)
    elif not port.get("nodePort"):
        kept = before[0].get("nodePort") if before and before[0].get("port") == port.get("port") else None
        port["nodePort"] = kept or next(each for each in NODE_PORTS if each not in used)
        used.add(port["nodePort"])


def _wrong(port: dict[str, Any], field: str, used: set[Any], *, named: bool) -> Causes:
    found = [
        (f"{field}.{name}", f"Invalid value: {port.get(name)}: must be between 1 and 65535, inclusive")
        for name in ("port", "targetPort")
        if not isinstance(port.get(name), int) or not 1 <= port[name] <= 65535
    ]
    if named and not port.get("name"):
        found.append((f"{field}.name", "Required value"))
    if (asked := port.get("nodePort")) is not None and asked not in NODE_PORTS:
        found.append((f"{field}.nodePort", f"Invalid value: {asked}: provided port is not in the valid range"))
    elif asked in used and asked is not None:
        found.append((f"{field}.nodePort", f"Invalid value: {asked}: provided port is already allocated"))
    return found


def _same(one: Object, other: Object) -> bool:
    names = ("namespace", "name")
    return [one["metadata"].get(name) for name in names] == [other["metadata"].get(name) for name in names]
