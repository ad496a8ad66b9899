"""Wait for a condition, with a bound: what tests do instead of sleeping and hoping."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.02


def wait_until(condition: Callable[[], T], *, within_s: float, what: str) -> T:
    """Return what the condition holds, as soon as it does; fail with ``what`` was awaited when it does not in time."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        pause.wait(LOOK_EVERY_S)
    return found


async def until(condition: Callable[[], object], *, within_s: float, what: str) -> None:
    """Do the same in an event loop, by the loop's clock."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(LOOK_EVERY_S)
