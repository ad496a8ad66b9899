"""A dashboard that a test fills, and a page that shows it."""

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from playwright.async_api import Browser, Page

from dashboards.app import Sources
from dashboards.events import events
from dashboards.fold import DECODERS, apply
from dashboards.model import TopicCount
from streams.records.record import Record
from tests import story

BOUND_MS = 30_000
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
LAPTOP, PHONE = (1366, 768), (390, 844)


@dataclass
class Stage:
    """A dashboard that serves a model which the test fills."""

    url: str
    sources: Sources

    def tell(self, *records: Record) -> None:
        """Fold records in and send what changed, as the feed does."""
        for record in records:
            changes = apply(self.sources.model, record)
            for name, view in events(self.sources.model, changes, now=time.time()):
                self.sources.live.publish(name, view.model_dump_json().encode())

    def tell_story(self) -> None:
        """Tell six minutes that end now."""
        for record in story.told(time.time() - 360, seconds=360):
            apply(self.sources.model, record)
        for topic in DECODERS:
            self.sources.model.topics[topic] = TopicCount(records=100, newest_at=time.time())
            self.sources.status.partitions[topic] = 1


@dataclass
class Seen:
    """A page and what its console said."""

    page: Page
    said: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def opened(
    browser: Browser, url: str, *, size: tuple[int, int] = LAPTOP, dark: bool = False
) -> AsyncIterator[Seen]:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    context.set_default_timeout(BOUND_MS)
    seen = Seen(await context.new_page())
    seen.page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    seen.page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    await seen.page.goto(url)
    yield seen
    await context.close()


async def shows(page: Page, selector: str, text: str) -> None:
    """Wait until an element holds a text."""
    script = "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)"
    await page.wait_for_function(script, arg=[selector, text])
