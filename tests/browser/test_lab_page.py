"""The laboratory's page in a real browser: it draws, zooms, explains, and nothing foreign is asked for or runs."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, async_playwright

from pileus.lab.examine import Job, examined
from pileus.lab.html import page
from tests.browser.contrast import unreadable
from tests.browser.dashboard import ARGUMENTS
from tests.laboratory import a_day, a_load, a_trial

pytestmark = pytest.mark.integration
BOUND_MS = 30_000
HOSTILE = "</script><script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


def a_page(folder: Path) -> Path:
    """Write the page of two replays of a load with a gap, on a clock that began in 2023, with a hostile name."""
    values = a_day(periods=720)
    values[100:120] = float("nan")
    load = replace(a_load(values, start=1_700_000_000.0), name=HOSTILE)
    jobs = [Job(trial=a_trial(load, predictor=name), drawn=True) for name in ("kinematic", "last")]
    path = folder / "page.html"
    path.write_text(page(examined(jobs, processes=1)))
    return path


@pytest.fixture
async def opened(tmp_path: Path, program: Callable[..., str]) -> AsyncIterator[tuple[Page, list[str]]]:
    """The page, and every fault and foreign request."""
    faults: list[str] = []
    chromium = program("chromium", "google-chrome", "chromium-browser")
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        try:
            shown = await browser.new_page()
            shown.set_default_timeout(BOUND_MS)
            shown.on("pageerror", lambda error: faults.append(str(error)))
            shown.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
            shown.on(
                "request",
                lambda request: (
                    None if request.url.startswith(("file:", "data:", "blob:")) else faults.append(request.url)
                ),
            )
            await shown.goto(a_page(tmp_path).as_uri())
            await shown.wait_for_selector("#members .main-svg")
            yield shown, faults
        finally:
            await browser.close()


async def test_a_newcomer_reads_the_verdict_zooms_and_reads_why(opened: tuple[Page, list[str]]) -> None:
    shown, faults = opened

    word = await shown.inner_text("#verdict .word")
    assert word.split(":")[0] in {"Ship it", "Not yet", "No real difference from the simple rule", "Do not ship it"}
    assert "At the same cost it has" in await shown.inner_text("#verdict")
    assert "costs exactly what this policy costs" in await shown.inner_text("#equal")
    assert "20 minutes of the load are unknown" in await shown.inner_text("#notices")
    assert await shown.locator("#tiles .tile").count() == 6

    await shown.click("#worst button >> nth=0")
    await shown.wait_for_function("document.querySelector('#members').data.some((t) => t.name === 'decision')")
    why = await shown.evaluate(
        "document.querySelector('#members').data.filter((t) => t.text && t.text.length).flatMap((t) => t.text).join()"
    )
    assert "Demand" in why or "Forecast" in why

    await shown.click("#picks button >> nth=1")
    assert await shown.inner_text("#verdict .word") == "This is the simple rule itself"
    assert await shown.evaluate("window.hacked === undefined")
    assert not faults


@pytest.mark.parametrize("width", [390, 1366])
async def test_it_fits_the_screen(opened: tuple[Page, list[str]], width: int) -> None:
    shown, _ = opened
    await shown.set_viewport_size({"width": width, "height": 800})

    await shown.wait_for_function("document.documentElement.scrollWidth <= innerWidth + 1")


async def test_a_decision_is_explained_where_one_points(opened: tuple[Page, list[str]]) -> None:
    shown, faults = opened
    await shown.click("#worst button >> nth=0")
    await shown.wait_for_selector("#members .points path.point")
    await shown.locator("#members").scroll_into_view_if_needed()
    text = await shown.evaluate("document.querySelector('#members').data.find((t) => t.name === 'decision').text[0]")
    point = await shown.locator("#members .points path.point").first.bounding_box()
    assert point is not None

    await shown.mouse.move(point["x"] + 40, point["y"] + 2)
    await shown.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2, steps=4)

    label = shown.locator("#members .hoverlayer")
    await shown.wait_for_function("document.querySelector('#members .hoverlayer')?.textContent.includes('UTC: ')")
    told = await label.text_content()
    when, _, step = text.removeprefix("<b>").partition("</b>")[0].rpartition(": ")
    assert when in (told or "")
    assert step in (told or "")
    assert told is not None
    assert told.count("UTC: ") == 1, "of one decision, not of one beside it too"
    assert not faults


async def test_all_replays_stand_side_by_side_and_one_is_chosen_by_keyboard(opened: tuple[Page, list[str]]) -> None:
    shown, faults = opened
    rows = shown.locator("#all tr")
    assert await rows.count() == 3
    assert "least shortage" in await shown.inner_text("#all")
    assert "cheapest" in await shown.inner_text("#all")

    await shown.focus("#all button >> nth=1")
    await shown.keyboard.press("Enter")

    assert "predictor last" in await shown.inner_text("#verdict")
    assert await shown.get_attribute("#picks button >> nth=1", "aria-pressed") == "true"
    assert not faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_read(opened: tuple[Page, list[str]], scheme: Literal["light", "dark"]) -> None:
    shown, _ = opened
    await shown.emulate_media(color_scheme=scheme)
    await shown.click("summary")
    await shown.wait_for_selector("#members .main-svg")

    assert await unreadable(shown) == []
