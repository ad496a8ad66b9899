"""The cloud of container engines that are on the members of a cluster of hosts.

On which host a member is stands in its record, which stands before any call: asked again, after a crash too, the same
host is asked, and its engine launches a member once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog

from actuators.clouds.names import check_member
from actuators.ports import Cloud, CloudError, Instance, OutOfCapacityError, TransientCloudError, Where
from streams.records.action import Launch
from streams.records.member import Member, State

_log = structlog.get_logger()


class Engine(Cloud, Protocol):
    """The cloud of one host."""

    def close(self) -> None:
        """Let go of it; what it runs lives on."""
        ...

    async def abandon(self) -> None:
        """End what this machine keeps for what ran there; the host is gone, and is not asked."""
        ...


class HostsCloud:
    """Run members on hosts.

    Parameters
    ----------
    members : mapping of Member
        The newest record of every member, containers and hosts alike; read at each call.
    engine : callable
        Returns the cloud on one host, by the record of that host.
    """

    def __init__(self, members: Mapping[str, Member], engine: Callable[[Member], Engine]) -> None:
        self._members = members
        self._engine_of = engine
        self._engines: dict[str, Engine] = {}
        self._last: dict[str, dict[str, Instance]] = {}
        """What each host was seen to have last."""
        self._abandoned: set[str] = set()
        """Hosts that are gone, and of which nothing is kept."""

    async def instances(self) -> Mapping[str, Instance]:
        """Return the instances on every host. What a host that does not answer had last counts until the host is gone.

        Raises
        ------
        TransientCloudError
            A host does not answer, and nothing is known of it yet.
        """
        hosts = sorted({m.on for m in self._members.values() if m.on})
        await self._abandon(hosts)
        there = [host for name in hosts if (host := self._host(name)) is not None and host.port]
        self._forget({host.member for host in there})
        found = await asyncio.gather(*(self._look(host) for host in there))
        return {name: instance for each in found for name, instance in each.items()}

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Launch a member on its host, as the engine there does.

        Raises
        ------
        OutOfCapacityError
            Its host is gone, or has no room.
        TransientCloudError
            Its host is not known yet, or does not answer.
        InvalidRequestError
            Never.
        """
        check_member(where.member)
        member = self._members.get(where.member)
        host = self._host(member.on) if member is not None else None
        if member is not None and member.on in self._members and host is None:
            raise OutOfCapacityError(f"hosts: member {where.member}: its host {member.on} is gone")
        if host is None or not host.port:
            raise TransientCloudError(f"hosts: member {where.member}: where its host is is not known yet")
        instance = await self._engine(host).launch(where, launch)
        self._last.setdefault(host.member, {})[where.member] = instance
        return instance

    async def terminate(self, member: str, grace_s: float) -> None:
        """End a member on its host; one whose host is gone is gone with it.

        Raises
        ------
        TransientCloudError
            Not now.
        """
        record = self._members.get(member)
        host = self._host(record.on) if record is not None else None
        if host is not None and host.port:
            await self._engine(host).terminate(member, grace_s)
            self._last.get(host.member, {}).pop(member, None)

    def close(self) -> None:
        """Let go of every engine."""
        self._forget(set())

    async def _abandon(self, hosts: Iterable[str]) -> None:
        """End what is kept of hosts that are gone, once each; what fails is tried again."""
        known = ((name, self._members.get(name)) for name in hosts if name not in self._abandoned)
        for name, host in known:
            if host is not None and host.state is State.TERMINATED:
                try:
                    await self._engine(host).abandon()
                except CloudError as error:
                    _log.warning("agents of a host that is gone do not end", host=name, error=str(error))
                else:
                    self._abandoned.add(name)

    async def _look(self, host: Member) -> dict[str, Instance]:
        """Return what a host has, or had when it answered last."""
        try:
            self._last[host.member] = dict(await self._engine(host).instances())
        except CloudError as error:
            if host.member not in self._last:
                raise TransientCloudError(f"hosts: {host.member}: {error}") from error
        return self._last[host.member]

    def _host(self, name: str) -> Member | None:
        """Return the record of a host that is not gone."""
        host = self._members.get(name)
        return None if host is None or host.state is State.TERMINATED else host

    def _engine(self, host: Member) -> Engine:
        if host.member not in self._engines:
            self._engines[host.member] = self._engine_of(host)
        return self._engines[host.member]

    def _forget(self, there: set[str]) -> None:
        """Let go of the hosts that are gone."""
        for name in [name for name in self._engines if name not in there]:
            self._engines.pop(name).close()
        for name in [name for name in self._last if name not in there]:
            del self._last[name]
