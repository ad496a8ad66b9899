"""The executor on EC2 (moto), killed again and again while it launches and ends: one instance per member, no orphan."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from actuators.clouds.libcloud import LibcloudCloud
from actuators.clouds.limited import LimitedCloud
from actuators.executor import Executor
from actuators.roster import Roster
from streams.records.action import Action, Outcome, Result, Verb
from streams.records.member import State
from tests.actuator_builders import an_action
from tests.builders import a_member
from tests.contracts.ec2_rig import LAUNCH, REGIONS, a_driver, an_account
from tests.ec2 import Ec2

CRASHES = 20
MEMBERS = [f"shop-web-{i}" for i in range(1, 5)]
FAULTS: list[Mapping[str, Any]] = [
    {"kind": "late", "s": 0.6},
    {"kind": "answer", "status": 503, "code": "RequestLimitExceeded"},
    {"kind": "answer", "status": 429, "code": "Throttling"},
    {"kind": "answer", "status": 500, "code": "InternalError"},
]


class Worker:
    """One life of the actuators' process: everything in it is new but the log of members."""

    def __init__(self, server: Ec2, roster: Roster) -> None:
        self.outcomes: list[Outcome] = []
        account = an_account(server, timeout_s=0.3, regions=REGIONS[:1])
        self._cloud = LibcloudCloud(account, settings={})
        clock = asyncio.get_running_loop().time
        limited = LimitedCloud(self._cloud, name="ec2", calls_per_s=100.0, look_s=0.0, clock=clock)
        self.executor = Executor({"memory": limited}, roster, publish=self._publish, partition=lambda *_: 0, now=clock)

    async def _publish(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    async def carry_out(self, actions: list[Action]) -> dict[str, Result]:
        """Carry actions out beside each other."""
        before = len(self.outcomes)
        await asyncio.gather(*(self.executor.carry_out(action) for action in actions))
        return {outcome.member: outcome.result for outcome in self.outcomes[before:]}

    async def live_for(self, seconds: float, actions: list[Action]) -> None:
        """Carry actions out, and be killed after a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.carry_out(actions)

    async def until(self, result: Result, actions: list[Action]) -> None:
        """Carry actions out as often as the decider would, until all of them came to that."""
        async with asyncio.timeout(60):
            while set((await self.carry_out(actions)).values()) != {result}:
                await self.executor.observe()

    def close(self) -> None:
        """Let go of the connections."""
        self._cloud.close()


def alive(server: Ec2) -> list[str]:
    return sorted(n.name for n in a_driver(server).list_nodes() if n.state.value != "terminated")


def orders(verb: Verb, members: list[str]) -> list[Action]:
    launch = LAUNCH if verb is Verb.LAUNCH else None
    return [an_action(member, verb=verb, launch=launch) for member in members]


def recorded(members: list[str], state: State, roster: Roster) -> None:
    for member in members:
        roster.apply(a_member(member, state=state), partition=0, offset=0)


@pytest.mark.parametrize("seed", range(2))
async def test_killed_at_any_moment_it_has_one_instance_per_member_and_leaves_none(ec2: Ec2, seed: int) -> None:
    chance, roster = np.random.default_rng(seed), Roster()
    ec2.reset()
    workers: list[Worker] = []

    async def crash(verb: Verb, members: list[str]) -> None:
        actions = ("RunInstances", "TerminateInstances", "DescribeInstances")
        script = [{"action": str(chance.choice(actions)), **FAULTS[chance.integers(len(FAULTS))]} for _ in range(2)]
        await asyncio.to_thread(ec2.faults, *script)
        workers.append(Worker(ec2, roster))
        await workers[-1].live_for(float(chance.uniform(0.0, 0.4)), orders(verb, members))

    recorded(MEMBERS, State.CREATED, roster)
    for _ in range(CRASHES // 4):
        await crash(Verb.LAUNCH, MEMBERS)
    await asyncio.to_thread(ec2.faults)
    workers.append(Worker(ec2, roster))
    await workers[-1].until(Result.RUNNING, orders(Verb.LAUNCH, MEMBERS))
    assert alive(ec2) == MEMBERS

    leaving, staying = MEMBERS[:2], MEMBERS[2:]
    recorded(leaving, State.TERMINATING, roster)
    for _ in range(CRASHES // 4):
        await crash(Verb.TERMINATE, leaving)
    await asyncio.to_thread(ec2.faults)
    workers.append(Worker(ec2, roster))
    await workers[-1].until(Result.GONE, orders(Verb.TERMINATE, leaving))
    assert alive(ec2) == staying
    for worker in workers:
        worker.close()


async def test_an_instance_of_a_member_that_was_given_up_is_ended(ec2: Ec2) -> None:
    ec2.reset()
    roster = Roster()
    recorded(["shop-web-1"], State.CREATED, roster)
    ec2.faults({"action": "RunInstances", "kind": "late", "s": 0.6})
    worker = Worker(ec2, roster)
    assert await worker.carry_out(orders(Verb.LAUNCH, ["shop-web-1"])) == {"shop-web-1": Result.TRANSIENT}
    assert alive(ec2) == ["shop-web-1"]
    recorded(["shop-web-1"], State.TERMINATED, roster)

    await worker.executor.observe()

    assert alive(ec2) == []
    worker.close()


async def test_an_instance_that_no_record_knows_is_told_and_left_alone(ec2: Ec2) -> None:
    ec2.reset()
    known = Roster()
    recorded(["shop-web-1"], State.CREATED, known)
    worker = Worker(ec2, known)
    await worker.carry_out(orders(Verb.LAUNCH, ["shop-web-1"]))
    stranger = Worker(ec2, Roster())

    await stranger.executor.observe()

    assert alive(ec2) == ["shop-web-1"]
    assert stranger.outcomes == []
    worker.close()
    stranger.close()


async def test_refused_credentials_are_an_outcome_of_their_own(ec2: Ec2) -> None:
    ec2.reset()
    roster = Roster()
    recorded(["shop-web-1"], State.CREATED, roster)
    ec2.faults({"action": "RunInstances", "kind": "answer", "status": 401, "code": "AuthFailure"})
    worker = Worker(ec2, roster)

    assert await worker.carry_out(orders(Verb.LAUNCH, ["shop-web-1"])) == {"shop-web-1": Result.CREDENTIALS}
    worker.close()
