"""Two levels in virtual time, for tests: hosts of four slots, in a memory cloud that takes 60 s to boot."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from actuators.clouds.hosts import Engine, HostsCloud
from actuators.clouds.memory import MemoryCloud
from actuators.cluster import Rules
from actuators.decider import Decider, Envelope
from actuators.ports import Cloud, CloudError, OutOfCapacityError, Where
from actuators.roster import Roster
from config.cluster import CartridgeSpec
from config.hosting import HostingSpec, Size
from streams.records.action import Action, Outcome, Result, Verb
from streams.records.decision import Decision
from streams.records.member import Member, State
from tests.actuator_builders import a_backend, a_report, forecasts_of
from tests.builders import a_behavior, a_cartridge, a_forecast, a_place, a_policy, a_spec, an_application

BOOT_S = 60.0
TICK_S = 5.0
PER_MEMBER = 10.0
DRAIN_S = 20.0
"""Requests of a draining container take so long: none may be ended before (s)."""


class HostEngine(MemoryCloud):
    """The engine of one host: four instances at most, whatever the decider reckons."""

    abandoned = 0
    """How often it was said to be gone."""

    def close(self) -> None:
        """There is nothing to let go of."""

    async def abandon(self) -> None:
        """Count it."""
        self.abandoned += 1


class World:
    """A decider, an executor and two clouds, each call carried out at once; time goes in ticks."""

    def __init__(
        self,
        *,
        most_hosts: int = 10,
        reserve: int = 0,
        engine: Callable[[Member], Engine] | None = None,
        image: str = "",
        command: Sequence[str] = (),
    ) -> None:
        self.at, self.offset = 1000.0, 0
        self.roster = Roster()
        self.engines: dict[str, HostEngine] = {}
        self.machines = MemoryCloud(now=lambda: self.at, boot_s=BOOT_S)
        self.clouds: dict[str, Cloud] = {
            "machines": self.machines,
            "hosts": HostsCloud(self.roster.members, engine or self._engine),
        }
        self.decisions: list[Decision] = []
        self.drained_at: dict[str, float] = {}
        self.ended_early: list[str] = []
        self.fullest = 0
        hosting = HostingSpec(room=Size(slots=4), reserve=reserve)
        hosts = a_spec(
            "shop-hosts",
            alias="hosts",
            min_members=1,
            max_members=most_hosts,
            cartridge=CartridgeSpec(cartridge="host", balanced=False, health="", hosting=hosting),
            partitions=[a_place(provider="machines", max_members=20)],
            policy=a_policy(down=a_behavior(stabilization_s=60.0)),
        )
        web = a_spec(
            min_members=2,
            max_members=30,
            cartridge=a_cartridge(drain_s=120.0, command=command),
            partitions=[
                a_place("on-hosts", provider="hosts", max_members=30, image=image, properties={"hosts": "hosts"})
            ],
        )
        self.decider = Decider(Rules(stale_s=3.0), epoch=0)
        self._sort(self.decider.define([an_application(web, hosts)], self.at))
        self.web, self.hosts = self.decider.clusters["shop-web"], self.decider.clusters["shop-hosts"]

    def _engine(self, host: Member) -> HostEngine:
        return self.engines.setdefault(host.member, HostEngine(now=lambda: self.at, capacity={"on-hosts": 4}))

    def _sort(self, envelopes: list[Envelope]) -> Iterator[Action]:
        """Write down what the decider returns; return the actions, for afterwards."""
        actions = list[Action]()
        for envelope in envelopes:
            match envelope.record:
                case Member() as member:
                    self.offset += 1
                    self.roster.apply(member, partition=0, offset=self.offset)
                    self.decider.written(member.member, member.cluster, self.offset)
                    if member.state is State.DRAINING:
                        self.drained_at[member.member] = self.at
                case Decision() as decision:
                    self.decisions.append(decision)
                case Action() as action:
                    actions.append(action)
                case _:
                    pass
        return iter(actions)

    async def tick(self, load: float) -> None:
        """Decide on a load, carry out what is ordered, and let clouds and balancer report."""
        self.at += TICK_S
        each = {name: self._count(name, State.ACTIVE) for name in ("shop-hosts", "shop-web")}
        coming = {name: self._count(name, State.CREATED, State.STARTING) for name in each}
        told = [
            a_forecast(
                cluster=name,
                requests=load if name == "shop-web" else None,
                serving=each[name],
                starting=coming[name],
            )
            for name in sorted(each)
        ]
        await self._carry_out(self._sort(self.decider.forecasts(forecasts_of(*told, at=self.at))))
        for name, cloud in self.clouds.items():
            await self._look(name, cloud)
        await self._balance()
        self._check()

    async def ticks(self, load: float, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            await self.tick(load)

    async def _carry_out(self, actions: Iterator[Action]) -> None:
        for action in actions:
            assert self.roster.objection(action, partition=0) is None
            result, instance, why = Result.RUNNING, None, ""
            try:
                if action.verb is Verb.LAUNCH and action.launch is not None:
                    instance = await self.clouds[action.provider].launch(_where(action), action.launch)
                else:
                    self._end(action.member)
                    await self.clouds[action.provider].terminate(action.member, 1.0)
                    result = Result.GONE
            except CloudError as error:
                full = isinstance(error, OutOfCapacityError)
                result, why = Result.OUT_OF_CAPACITY if full else Result.TRANSIENT, str(error)
            await self._tell(action.member, action.cluster, result, instance.port if instance else 0, why)

    def _end(self, member: str) -> None:
        """Note what is ended with requests in flight."""
        if member.startswith("shop-web") and self.at - self.drained_at[member] < DRAIN_S:
            self.ended_early.append(member)
        for name, container in self.roster.members.items():
            if container.on == member and container.state is not State.TERMINATED:
                self.ended_early.append(name)

    async def _tell(self, member: str, cluster: str, result: Result, port: int, why: str = "") -> None:
        outcome = Outcome(
            result=result,
            tenant="default",
            application="shop",
            cluster=cluster,
            member=member,
            at=self.at,
            host="127.0.0.1" if port else "",
            port=port,
            reason=why,
        )
        await self._carry_out(self._sort(self.decider.outcome(outcome)))

    async def _look(self, provider: str, cloud: Cloud) -> None:
        """Tell the addresses that have become known."""
        for name, instance in (await cloud.instances()).items():
            member = self.roster.members[name]
            if member.provider == provider and instance.port and not member.port:
                await self._tell(name, member.cluster, Result.RUNNING, instance.port)

    async def _balance(self) -> None:
        """Route to who serves; a draining container has requests for a while."""
        backends = []
        for member in self.web.members.values():
            if member.state in {State.STARTING, State.ACTIVE} and member.port:
                backends.append(a_backend(member.member, in_flight=3))
            elif member.state is State.DRAINING and self.at - self.drained_at[member.member] < DRAIN_S:
                backends.append(a_backend(member.member, routed=False, in_flight=1))
        report = a_report(*backends, at=self.at)
        await self._carry_out(self._sort(self.decider.report(report)))

    def _check(self) -> None:
        """No host ever has more than its room, by its own engine; every container is on a host that is there."""
        on = Counter(m.on for m in self.web.members.values() if m.state is not State.TERMINATED)
        self.fullest = max([self.fullest, *on.values()])
        for host in on:
            assert self.roster.members[host].state is not State.TERMINATED

    def _count(self, cluster: str, *states: State) -> int:
        return sum(m.state in states for m in self.decider.clusters[cluster].members.values())

    @property
    def serving(self) -> tuple[int, int]:
        """Return the hosts and the containers that serve."""
        return self._count("shop-hosts", State.ACTIVE), self._count("shop-web", State.ACTIVE)

    @property
    def living(self) -> tuple[int, int]:
        """Return the hosts and the containers that are not gone."""
        alive = [state for state in State if state is not State.TERMINATED]
        return self._count("shop-hosts", *alive), self._count("shop-web", *alive)


def _where(action: Action) -> Where:
    return Where(
        tenant=action.tenant,
        application=action.application,
        cluster=action.cluster,
        member=action.member,
        network_partition=action.network_partition,
        partition=action.partition,
    )
