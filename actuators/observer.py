"""The observer: looks, period by period, at what the clouds have, and reports what differs from the record.

An instance that ended by itself is reported, one whose address has become known too; one whose member is recorded
as terminated is ended, one that no record knows is told and left alone. A cloud that does not answer says nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

import structlog

from actuators.ports import Cloud, CloudError, Instance, TooSoonError
from actuators.roster import Roster
from streams.records.action import Outcome, Result
from streams.records.member import Member, State

LIVING = frozenset({State.STARTING, State.ACTIVE, State.DRAINING})
"""States in which an instance must exist."""
LOOKS = 2
"""Looks in a row that miss an instance before it counts as gone: once may be a hiccup."""
MANY_LOOKS = 10
"""The same when more than half are missed at once: it is more likely the cloud's answer that is wrong."""
AGAIN_LOOKS = 10
"""One that is still missed is reported again after so many looks: the report may not have been understood."""
APPEAR_S = 30.0
"""How long an accepted instance may take to show, as clouds are only eventually consistent (s)."""
LIST_S = 30.0
"""How long a cloud may take to answer (s)."""
STRANGER_GRACE_S = 1.0
"""From SIGTERM to SIGKILL for an instance that should have been gone (s)."""

log = structlog.get_logger()


class Observer:
    """Compares what the clouds have with the roster. ``publish`` reports an outcome."""

    def __init__(
        self,
        clouds: Mapping[str, Cloud],
        roster: Roster,
        *,
        publish: Callable[[Outcome], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        self._clouds = clouds
        self._roster = roster
        self._publish = publish
        self._now = now
        self._seen: dict[str, set[str]] = defaultdict(set)
        """Living members whose instance was seen, by provider."""
        self._missed: dict[str, dict[str, int]] = defaultdict(dict)
        """Looks in a row that missed a member's instance, by provider."""
        self._told: dict[str, set[str]] = defaultdict(set)
        """Instances that no record knows, and that were told, by provider."""

    async def observe(self) -> None:
        """Look once at every cloud, at all of them at the same time."""
        await asyncio.gather(*(self._look(provider, cloud) for provider, cloud in self._clouds.items()))

    async def _look(self, provider: str, cloud: Cloud) -> None:
        """Look once at one cloud. Who was living is noted before: who is launched meanwhile is not missed."""
        living = {
            name: member
            for name, member in self._roster.members.items()
            if member.provider == provider and member.state in LIVING
        }
        try:
            async with asyncio.timeout(LIST_S):
                instances = await cloud.instances()
        except TooSoonError:
            return
        except (CloudError, OSError, TimeoutError) as error:
            log.warning("cloud did not answer; nothing is concluded", cloud=provider, error=repr(error))
            return
        await self._located(living, instances)
        await self._vanished(provider, living, instances)
        await self._strangers(provider, cloud, instances)

    async def _located(self, living: Mapping[str, Member], instances: Mapping[str, Instance]) -> None:
        """Report the addresses that the cloud did not know when it accepted the launch."""
        for name, member in living.items():
            instance = instances.get(name)
            if instance is not None and instance.port and member.state is State.STARTING and not member.port:
                await self._publish(_seen(member, Result.RUNNING, self._now(), "its address is known", instance))

    async def _vanished(self, provider: str, living: Mapping[str, Member], instances: Mapping[str, Instance]) -> None:
        """Report members whose instance was missing in several looks in a row."""
        seen = self._seen[provider] = {n for n in living if n in instances or n in self._seen[provider]}
        now = self._now()
        missing = [n for n, m in living.items() if n not in instances and _must_show(m, seen=n in seen, now=now)]
        missed = self._missed[provider] = {n: self._missed[provider].get(n, 0) + 1 for n in missing}
        many = len(missing) > max(1, len(living) // 2)
        if many:
            log.warning("more than half of the instances vanished at once", cloud=provider, members=missing[:10])
        for name, looks in missed.items():
            beyond = looks - (MANY_LOOKS if many else LOOKS)
            if beyond >= 0 and beyond % AGAIN_LOOKS == 0:
                await self._publish(_seen(living[name], Result.GONE, self._now(), "ended by itself"))

    async def _strangers(self, provider: str, cloud: Cloud, instances: Mapping[str, Instance]) -> None:
        """End the instances of terminated members; tell of those that no record knows."""
        unknown = {name for name in instances if name not in self._roster.members}
        for name in sorted(unknown - self._told[provider]):
            log.warning("an instance that no record knows: left alone", cloud=provider, member=name)
        self._told[provider] = unknown
        ended = [n for n in instances if n not in unknown and self._roster.members[n].state is State.TERMINATED]
        for name in ended:
            log.warning("an instance of a terminated member: ended", cloud=provider, member=name)
            try:
                async with asyncio.timeout(LIST_S):
                    await cloud.terminate(name, STRANGER_GRACE_S)
            except (CloudError, OSError, TimeoutError) as error:
                log.warning("it did not end; the next look tries again", member=name, error=repr(error))


def _must_show(member: Member, *, seen: bool, now: float) -> bool:
    """Say whether the instance of a living member must be among those that the cloud has."""
    return seen or member.state is not State.STARTING or now - member.at > APPEAR_S


def _seen(member: Member, result: Result, at: float, reason: str, instance: Instance | None = None) -> Outcome:
    """Return an outcome that no action led to."""
    return Outcome(
        result=result,
        tenant=member.tenant,
        application=member.application,
        cluster=member.cluster,
        member=member.member,
        at=at,
        host="" if instance is None else instance.host,
        port=0 if instance is None else instance.port,
        instance="" if instance is None else instance.instance,
        reason=reason,
    )
