"""What tests do on the stand-in: a namespace and a node of their own, with our rights there and no others."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config

from config.kubernetes_account import KubernetesAccount
from streams.records.action import Launch
from tests.kubernetes_stand_in.access import ADMIN, PILEUS
from tests.kubernetes_stand_in.controllers import Controllers
from tests.kubernetes_stand_in.server import Plane, running_plane
from tests.waiting import wait_until

RBAC = Path(__file__).resolve().parents[2] / "docs" / "kubernetes-rbac.yaml"
IMAGE = "registry.test/shop:1"
LAUNCH_S = 20.0
RBAC_GROUP = "rbac.authorization.k8s.io"
_numbers = itertools.count(1)


def _untyped(api: Any) -> Any:
    """Return an API that takes an object's JSON, too, as the client does whatever its types say."""
    return api


def rights() -> list[dict[str, Any]]:
    """Return the documents of the manifest that operators apply."""
    return list(yaml.safe_load_all(RBAC.read_text(encoding="utf-8")))


def _node(name: str, pods: int) -> dict[str, Any]:
    room = {"cpu": "64", "memory": "64Gi", "pods": str(pods)}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "simulated"}
    labels = {"kubernetes.io/hostname": name}
    status = {"capacity": room, "allocatable": room, "conditions": [ready]}
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}


class Cluster:
    """A stand-in that runs, and an admin of it."""

    def __init__(self, plane: Plane, *, kubelets: bool = True) -> None:
        self.plane = plane
        settings: Any = client.Configuration()
        load: Any = config.load_kube_config
        load(str(plane.kubeconfig(ADMIN)), client_configuration=settings, persist_config=False)
        self.client: Any = client.ApiClient(settings)
        self.core = _untyped(client.CoreV1Api(self.client))
        self.apps = _untyped(client.AppsV1Api(self.client))
        self.controllers = Controllers(plane.api, kubelets=kubelets)
        self._rbac = _untyped(client.RbacAuthorizationV1Api(self.client))
        for each in rights():
            if each["kind"] == "ClusterRole":
                self._rbac.create_cluster_role(each)

    def site(self, *, room: int = 100) -> "Site":
        """Return a namespace of its own, with our rights, and a node with room for so many pods."""
        name = f"test-{next(_numbers)}"
        self.core.create_namespace({"metadata": {"name": name}})
        for role in ("pileus-actuators", "pileus-workloads", "pileus-balancer"):
            binding = {
                "metadata": {"name": role},
                "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "User", "name": "pileus", "apiGroup": RBAC_GROUP}],
            }
            self._rbac.create_namespaced_role_binding(name, binding)
        self.core.create_node(_node(name, room))
        return Site(self, name)

    def has_namespace(self, name: str) -> bool:
        """Say whether a namespace is there."""
        try:
            self.core.read_namespace(name)
        except client.ApiException as error:
            if error.status != 404:
                raise
            return False
        return True


class Site:
    """A namespace, with a node that bears its name."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name
        self.core, self.apps = cluster.core, cluster.apps
        self.properties = {"nodeSelector": f"kubernetes.io/hostname={name}"}
        self.launch = Launch(image=IMAGE, ports=[8080], command=["serve", "{port}"], properties=self.properties)

    def account(self, *, url: str = "", token: str = PILEUS, **given: Any) -> KubernetesAccount:
        """Return an account with our rights here."""
        usual: dict[str, Any] = {
            "owner": "tests",
            "kubeconfig": str(self.cluster.plane.kubeconfig(token, url=url)),
            "namespace": self.name,
            "poll_s": 0.1,
            "room_s": 1.5,
            "settle_s": LAUNCH_S,
            "look_s": 0.0,
        }
        return KubernetesAccount(**(usual | given))

    def pods(self) -> dict[str, Any]:
        """Return the pods that there are, by name, as the API has them."""
        listed = self.cluster.client.sanitize_for_serialization(self.core.list_namespaced_pod(self.name))
        return {each["metadata"]["name"]: each for each in listed["items"]}

    def lose(self, name: str, *, phase: str = "Failed") -> None:
        """Let a pod's container end by itself."""
        self.cluster.controllers.kubelets.end(self.name, name, phase=phase)

    def create_deployment(self, name: str = "web", *, replicas: int = 0, kind: str = "Deployment") -> None:
        """Declare a workload, as an operator would."""
        labels = {"app": name}
        spec = {"nodeSelector": {"kubernetes.io/hostname": self.name}, "containers": [{"name": "m", "image": IMAGE}]}
        body: dict[str, Any] = {
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }
        if kind == "Deployment":
            self.apps.create_namespaced_deployment(self.name, body)
        else:
            body["spec"] |= {"serviceName": name, "podManagementPolicy": "Parallel"}
            self.apps.create_namespaced_stateful_set(self.name, body)

    def close(self) -> None:
        """Leave nothing behind."""
        self.core.delete_namespace(self.name)
        wait_until(lambda: not self.cluster.has_namespace(self.name), within_s=20, what=f"{self.name} is gone")
        self.core.delete_node(self.name)


@contextmanager
def running_cluster(directory: Path, *, kubelets: bool = True) -> Iterator[Cluster]:
    """Run a cluster in an empty folder; without ``kubelets``, pods that are bound wait for somebody else's."""
    with running_plane(directory) as plane:
        cluster = Cluster(plane, kubelets=kubelets)
        cluster.controllers.start()
        yield cluster
        cluster.controllers.stop()
        cluster.client.close()
        assert cluster.controllers.failed == []
