"""Kubernetes' Services as a balancer: a member enters and leaves the Service of its cluster by a label on its pod.

Who is routed is read back from the EndpointSlices. What a Service cannot tell is not made up: requests in flight are
unknown (so there are no samples of them), and a member that has left is taken for busy as long as requests may be open.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from actuators.balancers.kubernetes_service import LEFT, Services, differs, left_at, manifest, routed, target
from actuators.kube.answers import NOT_FOUND, Refused
from actuators.kube.api import Api, Object, path
from actuators.kube.labels import OWNER, SERVING, read_place, selector
from actuators.ports import BalancerError, CloudError, ClusterTraffic, Target, TargetState

FILE = "kubernetes.json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of a cluster, and when (s, monotonic)."""

    at: float
    traffic: ClusterTraffic


class KubernetesBalancer:
    """Drive the Services that ``DIRECTORY/kubernetes.json`` names.

    Parameters
    ----------
    now : callable
        Time (s since the Unix epoch): when a pod was taken out is written on it.

    Raises
    ------
    BalancerError
        There is no such file, or it cannot be used.
    """

    def __init__(self, directory: Path, *, now: Callable[[], float] = time.time) -> None:  # noqa: TID251 - a shell
        try:
            self._declared = msgspec.json.decode((directory / FILE).read_bytes(), type=Services)
        except (OSError, msgspec.MsgspecError) as error:
            raise BalancerError(f"{directory / FILE}: {error}") from error
        self._account = self._declared.account
        self._api = Api(self._account)
        self._now = now
        self._looks: dict[str, _Look] = {}

    def require(self, cluster: str) -> None:
        """Raise :class:`BalancerError` when no Service is declared for ``cluster``."""
        known = self._declared.services
        if cluster not in known:
            raise BalancerError(f"kubernetes: no cluster '{cluster}', there is {', '.join(sorted(known))}")

    def close(self) -> None:
        """Let go of the API server; Services and labels stay."""
        self._api.close()

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Make ``targets`` the ones that receive new requests; the Service is created, or corrected, where needed.

        Raises
        ------
        BalancerError
            The API server did not take it all, or a target has no pod; say it again.
        """
        self.require(cluster)
        await self._ensure(cluster)
        wanted = {each.member for each in targets}
        pods = await self._pods(cluster)
        self._looks.pop(cluster, None)
        await asyncio.gather(*(self._put(each, inside=member in wanted) for member, each in pods.items()))
        if missing := sorted(wanted - pods.keys()):
            raise BalancerError(f"kubernetes: no pod of {', '.join(missing)}")

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return who is routed. In flight is unknown; a look counts for the account's ``look_s``.

        Raises
        ------
        BalancerError
            The API server did not answer, or there is no Service.
        """
        self.require(cluster)
        at = asyncio.get_running_loop().time()
        last = self._looks.get(cluster)
        if last is None or at - last.at >= self._account.look_s:
            last = self._looks[cluster] = _Look(at, await self._look(cluster))
        return last.traffic

    async def _look(self, cluster: str) -> ClusterTraffic:
        labels = f"kubernetes.io/service-name={self._declared.services[cluster].name}"
        where = path("endpointslices", namespace=self._namespace(cluster), group="discovery.k8s.io")
        inside = routed(await self._ask("list endpoints", self._api.items(where, labels=labels)))
        states = [self._state(each, inside) for each in (await self._pods(cluster)).values()]
        return ClusterTraffic(targets=[each for each in states if each is not None], in_flight=None, count=None)

    def _state(self, made: Object, inside: Collection[str]) -> TargetState | None:
        """Return a pod as a target; ``None``: it is out, and no request can be open on it."""
        found = read_place(made["metadata"], self._account.owner)
        assert found is not None  # noqa: S101 - _pods saw to it
        where, port, _ = found
        which = target(made, where.member, port)
        if made["metadata"]["uid"] in inside:
            return TargetState(target=which, routed=True, in_flight=None)
        since = left_at(made["metadata"])
        if since is None or (gone_s := self._now() - since) >= self._declared.spread_s + self._declared.drain_s:
            return None
        return TargetState(target=which, routed=gone_s < self._declared.spread_s, in_flight=None)

    async def _ensure(self, cluster: str) -> None:
        """Create the Service, or correct it."""
        service, namespace = self._declared.services[cluster], self._namespace(cluster)
        wanted = manifest(cluster, service, owner=self._account.owner, namespace=namespace)
        where = path("services", namespace=namespace, name=service.name)
        try:
            there = await self._ask(f"service {service.name}", self._api.get(where), missing=True)
        except KeyError:
            await self._ask(f"create {service.name}", self._api.create(path("services", namespace=namespace), wanted))
            return
        if (there["metadata"].get("labels") or {}).get(OWNER) != self._account.owner:
            raise BalancerError(f"kubernetes: service {namespace}/{service.name} is not ours")
        if differs(there, wanted):
            changed = {"metadata": {"resourceVersion": there["metadata"]["resourceVersion"]}, "spec": wanted["spec"]}
            await self._ask(f"change {service.name}", self._api.patch(where, changed))

    async def _put(self, made: Object, *, inside: bool) -> None:
        """Let a pod in, or take it out, if it is not there."""
        metadata = made["metadata"]
        if inside == ((metadata.get("labels") or {}).get(SERVING) == "true"):
            return
        said = {"labels": {SERVING: "true" if inside else None}}
        said["annotations"] = {LEFT: None if inside else f"{self._now():.3f}"}
        where = path("pods", namespace=metadata["namespace"], name=metadata["name"])
        try:
            await self._ask(
                f"label {metadata['name']}",
                self._api.patch(where, {"metadata": {"uid": metadata["uid"], **said}}),
                missing=not inside,
            )
        except KeyError:
            return  # gone, and so out

    async def _pods(self, cluster: str) -> Mapping[str, Object]:
        """Return the cluster's pods that have not ended, by member."""
        labels = selector(owner=self._account.owner, cluster=cluster)
        listed = await self._ask(
            "list pods", self._api.items(path("pods", namespace=self._namespace(cluster)), labels=labels)
        )
        found = dict[str, Object]()
        for each in listed:
            place = read_place(each["metadata"], self._account.owner)
            if (
                place is not None
                and place[0].cluster == cluster
                and each["status"].get("phase") in {"Pending", "Running"}
            ):
                found[place[0].member] = each
        return dict(sorted(found.items()))

    def _namespace(self, cluster: str) -> str:
        return self._declared.services[cluster].namespace or self._account.namespace

    async def _ask(self, what: str, call: Awaitable[T], *, missing: bool = False) -> T:
        """Await a call; what is ``missing`` raises ``KeyError`` if that may be."""
        try:
            return await call
        except Refused as answer:
            if missing and answer.status == NOT_FOUND:
                raise KeyError(what) from answer
            raise BalancerError(str(answer.error(what))) from answer
        except CloudError as error:
            raise BalancerError(f"kubernetes: {what}: the API server does not answer: {error}") from error
