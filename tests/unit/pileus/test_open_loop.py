"""The open loop, in virtual time: answers change nothing about when requests are sent."""

import asyncio

import aiohttp
import pytest

from pileus.load.send import ConnectionLostError, Counters, kind_of, open_loop, stopped


async def elapsed(seen: list[float], *, takes_s: float, start: float) -> None:
    seen.append(asyncio.get_running_loop().time() - start)
    await asyncio.sleep(takes_s)


@pytest.mark.looptime
@pytest.mark.parametrize("takes_s", [pytest.param(0.0, id="at once"), pytest.param(1000.0, id="hardly ever")])
async def test_requests_are_sent_when_due_whatever_the_answers_do(takes_s: float) -> None:
    loop, seen, counters = asyncio.get_running_loop(), list[float](), Counters()
    start = loop.time()
    due = [0.5, 1.0, 1.0, 7.0]
    await open_loop(due, lambda _: elapsed(seen, takes_s=takes_s, start=start), stop=asyncio.Event(), counters=counters)

    assert seen == pytest.approx(due)
    assert counters.sent == 4
    assert loop.time() - start == pytest.approx(7.0 + takes_s)


@pytest.mark.looptime
async def test_a_client_that_is_late_says_so_and_catches_up() -> None:
    loop, counters = asyncio.get_running_loop(), Counters()
    start = loop.time()
    told: list[float] = []

    async def send(due: float) -> None:
        told.append(due - start)

    await open_loop([-3.0, -2.0, 1.0], send, stop=asyncio.Event(), counters=counters)

    assert told == pytest.approx([-3.0, -2.0, 1.0])
    assert counters.lateness.greatest == pytest.approx(3.0)
    assert loop.time() - start == pytest.approx(1.0)


@pytest.mark.looptime
async def test_stop_ends_the_sending_and_waits_for_what_is_in_flight() -> None:
    loop, seen, counters, stop = asyncio.get_running_loop(), list[float](), Counters(), asyncio.Event()
    start = loop.time()
    loop.call_later(2.5, stop.set)
    await open_loop(range(100), lambda _: elapsed(seen, takes_s=4.0, start=start), stop=stop, counters=counters)

    assert seen == pytest.approx([0.0, 1.0, 2.0])
    assert loop.time() - start == pytest.approx(6.0)


@pytest.mark.looptime
async def test_waiting_for_stop_ends_at_its_bound() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    assert not await stopped(stop, until=loop.time() + 5.0)
    stop.set()
    assert await stopped(stop, until=loop.time() - 1.0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(TimeoutError(), "timeout", id="too late"),
        pytest.param(aiohttp.ServerTimeoutError(), "timeout", id="too late, by aiohttp"),
        pytest.param(ConnectionLostError(), "reset", id="lost before the answer"),
        pytest.param(ConnectionResetError(), "reset", id="lost, by the system"),
        pytest.param(aiohttp.ServerDisconnectedError(), "reset", id="lost within the answer"),
        pytest.param(aiohttp.ClientPayloadError(), "truncated", id="half an answer"),
        pytest.param(aiohttp.InvalidURL("x"), "protocol", id="anything else"),
    ],
)
def test_a_failure_has_a_kind(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind
