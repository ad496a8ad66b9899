"""What is done with the load balancers of one account: look, make, make ready, register, deregister."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from actuators.balancers import elb_requests as requests
from actuators.balancers.elb_answers import Found, Health, read_balancer, read_draining, read_health, read_tags
from actuators.balancers.elb_calls import MISSING, NO_INSTANCE, Calls
from actuators.balancers.elb_requests import Front
from actuators.clouds.libcloud_labels import OWNER, PREFIX
from actuators.ports import BalancerError, BalancerRefusedError
from config.accounts import Account

AT_A_TIME = 20
"""Instances in one call."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a cluster's load balancer."""

    at: float
    balancer: Found | None
    """``None``: there is none yet."""
    states: Mapping[str, Health] = field(default_factory=dict)
    """By instance, those that leave too."""

    @property
    def registered(self) -> frozenset[str]:
        """Return the instances that it may send requests to."""
        return self.balancer.instances if self.balancer else frozenset()


class Site:
    """The load balancers of one account, one for each cluster. Every method raises :class:`BalancerError`."""

    def __init__(self, account: Account, fronts: Mapping[str, Front]) -> None:
        self._account = account
        self._fronts = fronts
        self._calls = Calls(account)

    def close(self) -> None:
        """Begin no more calls."""
        self._calls.close()

    async def look(self, cluster: str, left: list[str]) -> Seen:
        """Read a cluster's load balancer, its instances, and those that ``left`` it."""
        try:
            return await self._read(cluster, left)
        except ValueError as error:
            raise BalancerError(f"elb: {cluster}: an answer that cannot be read: {error}") from error

    async def make(self, cluster: str) -> None:
        """Make a cluster's load balancer."""
        name, front = self._name(cluster), self._fronts[cluster]
        if not front.listeners:
            raise BalancerRefusedError(f"elb: {cluster}: {name} cannot be made: no port mapping says its listeners")
        await self._calls.sure(requests.create(name, front, self._account.balancer, self._marks(cluster)))
        log.info("a load balancer is made", cluster=cluster, name=name)

    async def ready(self, cluster: str, found: Found) -> None:
        """Make sure, before anything is changed, that the load balancer is ours and lets requests end."""
        tags = read_tags(await self._calls.sure(requests.tags(found.name)))
        if wrong := [f"{k} = {v}" for k, v in self._marks(cluster).items() if tags.get(k) != v]:
            raise BalancerRefusedError(f"elb: {cluster}: {found.name} is not ours, it has no tag {', '.join(wrong)}")
        create, front = self._account.balancer.create, self._fronts[cluster]
        if not read_draining(await self._calls.sure(requests.attributes(found.name))):
            if not create:
                raise BalancerRefusedError(f"elb: {cluster}: {found.name} cuts connections: let it drain them")
            await self._calls.sure(requests.drain(found.name, front.draining_s))
        if create and front.listeners and found.check != requests.check_target(front):
            await self._calls.sure(requests.check(found.name, front))

    async def change(self, name: str, verb: requests.Change, instances: list[str]) -> list[str]:
        """Make a change for some instances; return those that AWS does not know, who would fail it for all."""
        refused = []
        for some in (instances[i : i + AT_A_TIME] for i in range(0, len(instances), AT_A_TIME)):
            if await self._calls.ask(verb(name, some), unless=NO_INSTANCE) is None:
                ones = [each for each in some if await self._calls.ask(verb(name, [each]), unless=NO_INSTANCE) is None]
                refused += [f"{each}: AWS knows no such instance" for each in ones]
        return refused if verb is requests.register else []

    async def _read(self, cluster: str, left: list[str]) -> Seen:
        """Read the load balancer, its instances, and those that leave it."""
        name = self._name(cluster)
        answer = await self._calls.ask(requests.describe(name), unless=MISSING)
        if answer is None:
            if not self._account.balancer.create:
                raise BalancerRefusedError(f"elb: {cluster}: no load balancer {name}, and create = true is not said")
            return Seen(now(), None)
        found = read_balancer(answer)
        states = await self._health(name) if found.instances else {}
        return Seen(
            now(), found, states | await self._health_of(name, [each for each in left if each not in found.instances])
        )

    async def _health(self, name: str, instances: Iterable[str] = ()) -> dict[str, Health]:
        return read_health(await self._calls.sure(requests.health(name, instances)))

    async def _health_of(self, name: str, instances: list[str]) -> dict[str, Health]:
        """Return the state of instances that AWS still knows."""
        states: dict[str, Health] = {}
        for some in (instances[i : i + AT_A_TIME] for i in range(0, len(instances), AT_A_TIME)):
            answer = await self._calls.ask(requests.health(name, some), unless=NO_INSTANCE)
            if answer is not None:
                states |= read_health(answer)
                continue
            for each in some:
                if (answer := await self._calls.ask(requests.health(name, [each]), unless=NO_INSTANCE)) is not None:
                    states |= read_health(answer)
        return states

    def _name(self, cluster: str) -> str:
        return self._account.balancer.names.get(cluster) or requests.name_of(self._account.owner, cluster)

    def _marks(self, cluster: str) -> dict[str, str]:
        """Return the tags that tell a cluster's load balancer from others."""
        return {OWNER: self._account.owner, f"{PREFIX}cluster": cluster}


def now() -> float:
    """Return the loop's clock (s)."""
    return asyncio.get_running_loop().time()
