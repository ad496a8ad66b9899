"""A dashboard and a browser for each test."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright

from dashboards.app import Sources, create_app
from dashboards.live import Live
from dashboards.model import Model
from dashboards.serve import Server, listen
from dashboards.status import Status
from tests.browser.dashboard import ARGUMENTS, Stage
from tests.waiting import until


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    sources = Sources(Model(), Status("kafka:9092"), Live(), time.time)
    sources.status.up(time.time())
    sources.status.caught_up = True
    listening = listen("127.0.0.1", 0)
    server = Server(uvicorn.Config(create_app(sources), log_config=None, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started, within_s=30, what="the dashboard listens")
    yield Stage(f"http://127.0.0.1:{listening.getsockname()[1]}/", sources)
    sources.live.close()
    server.should_exit = True
    await task
    listening.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no chromium on PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield browser
        await browser.close()
