"""Any cloud within limits, in virtual time."""

import asyncio

import pytest

from actuators.circuit import FAILURES, FIRST_PAUSE_S
from actuators.clouds.limited import WAIT_S, LimitedCloud
from actuators.clouds.memory import Call, Failure, Fault, MemoryCloud
from actuators.ports import OutOfCapacityError, TooSoonError, TransientCloudError
from streams.records.action import Launch
from tests.clouds import a_place

pytestmark = pytest.mark.looptime


def clock() -> float:
    return asyncio.get_running_loop().time()


def limited(memory: MemoryCloud, *, calls_per_s: float = 100.0, look_s: float = 0.0) -> LimitedCloud:
    return LimitedCloud(memory, name="far", calls_per_s=calls_per_s, look_s=look_s, clock=clock)


def failing(call: Call, fault: Fault, times: int) -> MemoryCloud:
    return MemoryCloud(now=lambda: 0.0, failures=[Failure(call=call, fault=fault, times=times)])


async def test_calls_are_spread_over_time() -> None:
    memory = MemoryCloud(now=clock)
    cloud = limited(memory, calls_per_s=2.0)

    await asyncio.gather(*(cloud.launch(a_place(f"shop-web-{i}"), Launch()) for i in range(6)))

    assert [called.at for called in memory.calls] == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.5, 2.0])


async def test_who_would_wait_too_long_is_told_to_come_later() -> None:
    memory = MemoryCloud(now=clock)
    cloud = limited(memory, calls_per_s=1.0)

    said = await asyncio.gather(
        *(cloud.launch(a_place(f"shop-web-{i}"), Launch()) for i in range(9)), return_exceptions=True
    )

    assert sum(isinstance(each, TransientCloudError) for each in said) == 9 - 1 - round(WAIT_S)
    assert len(memory.calls) == 1 + round(WAIT_S)


async def test_a_cloud_that_fails_again_and_again_is_left_alone_and_tried_again() -> None:
    memory = failing(Call.LAUNCH, Fault.TRANSIENT, FAILURES)
    cloud = limited(memory)
    for _ in range(FAILURES):
        with pytest.raises(TransientCloudError, match="launch"):
            await cloud.launch(a_place(), Launch())

    with pytest.raises(TransientCloudError, match="cloud far: its circuit is open after 5 failures"):
        await cloud.launch(a_place(), Launch())
    assert len(memory.calls) == FAILURES
    await asyncio.sleep(FIRST_PAUSE_S)
    await cloud.launch(a_place(), Launch())

    assert list(await cloud.instances()) == ["shop-web-1"]


async def test_a_full_cloud_is_not_a_failing_one() -> None:
    cloud = limited(failing(Call.LAUNCH, Fault.OUT_OF_CAPACITY, 2 * FAILURES))

    for _ in range(2 * FAILURES):
        with pytest.raises(OutOfCapacityError):
            await cloud.launch(a_place(), Launch())


async def test_lists_keep_their_distance_and_one_asked_for_too_soon_costs_no_call() -> None:
    memory = MemoryCloud(now=clock)
    cloud = limited(memory, look_s=5.0)
    assert await cloud.instances() == {}

    with pytest.raises(TooSoonError):
        await cloud.instances()
    await asyncio.sleep(5.0)

    assert await cloud.instances() == {}
    assert [called.at for called in memory.calls] == [0.0, 5.0]


async def test_a_caller_that_gave_up_counts_as_no_answer() -> None:
    class Silent(MemoryCloud):
        async def terminate(self, *_: object) -> None:
            await asyncio.Event().wait()

    cloud = limited(Silent(now=clock))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await cloud.terminate("shop-web-1", 1.0)

    assert cloud.circuit.failures == 1
