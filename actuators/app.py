"""The actuators: one Faust app that decides for the applications it owns and acts on the clouds."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import faust
import msgspec
import structlog
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from actuators.budget import Use
from actuators.cluster import Rules
from actuators.executor import Executor
from actuators.limits import elsewhere
from actuators.ownership import Ownership
from actuators.ports import Cloud
from actuators.roster import Roster
from actuators.shadows import policy_of
from config.catalogue import Catalogue
from config.errors import ConfigError
from config.tree import ApplicationSpec
from streams.faust_app import consume, create_faust_app, is_newest, own, records_of
from streams.follow import Follower
from streams.partition import application_key, partition_of
from streams.publish import Sender
from streams.records.action import ACTION, OUTCOME, Outcome
from streams.records.balancer import BALANCER
from streams.records.control import CONTROL as ORDER
from streams.records.control import Shadow
from streams.records.member import MEMBERS as MEMBER
from streams.records.metadata import METADATA as EXPORTED
from streams.records.record import UNREADABLE
from streams.topics import ACTIONS, BALANCERS, CONTROL, DEFINITIONS, FORECASTS, MEMBERS, METADATA, OUTCOMES

T = TypeVar("T")

SETTLE_S = 0.2
"""Definitions that come within this time are taken in together."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuatorSettings:
    """What the actuators' shell goes by (s)."""

    broker: str
    partitions: int
    owner: str
    """Name of this process in its claims."""
    rules: Rules = field(default_factory=Rules)
    checkpoint_s: float = 5.0
    observe_s: float = 1.0
    """How often the clouds are looked at."""
    session_s: float = 6.0
    fetch_wait_s: float = 0.05


def create_app(
    settings: ActuatorSettings,
    *,
    clouds: Mapping[str, Cloud],
    now: Callable[[], float],
    roster: Roster | None = None,
) -> faust.App:
    """Build the actuators around ``clouds`` (by provider). ``now`` is the wall clock (s since the Unix epoch).

    ``roster`` is kept up to date: clouds may read it.
    """
    app = create_faust_app(
        "pileus-actuators", broker=settings.broker, session_s=settings.session_s, fetch_wait_s=settings.fetch_wait_s
    )
    actuators = Actuators(settings, clouds, Sender(app), now, Roster() if roster is None else roster)
    consume(app, FORECASTS, actuators.forecasts)
    consume(app, OUTCOMES, actuators.outcome)
    consume(app, BALANCERS, actuators.report)
    consume(app, ACTIONS, actuators.action)
    own(app, actuators.assign, actuators.release)
    app.task(actuators.follow)
    app.task(actuators.observe_for_ever)
    app.task(actuators.guard)
    return app


class Actuators:
    """What the agents of the app share."""

    def __init__(
        self,
        settings: ActuatorSettings,
        clouds: Mapping[str, Cloud],
        sender: Sender,
        now: Callable[[], float],
        roster: Roster,
    ) -> None:
        self._settings = settings
        self._sender = sender
        self._now = now
        self._roster = roster
        self._documents: dict[str, bytes] = {}
        self._catalogue: Catalogue | None = None
        self._specs: Sequence[ApplicationSpec] = ()
        self._deleted = False
        """True once a definition was seen to be deleted."""
        self._defining: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._known = asyncio.Event()
        self.acting = False
        self.ownership = Ownership(
            broker=settings.broker,
            partitions=settings.partitions,
            rules=settings.rules,
            sender=sender,
            checkpoint_s=settings.checkpoint_s,
            session_s=settings.session_s,
            owner=settings.owner,
            now=now,
            elsewhere=self._elsewhere,
        )
        self._executor = Executor(clouds, self._roster, publish=self._publish, partition=self._partition, now=now)

    def assign(self, owned: set[TP]) -> None:
        """Begin to decide for the applications of these partitions, and to act when actions are among them."""
        self.ownership.assign({tp.partition for tp in owned if tp.topic == FORECASTS.name})
        self.acting = any(tp.topic == ACTIONS.name for tp in owned)

    async def release(self) -> None:
        """Decide and act no more."""
        self.acting = False
        await self.ownership.release()

    async def forecasts(self, event: Any) -> None:
        """Decide on one tick."""
        event.ack()  # a hint for the next start: what counts is the checkpoint
        (logged,) = records_of(event)
        await self.ownership.forecasts(event.message.partition, logged, newest=is_newest(event))

    async def outcome(self, event: Any) -> None:
        """Follow one outcome."""
        if (record := _decode(OUTCOME, event)) is not None:
            await self.ownership.handle(event.message.partition, lambda decider: decider.outcome(record))
        event.ack()

    async def report(self, event: Any) -> None:
        """Follow one balancer's report."""
        if (record := _decode(BALANCER, event)) is not None:
            await self.ownership.handle(event.message.partition, lambda decider: decider.report(record))
        event.ack()

    async def action(self, event: Any) -> None:
        """Carry out one action beside the others; it is acknowledged when its outcome is published."""
        self._go(self._act(event))

    async def follow(self) -> None:
        """Follow the members and the definitions, and keep the deciders in step with what is declared."""
        handlers: dict[tuple[str, int], Callable[[ConsumerRecord], None]] = {
            (MEMBERS.name, partition): self._member for partition in range(self._settings.partitions)
        }
        handlers |= {(METADATA.name, partition): self._metadata for partition in range(self._settings.partitions)}
        handlers |= {(CONTROL.name, partition): self._control for partition in range(self._settings.partitions)}
        handlers[DEFINITIONS.name, 0] = self._definition
        async with Follower(self._settings.broker, handlers, fetch_wait_s=self._settings.fetch_wait_s) as follower:
            await follower.caught_up()
            self._known.set()
            await self._define()
            await asyncio.Event().wait()

    async def observe_for_ever(self) -> None:
        """Look at the clouds, period by period, while this process acts."""
        await self._known.wait()
        while True:
            await asyncio.sleep(self._settings.observe_s)
            if not self.acting:
                continue
            try:
                await self._executor.observe()
            except Exception:
                log.exception("observation failed; the next one may not")

    async def guard(self) -> None:
        """Keep the claims of what this process owns the newest ones."""
        await self._known.wait()
        await self.ownership.guard(self._roster.epochs)

    async def _act(self, event: Any) -> None:
        """Carry out one action once the members are known."""
        await self._known.wait()
        try:
            if (action := _decode(ACTION, event)) is not None:
                await self._executor.carry_out(action)
        except Exception:
            log.exception("action failed; the decider sends it again", offset=event.message.offset)
        event.ack()

    def _member(self, record: ConsumerRecord) -> None:
        """Keep the roster in step."""
        if record.value:
            self._roster.apply(MEMBER.decode(record.value), partition=record.partition, offset=record.offset)

    def _metadata(self, record: ConsumerRecord) -> None:
        """Hand what a member exports to its application's decider. Its newest value is read again at each opening."""
        if record.value and self._known.is_set():
            exported = EXPORTED.decode(record.value)
            self._go(self.ownership.handle(record.partition, lambda decider: decider.metadata(exported)))

    def _control(self, record: ConsumerRecord) -> None:
        """Hand an order to its partition's decider, which reads the newest at each opening."""
        if record.value and self._known.is_set():
            order = ORDER.decode(record.value)
            if isinstance(order, Shadow) and isinstance(wrong := policy_of(order), tuple) and wrong:
                log.warning("a shadow that cannot decide", policy=order.policy, problems=[str(each) for each in wrong])
            self._go(self.ownership.order(record.partition, order))

    def _definition(self, record: ConsumerRecord) -> None:
        """Note a definition; those that come together are taken in together."""
        key = record.key.decode()
        if record.value:
            self._documents[key] = record.value
        else:
            self._deleted = True
            self._documents.pop(key, None)
        if not self._known.is_set():
            return  # they are taken in together once all of them are read
        if self._defining is not None:
            self._defining.cancel()
        self._defining = asyncio.get_running_loop().call_later(SETTLE_S, lambda: self._go(self._define()))

    async def _define(self) -> None:
        """Hand what is declared to the deciders; what does not hold together changes nothing.

        Nothing at all, and nothing deleted either, is a topic that was lost: no reason to end anything.
        """
        if not self._documents and not self._deleted:
            log.warning("pileus.definitions is empty: nothing is begun, nothing is ended")
            return
        try:
            self._catalogue = Catalogue.from_documents(self._documents.items(), self._catalogue)
            self._specs = self._catalogue.applications()
        except ConfigError as error:
            log.error("definitions do not hold together; the last good ones stay in force", error=str(error))  # noqa: TRY400 - said whole
        await self.ownership.define(self._specs)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin some work beside everything else, and keep hold of it until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let go of work that ended, and tell of what it failed on."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("failed", error=repr(error))

    def _partition(self, tenant: str, application: str) -> int:
        """Return the partition of an application."""
        return partition_of(application_key(tenant, application), self._settings.partitions)

    def _elsewhere(self, partition: int) -> Mapping[str, Use]:
        """Return what tenants with a quota use outside one partition."""
        members = self._roster.members.values()
        return elsewhere(members, self._specs, here=lambda *whose: self._partition(*whose) == partition)

    async def _publish(self, outcome: Outcome) -> None:
        """Publish an outcome where its application's decider reads it."""
        key = application_key(outcome.tenant, outcome.application).decode()
        await self._sender.send(OUTCOMES, key, outcome, self._partition(outcome.tenant, outcome.application))


def _decode(decoder: msgspec.json.Decoder[T], event: Any) -> T | None:
    """Decode a record; one that cannot be read is told, and acknowledged by being passed over."""
    try:
        return decoder.decode(event.value or b"")
    except UNREADABLE as error:
        at = event.message
        log.warning("unreadable record", topic=at.topic, partition=at.partition, offset=at.offset, error=str(error))
        return None
