"""The executor: carries actions out on the clouds, once each, and reports what came of them.

It refuses what carries an older epoch or has no intent behind it. What the clouds have beside that is
looked at by :mod:`actuators.observer`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from weakref import WeakValueDictionary

import msgspec
import structlog

from actuators.observer import Observer
from actuators.ports import Cloud, CloudError, CredentialsError, InvalidRequestError, OutOfCapacityError, Where
from actuators.roster import Objection, Roster
from streams.records.action import Action, Outcome, Result, Verb

CONCURRENCY = 8
"""Launches under way at once on one cloud, and as many terminations: those take long, and keep no launch waiting."""
PATIENCE_S = 3.0
"""How long an action waits for its intent to come by the other topic."""
LOOK_S = 0.05
CALL_S = 120.0
"""How long a cloud may take to answer a call, for a terminate beside the grace (s)."""
RESULTS: Mapping[type[CloudError], Result] = {
    OutOfCapacityError: Result.OUT_OF_CAPACITY,
    CredentialsError: Result.CREDENTIALS,
    InvalidRequestError: Result.INVALID,
}
"""Any other fault is one that may pass."""

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
        self._room = {(p, verb): asyncio.Semaphore(CONCURRENCY) for p in clouds for verb in Verb}
        self._running: set[str] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._observer = Observer(clouds, roster, publish=publish, now=now)

    async def carry_out(self, action: Action) -> None:
        """Carry out one action and report what came of it. The same action under way already is not begun again."""
        if action.action in self._running:
            return
        self._running.add(action.action)
        try:
            turn = self._turns.setdefault(action.member, asyncio.Lock())
            async with turn:  # a member is not ended while it is launched: the launch would outlive its end
                began = self._now()
                outcome = await self._try(action)
                at = self._now()
            await self._publish(msgspec.structs.replace(outcome, at=at, took_s=max(0.0, at - began)))
        finally:
            self._running.discard(action.action)

    async def observe(self) -> None:
        """Look once at what every cloud has, and report what differs from the record."""
        await self._observer.observe()

    async def _try(self, action: Action) -> Outcome:
        """Return the outcome of one action; never raises what a cloud may answer."""
        if (objection := await self._objection(action)) is not None:
            return _outcome(action, Result.REFUSED, reason=objection.reason)
        cloud = self._clouds.get(action.provider)
        if cloud is None:
            known = ", ".join(sorted(self._clouds))
            return _outcome(action, Result.INVALID, reason=f"no cloud '{action.provider}', there are: {known}")
        async with self._room[action.provider, action.verb]:
            if (late := self._object(action)) is not None:  # waiting for room takes its time
                return _outcome(action, Result.REFUSED, reason=late.reason)
            return await self._answer(cloud, action)

    async def _answer(self, cloud: Cloud, action: Action) -> Outcome:
        """Call the cloud, and put what it says into an outcome."""
        patience_s = CALL_S if action.verb is Verb.LAUNCH else CALL_S + action.grace_s
        try:
            async with asyncio.timeout(patience_s):
                return await self._call(cloud, action)
        except CloudError as error:
            return _outcome(action, _result(error), reason=str(error))
        except TimeoutError:
            return _outcome(action, Result.TRANSIENT, reason=f"no answer within {patience_s:g} s")
        except OSError as error:
            return _outcome(action, Result.TRANSIENT, reason=str(error))
        except Exception as error:
            log.exception("a cloud failed in a way that it does not declare", action=action.action)
            return _outcome(action, Result.TRANSIENT, reason=repr(error))

    async def _objection(self, action: Action) -> Objection | None:
        """Return why the action must not be carried out, giving its intent time to arrive."""
        for _ in range(round(PATIENCE_S / LOOK_S)):
            objection = self._object(action)
            if objection is None or objection.final:
                return objection
            await asyncio.sleep(LOOK_S)
        return self._object(action)

    def _object(self, action: Action) -> Objection | None:
        """Return what the roster objects to now."""
        return self._roster.objection(action, partition=self._partition(action.tenant, action.application))

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


def _result(error: CloudError) -> Result:
    """Return what the decider is told of a fault: by what it should do."""
    return next((result for kind, result in RESULTS.items() if isinstance(error, kind)), Result.TRANSIENT)


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
