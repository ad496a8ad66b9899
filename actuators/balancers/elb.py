"""The balancer adapter for AWS' classic load balancers (ELB): instances are registered and deregistered.

A load balancer is a cluster's own, told by its tags. It tells who is sent requests and who has drained, and nothing of
what is in flight: traffic is unknown here, never zero.
"""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path

from actuators.balancers import elb_requests as requests
from actuators.balancers.elb_file import Known, is_stranger, read, stranger, write
from actuators.balancers.elb_requests import Front
from actuators.balancers.elb_site import Seen, Site, now
from actuators.ports import BalancerError, BalancerRefusedError, ClusterTraffic, Target, TargetState
from config.accounts import Account


class ElbBalancer:
    """Drives one classic load balancer for each cluster of ``fronts``. One object at a time may drive a cluster.

    It looks at most every ``account.look_s``, and tries again what failed no sooner. Which instance is which member's
    stands in ``directory``; all else in the load balancer.
    """

    def __init__(self, directory: Path, account: Account, fronts: Mapping[str, Front]) -> None:
        self._paths = {cluster: directory / f"{cluster}.elb.json" for cluster in fronts}
        self._account = account
        self._fronts = fronts
        self._site = Site(account, fronts)
        self._known = {cluster: read(path) for cluster, path in self._paths.items()}
        self._locks = {cluster: asyncio.Lock() for cluster in fronts}
        self._seen: dict[str, Seen | tuple[float, BalancerError]] = {}
        self._failed: dict[str, tuple[float, frozenset[str], BalancerError]] = {}
        """When and for whom a change failed last."""

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Register who is missing and deregister who is not wanted, after a look at who is there.

        Raises
        ------
        BalancerRefusedError
            The load balancer is not ours, is missing and not to be made, or cuts connections; a target cannot be
            routed to; or AWS refuses.
        BalancerError
            AWS does not answer: later.
        """
        self.require(cluster)
        wanted = {target.instance: target for target in targets if target.instance}
        refused = [f"{target.member}: no instance is known" for target in targets if not target.instance]
        async with self._locks[cluster]:
            at, tried, error = self._failed.pop(cluster, (0.0, frozenset(), BalancerError()))
            if tried == wanted.keys() and now() - at < self._account.look_s:
                self._failed[cluster] = at, tried, error
                raise error
            try:
                refused += await self._apply(cluster, wanted)
                if refused:
                    raise BalancerRefusedError(f"elb: {cluster}: {'; '.join(refused)}")
            except BalancerError as failed:
                self._failed[cluster] = now(), frozenset(wanted), failed
                raise

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return who is sent requests and who drains, as of the last look; what is in flight nobody can tell.

        A member that has drained is listed once more, with nothing in flight.

        Raises
        ------
        BalancerError
            The load balancer is unknown, AWS did not answer, or it is not known whose an instance is that drains.
        """
        self.require(cluster)
        async with self._locks[cluster]:
            seen = await self._looked(cluster)
            known = self._known[cluster]
            states = [*_routed(seen, known), *_leaving(seen, known)]
            if gone := [s.target.instance for s in states if not s.routed and s.in_flight == 0]:
                self._keep(cluster, known.without(gone))
        if unknown := [
            s.target.instance for s in states if not s.routed and is_stranger(s.target) and s.in_flight != 0
        ]:
            raise BalancerError(f"elb: {cluster}: nobody knows whose {', '.join(unknown)} is, which drains")
        states.sort(key=lambda state: state.target.member)
        return ClusterTraffic(targets=states, in_flight=None, count=None)

    def require(self, cluster: str) -> None:
        """Raise :class:`BalancerError` when ``cluster`` is not served."""
        if cluster not in self._fronts:
            raise BalancerError(f"elb: no cluster '{cluster}', there is {', '.join(sorted(self._fronts)) or 'none'}")

    def close(self) -> None:
        """Begin no more calls."""
        self._site.close()

    async def _apply(self, cluster: str, wanted: Mapping[str, Target]) -> list[str]:
        """Bring about who is wanted; return who cannot be routed to, and why."""
        seen = await self._looked(cluster)
        if self._settled(cluster, seen, wanted) or (seen.balancer is None and not wanted):
            return []
        seen = await self._look(cluster)
        if seen.balancer is None:
            await self._site.make(cluster)
            seen = await self._look(cluster)
        if (found := seen.balancer) is None:
            raise BalancerError(f"elb: {cluster}: its load balancer was made, and is not seen yet")
        await self._site.ready(cluster, found)
        ports, there = found.instance_ports, found.instances
        here = {each: target for each, target in wanted.items() if each in there or target.port in ports}
        of = f"no listener sends there, but to {', '.join(map(str, sorted(ports))) or 'none'}"
        refused = [f"{wanted[each].member}: port {wanted[each].port}: {of}" for each in wanted if each not in here]
        self._keep(cluster, self._known[cluster].wanting(here, there))
        self._seen.pop(cluster, None)
        refused += await self._site.change(found.name, requests.register, sorted(here.keys() - there))
        refused += await self._site.change(found.name, requests.deregister, sorted(there - here.keys()))
        return refused

    def _settled(self, cluster: str, seen: Seen, wanted: Mapping[str, Target]) -> bool:
        """Say whether nothing is to be done: the right ones are registered, or nobody is and nobody is to be."""
        known = self._known[cluster]
        return seen.registered == wanted.keys() and known.wanting(wanted, seen.registered) == known

    async def _looked(self, cluster: str) -> Seen:
        """Return the last look, or a new one when that was too long ago. One that failed is not repeated sooner."""
        last = self._seen.get(cluster)
        at = last.at if isinstance(last, Seen) else last[0] if last else None
        if at is None or now() - at >= self._account.look_s:
            return await self._look(cluster)
        if isinstance(last, tuple):
            raise last[1]
        assert last is not None  # noqa: S101 - it has a time
        return last

    async def _look(self, cluster: str) -> Seen:
        """Look, and remember what came of it."""
        try:
            self._seen[cluster] = seen = await self._site.look(
                cluster, [target.instance for target in self._known[cluster].leaving]
            )
        except BalancerError as error:
            self._seen[cluster] = now(), error
            raise
        return seen

    def _keep(self, cluster: str, known: Known) -> None:
        """Write who is who, when it changed."""
        if known != self._known[cluster]:
            write(self._paths[cluster], known)
            self._known[cluster] = known


def _routed(seen: Seen, known: Known) -> list[TargetState]:
    """Return who may be sent requests: in service, or to leave and registered still."""
    who, leaves = known.by_instance, {target.instance for target in known.leaving}
    return [
        TargetState(target=who.get(each) or stranger(each), routed=True, in_flight=None)
        for each in seen.registered
        if each in leaves or (each in seen.states and seen.states[each].serves)
    ]


def _leaving(seen: Seen, known: Known) -> list[TargetState]:
    """Return who was taken out. One that AWS does not speak of any more has ended."""
    return [
        TargetState(target=target, routed=False, in_flight=0 if health is None or health.gone else None)
        for target in known.leaving
        if target.instance not in seen.registered
        for health in [seen.states.get(target.instance)]
    ]
