"""The observer: what the clouds have, against the record."""

from collections.abc import Mapping

import pytest

from actuators.clouds.memory import Call, Failure, Fault
from actuators.observer import AGAIN_LOOKS, APPEAR_S, LIST_S, LOOKS, MANY_LOOKS
from actuators.ports import Instance, TooSoonError
from streams.records.action import Launch, Result
from streams.records.member import State
from tests.actuator_builders import an_action
from tests.executing import Acting, SlowCloud, where

pytestmark = pytest.mark.looptime

GONE = (Result.GONE, "shop-web-1")


@pytest.mark.parametrize("state", [State.STARTING, State.ACTIVE, State.DRAINING])
async def test_two_looks_that_miss_an_instance_report_it(state: State) -> None:
    acting = Acting()
    await acting.start("shop-web-1", state)
    await acting.looks(1)
    acting.memory.lose("shop-web-1")

    assert await acting.looks(1) == []
    assert await acting.looks(LOOKS - 1) == [GONE]
    assert acting.outcomes[-1].reason == "ended by itself"


async def test_one_look_that_misses_it_is_a_hiccup() -> None:
    acting = Acting()
    await acting.start("shop-web-1", State.ACTIVE)
    present = acting.memory._alive.copy()
    acting.memory._alive.clear()
    await acting.looks(1)
    acting.memory._alive.update(present)
    await acting.looks(1)
    acting.memory._alive.clear()

    assert await acting.looks(1) == []


@pytest.mark.parametrize("state", [State.CREATED, State.TERMINATING, State.TERMINATED])
async def test_in_other_states_no_instance_must_exist(state: State) -> None:
    acting = Acting()
    acting.record("shop-web-1", state)

    assert await acting.looks(5) == []


async def test_it_is_said_again_while_the_record_does_not_follow() -> None:
    acting = Acting()
    acting.record("shop-web-1", State.ACTIVE)

    assert await acting.looks(LOOKS + 2 * AGAIN_LOOKS) == [GONE] * 3


async def test_an_accepted_instance_may_take_its_time_to_show() -> None:
    acting = Acting()
    acting.record("shop-web-1", State.STARTING)

    assert await acting.looks(int(APPEAR_S)) == []
    assert await acting.looks(4) == [GONE]


async def test_a_cloud_that_does_not_answer_says_nothing() -> None:
    acting = Acting(failures=[Failure(call=Call.INSTANCES, fault=Fault.TRANSIENT, times=50)])
    acting.record("shop-web-1", State.ACTIVE)

    assert await acting.looks(50) == []
    assert await acting.looks(LOOKS) == [GONE]


async def test_a_cloud_that_hangs_is_given_up_and_says_nothing() -> None:
    acting = Acting(cloud=SlowCloud(1e6))
    acting.record("shop-web-1", State.ACTIVE)
    began = acting.now()

    await acting.executor.observe()

    assert acting.outcomes == []
    assert acting.now() - began == pytest.approx(LIST_S)


async def test_when_most_vanish_at_once_it_looks_longer() -> None:
    acting = Acting()
    for i in range(1, 5):
        await acting.start(f"shop-web-{i}", State.ACTIVE)
    for i in range(1, 4):
        acting.memory.lose(f"shop-web-{i}")

    assert await acting.looks(MANY_LOOKS - 1) == []
    assert [member for _, member in await acting.looks(1)] == ["shop-web-1", "shop-web-2", "shop-web-3"]


async def test_half_that_vanish_are_reported_soon() -> None:
    acting = Acting()
    for i in range(1, 5):
        await acting.start(f"shop-web-{i}", State.ACTIVE)
    for i in range(1, 3):
        acting.memory.lose(f"shop-web-{i}")

    assert [member for _, member in await acting.looks(LOOKS)] == ["shop-web-1", "shop-web-2"]


async def test_an_instance_of_a_terminated_member_is_ended() -> None:
    acting = Acting()
    await acting.start("shop-web-1", State.TERMINATED)

    await acting.looks(1)

    assert not await acting.memory.instances()
    assert acting.calls(Call.TERMINATE) == ["shop-web-1"]


async def test_an_instance_that_does_not_end_does_not_stop_the_looks() -> None:
    acting = Acting(failures=[Failure(call=Call.TERMINATE, fault=Fault.TRANSIENT, times=2)])
    await acting.start("shop-web-1", State.TERMINATED)
    acting.record("shop-web-2", State.ACTIVE)

    assert await acting.looks(3) == [(Result.GONE, "shop-web-2")]
    assert not await acting.memory.instances()


async def test_an_instance_that_no_record_knows_is_left_alone_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    acting = Acting()
    await acting.memory.launch(where("shop-web-9"), Launch())

    assert await acting.looks(3) == []
    assert list(await acting.memory.instances()) == ["shop-web-9"]
    assert capsys.readouterr().out.count("an instance that no record knows") == 1


async def test_an_address_that_was_not_known_at_first_is_reported() -> None:
    acting = Acting(boot_s=3.0)
    acting.record("shop-web-1", State.CREATED)
    launched = await acting.carry_out(an_action())
    acting.record("shop-web-1", State.STARTING, port=0)

    assert launched.port == 0
    assert await acting.looks(3) == []
    assert await acting.looks(1) == [(Result.RUNNING, "shop-web-1")]
    assert (acting.outcomes[-1].host, acting.outcomes[-1].port) == ("127.0.0.1", 20000)


class LateCloud(SlowCloud):
    """A cloud whose answer was made before it is given."""

    def __init__(self, acting: Acting) -> None:
        super().__init__(5.0)
        self.acting = acting

    async def instances(self) -> Mapping[str, Instance]:
        """Return what there was when it was asked; meanwhile an instance is launched and recorded."""
        await self._work("instances")
        self.acting.record("shop-web-1", State.ACTIVE)
        return {}


async def test_a_member_launched_while_the_cloud_was_asked_is_not_missed() -> None:
    acting = Acting()
    acting.executor._observer._clouds = {"memory": LateCloud(acting)}
    acting.record("shop-web-1", State.CREATED)

    await acting.executor.observe()

    assert acting.executor._observer._missed["memory"] == {}


async def test_a_cloud_looked_at_too_soon_says_nothing_and_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    class Soon(SlowCloud):
        async def instances(self) -> Mapping[str, Instance]:
            raise TooSoonError("looked at just now")

    acting = Acting(cloud=Soon(0.0))
    acting.record("shop-web-1", State.ACTIVE)

    assert await acting.looks(2 * MANY_LOOKS) == []
    assert capsys.readouterr().out == ""
