"""The controller of EndpointSlices: which pods a Service sends requests to."""

from typing import Any

from tests.kubernetes_stand_in.api import Api
from tests.kubernetes_stand_in.kubelet import is_ready
from tests.kubernetes_stand_in.pods import ENDED
from tests.kubernetes_stand_in.resources import RESOURCES
from tests.kubernetes_stand_in.store import Object

OF, BY = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
MOST = 100
"""Endpoints per slice."""
_SLICES = RESOURCES["endpointslices"]


def follow(api: Api) -> None:
    """Write the slices of every Service that selects pods; take away those of Services that are gone."""
    wanted = dict[tuple[str, str], Object]()
    for service in api.store.all("services"):
        if service["spec"].get("selector"):
            wanted |= _slices(api, service)
    there = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each for each in api.store.all("endpointslices")
    }
    for key, each in there.items():
        if key in wanted:
            api.store.replace(_SLICES, {**each, **{name: wanted[key][name] for name in ("endpoints", "ports")}})
        elif (each["metadata"].get("labels") or {}).get(BY):
            api.store.remove(_SLICES, each)
    for key in wanted.keys() - there.keys():
        if not api.store.get("namespaces", "", key[0])["metadata"].get("deletionTimestamp"):
            api.create(_SLICES, wanted[key], namespace=key[0])


def _slices(api: Api, service: Object) -> dict[tuple[str, str], Object]:
    metadata, spec = service["metadata"], service["spec"]
    pods = [each for each in api.store.all("pods", metadata["namespace"]) if _chosen(each, spec["selector"])]
    ports = [
        {"name": each.get("name", ""), "port": each["targetPort"], "protocol": each["protocol"]}
        for each in spec["ports"]
    ]
    owner = {
        "apiVersion": "v1",
        "kind": "Service",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    found = {}
    for n in range(0, len(pods) or 1, MOST):
        name = f"{metadata['name']}-slice-{n // MOST}"
        said = {"name": name, "labels": {OF: metadata["name"], BY: "endpointslice-controller.k8s.io"}}
        body = {"metadata": {**said, "ownerReferences": [owner]}, "addressType": "IPv4", "ports": ports}
        found[metadata["namespace"], name] = {**body, "endpoints": [_endpoint(each) for each in pods[n : n + MOST]]}
    return found


def _chosen(pod: Object, wanted: dict[str, str]) -> bool:
    """Say whether a Service has a pod among its endpoints: it has an address, and has not ended."""
    labels, status = pod["metadata"].get("labels") or {}, pod["status"]
    return wanted.items() <= labels.items() and bool(status.get("podIP")) and status.get("phase") not in ENDED


def _endpoint(pod: Object) -> dict[str, Any]:
    metadata, serving = pod["metadata"], is_ready(pod)
    ending = bool(metadata.get("deletionTimestamp"))
    about = {"kind": "Pod", **{name: metadata[name] for name in ("namespace", "name", "uid")}}
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": serving and not ending, "serving": serving, "terminating": ending},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": about,
    }
