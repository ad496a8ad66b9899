"""The executor: carries actions out on the clouds, once each, and reports what came of them.

It refuses what carries an older epoch or has no intent behind it. It also looks, period by period, at
what the clouds have: an instance that ended by itself is reported, one whose member is recorded as
terminated is ended, one that no record knows is told and left alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog

from actuators.ports import (
    Cloud,
    CloudError,
    Instance,
    InvalidRequestError,
    OutOfCapacityError,
    TransientCloudError,
    Where,
)
from actuators.roster import Roster
from streams.records.action import Action, Outcome, Result, Verb
from streams.records.member import Member, State

CONCURRENCY = 8
"""Calls under way at once on one cloud."""
PATIENCE_S = 3.0
"""How long an action waits for its intent to come by the other topic."""
LOOK_S = 0.05
LIVING = frozenset({State.STARTING, State.ACTIVE, State.DRAINING})
"""States in which an instance must exist."""

log = structlog.get_logger()


class Executor:
    """Acts on clouds. ``publish`` reports an outcome, ``partition`` tells an application's partition."""

    def __init__(
        self,
        clouds: Mapping[str, Cloud],
        roster: Roster,
        *,
        publish: Callable[[Outcome], Awaitable[None]],
        partition: Callable[[str, str], int],
        now: Callable[[], float],
    ) -> None:
        self._clouds = clouds
        self._roster = roster
        self._publish = publish
        self._partition = partition
        self._now = now
        self._room = {provider: asyncio.Semaphore(CONCURRENCY) for provider in clouds}
        self._running: set[str] = set()
        self._missed: dict[str, int] = {}
        self._told: set[str] = set()

    async def carry_out(self, action: Action) -> None:
        """Carry out one action and report what came of it. The same action under way already is not begun again."""
        if action.action in self._running:
            return
        self._running.add(action.action)
        try:
            began = self._now()
            outcome = await self._try(action)
            at = self._now()
            await self._publish(msgspec.structs.replace(outcome, at=at, took_s=max(0.0, at - began)))
        finally:
            self._running.discard(action.action)

    async def observe(self) -> None:
        """Look once at what every cloud has, and report what differs from the record."""
        for provider, cloud in self._clouds.items():
            before = dict(self._roster.members)
            try:
                instances = await cloud.instances()
            except CloudError as error:
                log.warning("cloud did not answer; nothing is concluded", cloud=provider, error=str(error))
                continue
            await self._vanished(provider, before, instances)
            await self._strangers(cloud, instances)

    async def _try(self, action: Action) -> Outcome:
        """Return the outcome of one action; never raises what a cloud may answer."""
        objection = await self._objection(action)
        if objection:
            return _outcome(action, Result.REFUSED, reason=objection)
        cloud = self._clouds.get(action.provider)
        if cloud is None:
            known = ", ".join(sorted(self._clouds))
            return _outcome(action, Result.INVALID, reason=f"no cloud '{action.provider}', there are: {known}")
        try:
            async with self._room[action.provider]:
                return await self._call(cloud, action)
        except OutOfCapacityError as error:
            return _outcome(action, Result.OUT_OF_CAPACITY, reason=str(error))
        except InvalidRequestError as error:
            return _outcome(action, Result.INVALID, reason=str(error))
        except (TransientCloudError, OSError, TimeoutError) as error:
            return _outcome(action, Result.TRANSIENT, reason=str(error))

    async def _objection(self, action: Action) -> str:
        """Return why the action must not be carried out, giving its intent time to arrive."""
        partition = self._partition(action.tenant, action.application)
        for _ in range(round(PATIENCE_S / LOOK_S)):
            objection = self._roster.objection(action, partition=partition)
            if not objection or action.epoch < self._roster.epochs.get(partition, 0):
                return objection
            await asyncio.sleep(LOOK_S)
        return objection

    async def _call(self, cloud: Cloud, action: Action) -> Outcome:
        """Call the cloud."""
        if action.verb is Verb.TERMINATE:
            await cloud.terminate(action.member, action.grace_s)
            return _outcome(action, Result.GONE, reason="terminated")
        if action.launch is None:
            raise InvalidRequestError(f"{action.action}: a launch without what to launch")
        instance = await cloud.launch(
            Where(
                tenant=action.tenant,
                application=action.application,
                cluster=action.cluster,
                member=action.member,
                network_partition=action.network_partition,
                partition=action.partition,
            ),
            action.launch,
        )
        return msgspec.structs.replace(
            _outcome(action, Result.RUNNING), host=instance.host, port=instance.port, instance=instance.instance
        )

    async def _vanished(self, provider: str, before: Mapping[str, Member], instances: Mapping[str, Instance]) -> None:
        """Report members whose instance was missing in two looks in a row."""
        for name, member in before.items():
            if member.provider != provider:
                continue
            if member.state not in LIVING or name in instances:
                self._missed.pop(name, None)
                continue
            self._missed[name] = self._missed.get(name, 0) + 1
            if self._missed[name] == 2:  # noqa: PLR2004 - once may be a hiccup
                await self._publish(_seen(member, Result.GONE, self._now(), "ended by itself"))

    async def _strangers(self, cloud: Cloud, instances: Mapping[str, Instance]) -> None:
        """End the instances of terminated members; tell of those that no record knows."""
        for name in instances:
            member = self._roster.members.get(name)
            if member is None:
                if name not in self._told:
                    self._told.add(name)
                    log.warning("an instance that no record knows: left alone", member=name)
            elif member.state is State.TERMINATED:
                log.warning("an instance of a terminated member: ended", member=name)
                await cloud.terminate(name, 1.0)


def _outcome(action: Action, result: Result, *, reason: str = "") -> Outcome:
    """Return an outcome of an action; the time is filled in when it is published."""
    return Outcome(
        action=action.action,
        result=result,
        tenant=action.tenant,
        application=action.application,
        cluster=action.cluster,
        member=action.member,
        at=0.0,
        reason=reason,
    )


def _seen(member: Member, result: Result, at: float, reason: str) -> Outcome:
    """Return an outcome that no action led to."""
    return Outcome(
        result=result,
        tenant=member.tenant,
        application=member.application,
        cluster=member.cluster,
        member=member.member,
        at=at,
        reason=reason,
    )
