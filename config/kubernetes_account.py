"""A Kubernetes cluster as a cloud account: how to reach it, whose pods, in which namespaces."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

EVERYWHERE = "*"
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Namespace = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class KubernetesAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Kubernetes cluster."""

    driver: Literal["kubernetes"] = "kubernetes"
    owner: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
    """Whose pods: the label that tells this Pileus' pods from all others."""
    kubeconfig: str = ""
    """File with cluster and credentials; empty: the service account of the pod that Pileus runs in."""
    context: str = ""
    """Context of the kubeconfig; empty: its current one."""
    namespace: Namespace = "default"
    """Where pods are, unless the property ``namespace`` says otherwise, and what is remembered of those that ended."""
    namespaces: tuple[Annotated[str, Meta(pattern=r"^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$")], ...] = ()
    """Other namespaces that partitions may name; ``*``: any, and pods are looked for in the whole cluster."""
    properties: dict[str, str] = {}
    """Properties of every partition; a cartridge's or partition's own of the same name counts more."""
    timeout_s: Seconds = 10.0
    """How long one call may take."""
    settle_s: Seconds = 30.0
    """How long a launch waits for its pod to run; it is a success after that, too."""
    room_s: Seconds = 5.0
    """How long a pod may be unschedulable before there is no room; more where nodes are added for such pods."""
    end_s: Seconds = 60.0
    """How long a deleted pod may take to be gone, beside its grace."""
    poll_s: Seconds = 1.0
    """How often, at last, a pod that starts or ends is looked at."""
    look_s: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """Least time between two answers to what pods there are (a watch knows them)."""
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 8
    """Calls under way at once, beside one watch per namespace."""
    calls_per_s: Annotated[float, Meta(gt=0, le=1000)] = 20.0
    """Launches, terminations and looks begun per second, in the mean."""
    broker: str = ""
    """Kafka as pods reach it; empty: the setting ``broker``."""

    @property
    def looked_at(self) -> tuple[str, ...]:
        """Return the namespaces in which pods are looked for, ``*`` alone for all of them."""
        return (
            (EVERYWHERE,) if EVERYWHERE in self.namespaces else tuple(dict.fromkeys((self.namespace, *self.namespaces)))
        )
