"""Server-sent events: bounded, and ended when asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dashboards.live import RESET, FullError, Live


async def never() -> bool:
    return False


def streaming(live: Live) -> AsyncIterator[bytes]:
    return live.stream(live.open(), gone=never, heartbeat_s=10.0)


async def test_every_page_gets_every_event() -> None:
    live = Live()
    pages = [streaming(live), streaming(live)]
    live.publish("decision", b'{"wanted":3}')

    for page in pages:
        assert (await anext(page)).startswith(b"retry: ")
        assert await anext(page) == b'event: decision\ndata: {"wanted":3}\n\n'


async def test_a_slow_page_loses_its_queue_and_is_told_to_load_anew() -> None:
    live = Live(queue=3)
    page = streaming(live)
    for i in range(5):
        live.publish("forecast", b"%d" % i)

    assert [await anext(page) for _ in range(3)][1:] == [RESET, b"event: forecast\ndata: 4\n\n"]


@pytest.mark.looptime
async def test_when_nothing_changes_a_comment_is_sent_now_and_then() -> None:
    loop = asyncio.get_running_loop()
    page = streaming(Live())
    await anext(page)
    seen = []
    for _ in range(3):
        assert (await anext(page)).startswith(b":")
        seen.append(loop.time())

    assert seen == pytest.approx([10.0, 20.0, 30.0])


async def test_a_page_that_went_is_forgotten() -> None:
    live, here = Live(), iter([False, True])

    async def gone() -> bool:
        return next(here)

    page = live.stream(live.open(), gone=gone)
    live.reset()

    assert [event async for event in page][1:] == [RESET]
    assert live.listeners == 0


async def test_a_stream_that_is_dropped_is_forgotten() -> None:
    live = Live()
    page = live.stream(live.open(), gone=never)
    await anext(page)
    await page.aclose()  # type: ignore[attr-defined]

    assert live.listeners == 0


async def test_closing_ends_every_stream_even_a_full_one_and_those_to_come() -> None:
    live = Live(queue=2)
    pages = [streaming(live), streaming(live)]
    for i in range(2):
        live.publish("forecast", b"%d" % i)
    live.close()
    pages.append(streaming(live))

    for page in pages:
        assert [event async for event in page][1:] == []
    assert live.listeners == 0


async def test_more_pages_than_may_listen_are_refused() -> None:
    live = Live(pages=1)
    live.open()

    with pytest.raises(FullError, match="1 pages listen already"):
        live.open()


def test_publishing_to_nobody_costs_nothing() -> None:
    live = Live()
    live.publish("forecast", b"{}")
    live.reset()

    assert live.listeners == 0
