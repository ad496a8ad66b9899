"""The executor on the cloud in memory, in virtual time, with a roster that tests write."""

import asyncio
from collections.abc import Mapping, Sequence

from actuators.clouds.memory import Call, Failure, MemoryCloud
from actuators.executor import Executor
from actuators.ports import Cloud, Instance, Where
from actuators.roster import Roster
from streams.records.action import Action, Launch, Outcome, Result
from streams.records.member import Member, State
from tests.builders import a_claim, a_member


class Acting:
    """An executor, and everything that it says."""

    def __init__(
        self,
        *,
        capacity: Mapping[str, int] | None = None,
        failures: Sequence[Failure] = (),
        cloud: Cloud | None = None,
        boot_s: float = 0.0,
    ) -> None:
        self.memory = MemoryCloud(now=self.now, capacity=capacity, failures=failures, boot_s=boot_s)
        self.roster = Roster()
        self.outcomes: list[Outcome] = []
        self.executor = Executor(
            {"memory": cloud or self.memory},
            self.roster,
            publish=self._publish,
            partition=lambda *_: 0,
            now=self.now,
        )

    @staticmethod
    def now() -> float:
        """Return the loop's time (s)."""
        return asyncio.get_running_loop().time()

    async def _publish(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def record(self, name: str, state: State, *, epoch: int = 0, port: int = 8080) -> Member:
        """Write a member's record, now."""
        member = a_member(name, state=state, epoch=epoch, at=self.now(), port=port)
        self.roster.apply(member, partition=0, offset=0)
        return member

    def claim(self, offset: int) -> None:
        """Let a decider claim the partition."""
        self.roster.apply(a_claim(), partition=0, offset=offset)

    async def start(self, name: str, state: State = State.ACTIVE) -> None:
        """Have an instance whose member is in a state."""
        await self.memory.launch(where(name), Launch())
        self.record(name, state)

    async def carry_out(self, action: Action) -> Outcome:
        """Carry out one action and return the one outcome it had."""
        before = len(self.outcomes)
        await self.executor.carry_out(action)
        (outcome,) = self.outcomes[before:]
        return outcome

    async def looks(self, times: int) -> list[tuple[Result, str]]:
        """Observe so many times, a second apart, and return what was reported."""
        before = len(self.outcomes)
        for _ in range(times):
            await self.executor.observe()
            await asyncio.sleep(1.0)
        return [(outcome.result, outcome.member) for outcome in self.outcomes[before:]]

    def calls(self, call: Call) -> list[str]:
        """Return the members of the calls of one kind."""
        return [called.member for called in self.memory.calls if called.call is call]


class SlowCloud:
    """A cloud that takes its time for each call, and remembers in what order calls ended."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ended: list[str] = []
        self.under_way = 0
        self.most = 0

    async def instances(self) -> Mapping[str, Instance]:
        """Return nothing, late."""
        await self._work("instances")
        return {}

    async def launch(self, where: Where, launch: Launch) -> Instance:  # noqa: ARG002 - the port's
        """Launch, late."""
        await self._work(f"{where.member}/launch")
        return Instance(where=where, instance="i-1", host="127.0.0.1", port=8080)

    async def terminate(self, member: str, grace_s: float) -> None:  # noqa: ARG002 - the port's
        """Terminate, late."""
        await self._work(f"{member}/terminate")

    async def _work(self, what: str) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            self.ended.append(what)
        finally:
            self.under_way -= 1


def where(member: str) -> Where:
    """Return where a member's instance belongs."""
    return Where(
        tenant="default",
        application="shop",
        cluster="shop-web",
        member=member,
        network_partition="here",
        partition="local",
    )
