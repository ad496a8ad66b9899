"""The executor: refuses, waits a bounded time, does things once, and tells each fault by what to do about it."""

import asyncio

import msgspec
import pytest

from actuators.clouds.memory import Call, Failure, Fault, MemoryCloud
from actuators.executor import CALL_S, CONCURRENCY, PATIENCE_S
from actuators.ports import CloudError, CredentialsError, Instance, QuotaExceededError, TooSoonError, Where
from streams.records.action import Launch, Result, Verb
from streams.records.member import State
from tests.actuator_builders import an_action
from tests.executing import Acting, SlowCloud

pytestmark = pytest.mark.looptime

TERMINATE = an_action(verb=Verb.TERMINATE)


async def test_a_launch_with_an_intent_is_carried_out_and_reported() -> None:
    acting = Acting()
    acting.record("shop-web-1", State.CREATED)

    outcome = await acting.carry_out(an_action())

    assert (outcome.action, outcome.result) == ("shop-web-1/launch", Result.RUNNING)
    assert (outcome.host, outcome.port, outcome.instance) == ("127.0.0.1", 20000, "memory-0")
    assert acting.calls(Call.LAUNCH) == ["shop-web-1"]


async def test_a_terminate_is_gone_when_it_returns() -> None:
    acting = Acting()
    await acting.start("shop-web-1", State.TERMINATING)

    outcome = await acting.carry_out(TERMINATE)

    assert (outcome.result, outcome.reason) == (Result.GONE, "terminated")
    assert not await acting.memory.instances()


async def test_a_terminate_without_an_instance_is_a_success() -> None:
    acting = Acting()
    acting.record("shop-web-1", State.TERMINATING)

    assert (await acting.carry_out(TERMINATE)).result is Result.GONE


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        pytest.param(Verb.LAUNCH, State.DRAINING, id="no launch of one that leaves"),
        pytest.param(Verb.LAUNCH, State.TERMINATED, id="no launch of one that is gone"),
        pytest.param(Verb.TERMINATE, State.TERMINATED, id="no end of one that is gone"),
    ],
)
async def test_what_the_record_can_never_allow_is_refused_at_once(verb: Verb, state: State) -> None:
    acting = Acting()
    acting.record("shop-web-1", state)
    began = acting.now()

    outcome = await acting.carry_out(an_action(verb=verb))

    assert (outcome.result, acting.now()) == (Result.REFUSED, began)
    assert not acting.memory.calls


async def test_a_member_that_serves_is_not_ended() -> None:
    acting = Acting()
    await acting.start("shop-web-1", State.ACTIVE)

    outcome = await acting.carry_out(TERMINATE)

    assert (outcome.result, list(await acting.memory.instances())) == (Result.REFUSED, ["shop-web-1"])


async def test_without_an_intent_it_waits_for_a_while_and_refuses() -> None:
    acting = Acting()
    began = acting.now()

    outcome = await acting.carry_out(an_action())

    assert (outcome.result, outcome.reason) == (Result.REFUSED, "no intent stands in pileus.members")
    assert acting.now() - began == pytest.approx(PATIENCE_S)
    assert outcome.took_s == pytest.approx(PATIENCE_S)


async def test_an_intent_that_comes_late_is_waited_for() -> None:
    acting = Acting()
    asyncio.get_running_loop().call_later(1.0, lambda: acting.record("shop-web-1", State.CREATED))

    assert (await acting.carry_out(an_action())).result is Result.RUNNING


async def test_an_older_epoch_is_refused_at_once() -> None:
    acting = Acting()
    acting.record("shop-web-1", State.CREATED)
    acting.claim(5)
    began = acting.now()

    outcome = await acting.carry_out(an_action(epoch=4))

    assert (outcome.result, outcome.reason) == (Result.REFUSED, "epoch 4 is older than 5")
    assert acting.now() == began


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (Fault.OUT_OF_CAPACITY, Result.OUT_OF_CAPACITY),
        (Fault.TRANSIENT, Result.TRANSIENT),
        (Fault.TIMED_OUT, Result.TRANSIENT),
        (Fault.INVALID, Result.INVALID),
    ],
)
async def test_each_fault_is_told_by_what_to_do_about_it(fault: Fault, result: Result) -> None:
    acting = Acting(failures=[Failure(call=Call.LAUNCH, fault=fault)])
    acting.record("shop-web-1", State.CREATED)

    outcome = await acting.carry_out(an_action())

    assert outcome.result is result
    assert outcome.reason


async def test_a_launch_that_timed_out_and_worked_is_found_by_the_next() -> None:
    acting = Acting(failures=[Failure(call=Call.LAUNCH, fault=Fault.TIMED_OUT)])
    acting.record("shop-web-1", State.CREATED)

    results = [(await acting.carry_out(an_action())).result for _ in range(2)]

    assert results == [Result.TRANSIENT, Result.RUNNING]
    assert list(await acting.memory.instances()) == ["shop-web-1"]


async def test_an_unknown_cloud_is_invalid() -> None:
    acting = Acting()
    acting.record("shop-web-1", State.CREATED)

    outcome = await acting.carry_out(an_action(provider="moon"))

    assert (outcome.result, outcome.reason) == (Result.INVALID, "no cloud 'moon', there are: memory")


async def test_a_launch_without_what_to_launch_is_invalid() -> None:
    acting = Acting()
    acting.record("shop-web-1", State.CREATED)
    broken = msgspec.structs.replace(an_action(), launch=None)

    assert (await acting.carry_out(broken)).result is Result.INVALID


class BrokenCloud(SlowCloud):
    """A cloud with a bug."""

    async def _work(self, what: str) -> None:
        raise KeyError(what)


async def test_a_cloud_with_a_bug_is_a_passing_fault_and_does_not_stop_the_executor() -> None:
    acting = Acting(cloud=BrokenCloud(0.0))
    acting.record("shop-web-1", State.CREATED)

    outcome = await acting.carry_out(an_action())

    assert (outcome.result, outcome.reason) == (Result.TRANSIENT, "KeyError('shop-web-1/launch')")


async def test_a_cloud_that_never_answers_is_given_up() -> None:
    acting = Acting(cloud=SlowCloud(1e6))
    acting.record("shop-web-1", State.CREATED)

    outcome = await acting.carry_out(an_action())

    assert outcome.result is Result.TRANSIENT
    assert outcome.took_s == pytest.approx(CALL_S)


async def test_the_same_action_twice_under_way_is_carried_out_once() -> None:
    cloud = SlowCloud(10.0)
    acting = Acting(cloud=cloud)
    acting.record("shop-web-1", State.CREATED)

    await asyncio.gather(*(acting.executor.carry_out(an_action()) for _ in range(3)))

    assert cloud.ended == ["shop-web-1/launch"]
    assert len(acting.outcomes) == 1


async def test_a_member_is_not_ended_while_it_is_launched() -> None:
    cloud = SlowCloud(10.0)
    acting = Acting(cloud=cloud)
    acting.record("shop-web-1", State.CREATED)
    launching = asyncio.create_task(acting.executor.carry_out(an_action()))
    await asyncio.sleep(1.0)
    acting.record("shop-web-1", State.TERMINATING)

    await acting.executor.carry_out(TERMINATE)
    await launching

    assert cloud.ended == ["shop-web-1/launch", "shop-web-1/terminate"]


async def test_so_many_calls_at_once_and_no_more() -> None:
    cloud = SlowCloud(10.0)
    acting = Acting(cloud=cloud)
    names = [f"shop-web-{i}" for i in range(CONCURRENCY + 2)]
    for name in names:
        acting.record(name, State.CREATED)

    await asyncio.gather(*(acting.executor.carry_out(an_action(name)) for name in names))

    assert (cloud.most, len(cloud.ended)) == (CONCURRENCY, len(names))


async def test_what_is_not_wanted_any_more_when_its_turn_comes_is_refused() -> None:
    cloud = SlowCloud(10.0)
    acting = Acting(cloud=cloud)
    names = [f"shop-web-{i}" for i in range(CONCURRENCY + 1)]
    for name in names:
        acting.record(name, State.CREATED)
    working = asyncio.gather(*(acting.executor.carry_out(an_action(name)) for name in names))
    await asyncio.sleep(1.0)
    acting.record(names[-1], State.DRAINING)
    await working

    (refused,) = [outcome for outcome in acting.outcomes if outcome.result is Result.REFUSED]
    assert refused.member == names[-1]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (QuotaExceededError, Result.OUT_OF_CAPACITY),
        (CredentialsError, Result.CREDENTIALS),
        (TooSoonError, Result.TRANSIENT),
    ],
)
async def test_each_error_of_the_port_is_told_by_what_to_do_about_it(error: type[CloudError], result: Result) -> None:
    class Refusing(MemoryCloud):
        async def launch(self, where: Where, launch: Launch) -> Instance:
            raise error(f"{where.member}: {launch.image}")

    acting = Acting(cloud=Refusing(now=lambda: 0.0))
    acting.record("shop-web-1", State.CREATED)

    assert (await acting.carry_out(an_action())).result is result


async def test_terminations_that_take_long_keep_no_launch_waiting() -> None:
    slow = SlowCloud(10.0)
    acting = Acting(cloud=slow)
    leaving = [f"shop-web-{i}" for i in range(2, 2 + 2 * CONCURRENCY)]
    for member in leaving:
        acting.record(member, State.TERMINATING)
    acting.record("shop-web-1", State.CREATED)

    ends = [an_action(member, verb=Verb.TERMINATE) for member in leaving]
    await asyncio.gather(*(acting.executor.carry_out(action) for action in [*ends, an_action()]))

    assert "shop-web-1/launch" in slow.ended[: CONCURRENCY + 1]
