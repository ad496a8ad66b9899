"""The ordered end of a run: what is withdrawn, and how long that is waited for."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest

from config.catalogue import Catalogue, load
from pileus.lives import Lives
from pileus.stack.local import LocalStack, StackError
from pileus.stack.undeploy import in_order, withdrawals
from streams.records.instance import Phase
from tests.unit.config.composites import composite
from tests.unit.config.documents import write
from tests.unit.pileus.instances import an_instance
from tests.unit.pileus.test_front import BLOG, TIERS


class Stack:
    """A stack that only tells."""

    def __init__(self, lives: Lives, *, ends_after_s: float = 5.0) -> None:
        self.applications = (TIERS, BLOG)
        self.catalogue = Catalogue()
        self.levels = 3
        self.said: list[str] = []
        self.withdrawn: list[str] = []
        self.error = ""
        self._lives = lives
        self._ends_after_s = ends_after_s

    def tell(self, text: str) -> None:
        self.said.append(text)

    async def withdraw(self, documents: Iterable[tuple[str, None]]) -> None:
        if self.error:
            raise StackError(self.error)
        self.withdrawn = [key for key, _ in documents]
        for i, alias in enumerate(("web", "backend.1/api", "backend.1/db"), 1):
            gone = an_instance(alias, phase=Phase.TERMINATED)
            at = i * self._ends_after_s / 3
            asyncio.get_running_loop().call_later(at, self._lives.instance, gone, at)


def living() -> Lives:
    lives = Lives()
    for name in ("backend.1/db", "backend.1/api", "web"):
        lives.instance(an_instance(name, phase=Phase.ACTIVE), 0.0)
    return lives


async def ended(stack: Stack, lives: Lives, *, asked_after_s: float | None = None) -> tuple[str, float]:
    """Return what did not end, and how long that took."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    asked.set()  # Ctrl-C ended the run
    start = loop.time()
    if asked_after_s is not None:
        loop.call_later(asked_after_s, asked.set)
    left = await in_order(cast("LocalStack", stack), lives, asked=asked)
    return left, loop.time() - start


@pytest.mark.looptime
async def test_it_is_waited_for_until_nothing_is_left() -> None:
    stack = Stack(lives := living())

    left, took_s = await ended(stack, lives)

    assert left == ""
    assert took_s == pytest.approx(5.0, abs=0.2)
    assert stack.withdrawn == ["application/default/shop"]
    assert [text.rpartition(": ")[2] for text in stack.said] == ["db, api, web", "db, api", "db"]


@pytest.mark.looptime
async def test_a_second_interrupt_ends_the_wait() -> None:
    stack = Stack(lives := living(), ends_after_s=30.0)

    left, took_s = await ended(stack, lives, asked_after_s=12.0)

    assert left == "ended at once, not in order: db, api"
    assert took_s == pytest.approx(12.0, abs=0.2)


@pytest.mark.looptime
async def test_the_wait_is_bounded() -> None:
    stack = Stack(lives := living(), ends_after_s=1e6)

    left, took_s = await ended(stack, lives)

    assert left == "ended at once, not in order: db, api, web"
    assert took_s == pytest.approx(90.0, abs=0.2)


@pytest.mark.looptime
async def test_nothing_is_waited_for_when_nothing_is_there_or_it_is_a_single_cluster() -> None:
    lives = Lives()
    lives.instance(an_instance(application="blog", phase=Phase.ACTIVE), 0.0)
    stack = Stack(lives)

    left, took_s = await ended(stack, lives)

    assert left == ""
    assert took_s == pytest.approx(0.0)
    assert stack.withdrawn == []


async def test_a_broker_that_does_not_take_it_is_told() -> None:
    stack = Stack(lives := living())
    stack.error = "definitions at 127.0.0.1:1: no"

    left, _ = await ended(stack, lives)

    assert left == "applications not withdrawn: definitions at 127.0.0.1:1: no"


def test_what_belongs_to_an_application_is_withdrawn_before_it(tmp_path: Path) -> None:
    documents = composite()
    documents["domains.json"] = {
        "kind": "domainMapping",
        "applicationId": "shop",
        "domainMappings": [{"cartridgeAlias": "front", "domainName": "shop.example.org"}],
    }

    withdrawn = withdrawals(load([write(tmp_path, documents)]), {("default", "shop")})

    assert withdrawn == [("domainMapping/default/shop", None), ("application/default/shop", None)]
