from collections.abc import Sequence

import pytest

from actuators.clouds.memory import Call, Called, Failure, Fault, MemoryCloud
from actuators.ports import CloudError, InvalidRequestError, OutOfCapacityError, TransientCloudError
from streams.records.action import Launch
from tests.clouds import a_place

ERRORS: dict[Fault, type[CloudError]] = {
    Fault.OUT_OF_CAPACITY: OutOfCapacityError,
    Fault.TRANSIENT: TransientCloudError,
    Fault.INVALID: InvalidRequestError,
    Fault.TIMED_OUT: TransientCloudError,
}


class Clock:
    """Virtual time."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def a_cloud(*failures: Failure, clock: Clock | None = None, boot_s: float = 0.0) -> MemoryCloud:
    return MemoryCloud(now=clock or Clock(), boot_s=boot_s, failures=failures)


async def test_host_and_port_are_unknown_until_the_instance_has_booted() -> None:
    clock = Clock()
    cloud = a_cloud(clock=clock, boot_s=30.0)

    launched = await cloud.launch(a_place(), Launch())
    clock.at = 29.9
    booting = (await cloud.instances())["shop-web-1"]
    clock.at = 30.0
    booted = (await cloud.instances())["shop-web-1"]

    assert launched == booting
    assert (booting.host, booting.port) == ("", 0)
    assert (booted.host, booted.port > 0, booted.instance) == ("127.0.0.1", True, booting.instance)


async def _boot_times(seed: int, count: int = 5) -> list[float]:
    """Return when each of a few instances has a port, to a tenth of a second."""
    clock = Clock()
    cloud = MemoryCloud(now=clock, boot_s=10.0, boot_spread_s=20.0, seed=seed)
    up: dict[str, float] = {}
    for i in range(count):
        await cloud.launch(a_place(f"shop-web-{i}"), Launch())
    for tenth in range(301):
        clock.at = tenth / 10
        for member, instance in (await cloud.instances()).items():
            if instance.port:
                up.setdefault(member, clock.at)
    return [up[f"shop-web-{i}"] for i in range(count)]


async def test_boot_times_spread_as_declared_and_hang_on_the_seed_alone() -> None:
    once, again, other = await _boot_times(1), await _boot_times(1), await _boot_times(2)

    assert once == again != other
    assert len(set(once)) > 1
    assert all(10.0 <= seconds <= 30.0 for seconds in once)


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_launch_fails_as_the_script_says_and_then_succeeds(fault: Fault) -> None:
    cloud = a_cloud(Failure(call=Call.LAUNCH, fault=fault, times=2))

    for _ in range(2):
        with pytest.raises(ERRORS[fault], match="shop-web-1"):
            await cloud.launch(a_place(), Launch())
    await cloud.launch(a_place(), Launch())

    assert list(await cloud.instances()) == ["shop-web-1"]


@pytest.mark.parametrize(
    ("call", "fault", "left"),
    [
        pytest.param(Call.LAUNCH, Fault.TRANSIENT, [], id="a launch that failed has launched nothing"),
        pytest.param(Call.LAUNCH, Fault.TIMED_OUT, ["shop-web-1"], id="a launch that timed out has launched"),
        pytest.param(Call.TERMINATE, Fault.TRANSIENT, ["shop-web-1"], id="a terminate that failed has ended nothing"),
        pytest.param(Call.TERMINATE, Fault.TIMED_OUT, [], id="a terminate that timed out has ended it"),
    ],
)
async def test_whether_a_failed_call_had_an_effect(call: Call, fault: Fault, left: Sequence[str]) -> None:
    cloud = a_cloud(Failure(call=call, fault=fault))

    async def launch_and_terminate() -> None:
        await cloud.launch(a_place(), Launch())
        await cloud.terminate("shop-web-1", 1.0)

    with pytest.raises(TransientCloudError):
        await launch_and_terminate()

    assert list(await cloud.instances()) == left


async def test_a_listing_that_fails_is_an_error_and_never_empty() -> None:
    cloud = a_cloud(Failure(call=Call.INSTANCES, fault=Fault.TRANSIENT))
    await cloud.launch(a_place(), Launch())

    with pytest.raises(TransientCloudError):
        await cloud.instances()

    assert list(await cloud.instances()) == ["shop-web-1"]


async def test_a_failure_meets_only_the_calls_that_it_names() -> None:
    cloud = a_cloud(
        Failure(call=Call.LAUNCH, fault=Fault.OUT_OF_CAPACITY, partition="p1", times=9),
        Failure(call=Call.LAUNCH, fault=Fault.INVALID, member="shop-web-2"),
    )

    with pytest.raises(OutOfCapacityError):
        await cloud.launch(a_place("shop-web-1", partition="p1"), Launch())
    await cloud.launch(a_place("shop-web-1", partition="p2"), Launch())
    with pytest.raises(InvalidRequestError):
        await cloud.launch(a_place("shop-web-2", partition="p2"), Launch())


async def test_a_partition_that_does_not_exist_is_invalid_and_not_full() -> None:
    cloud = MemoryCloud(now=Clock(), capacity={"p1": 1, "p2": 0})

    await cloud.launch(a_place("shop-web-1", partition="p1"), Launch())

    with pytest.raises(OutOfCapacityError, match="p1 is full: 1 of 1"):
        await cloud.launch(a_place("shop-web-2", partition="p1"), Launch())
    with pytest.raises(OutOfCapacityError, match="p2 is full: 0 of 0"):
        await cloud.launch(a_place("shop-web-2", partition="p2"), Launch())
    with pytest.raises(InvalidRequestError, match="'p3' does not exist"):
        await cloud.launch(a_place("shop-web-2", partition="p3"), Launch())


async def test_ports_of_the_launch_are_each_given_once() -> None:
    cloud = a_cloud()
    ports = [(await cloud.launch(a_place(f"shop-web-{i}"), Launch(ports=[7001, 7002]))).port for i in range(2)]

    with pytest.raises(OutOfCapacityError, match=r"7001\.\.7002"):
        await cloud.launch(a_place("shop-web-2"), Launch(ports=[7001, 7002]))

    assert ports == [7001, 7002]


async def test_every_call_is_written_down_with_its_time_and_error() -> None:
    clock = Clock()
    cloud = a_cloud(Failure(call=Call.LAUNCH, fault=Fault.TIMED_OUT), clock=clock)
    with pytest.raises(TransientCloudError):
        await cloud.launch(a_place(), Launch())
    clock.at = 5.0
    await cloud.terminate("shop-web-1", 1.0)
    await cloud.instances()

    assert cloud.calls == (
        Called(at=0.0, call=Call.LAUNCH, member="shop-web-1", error="TransientCloudError"),
        Called(at=5.0, call=Call.TERMINATE, member="shop-web-1"),
        Called(at=5.0, call=Call.INSTANCES),
    )


async def test_losing_what_is_not_there_changes_nothing() -> None:
    cloud = a_cloud()
    cloud.lose("shop-web-1")

    assert list(await cloud.instances()) == []
    await cloud.launch(a_place(), Launch())


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_boot_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="must be >= 0"):
        MemoryCloud(now=Clock(), boot_s=seconds)
