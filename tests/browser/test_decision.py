"""A cluster's page says why the number is as it is: gates, what else it would be, pauses, breaker and fallback."""

import time

import msgspec
import pytest
from playwright.async_api import Browser

from streams import explain
from streams.records.control import Control
from streams.records.decision import Decision
from tests import judged, story
from tests.browser.contrast import unreadable
from tests.browser.dashboard import LAPTOP, PHONE, Stage, opened, shows

pytestmark = pytest.mark.integration
GATES = ["Demand", "Breaker", "Stabilization", "FlapBudget", "Bounds", "Budget", "Step", "Pause"]


def now(decision: Decision) -> Decision:
    """Return a decision as if it had been taken just now, of the cluster in the story."""
    at = time.time()
    later = at - decision.at

    def moved(until: float | None) -> float | None:
        return None if until is None else until + later

    return msgspec.structs.replace(
        decision,
        decision="shop-web@now",
        cluster="shop-web",
        at=at,
        gates=tuple(msgspec.structs.replace(gate, until=moved(gate.until)) for gate in decision.gates),
        otherwise=decision.otherwise
        and msgspec.structs.replace(decision.otherwise, until=moved(decision.otherwise.until)),
    )


def a_pause(*, until: float, application: str = "shop", paused: bool = True) -> Control:
    return story.an_order(application, at=time.time() - 1.0, until=until, paused=paused)


@pytest.mark.parametrize(
    ("size", "dark"),
    [
        pytest.param(LAPTOP, False, id="on a laptop by day"),
        pytest.param(LAPTOP, True, id="on a laptop by night"),
        pytest.param(PHONE, False, id="on a phone by day"),
        pytest.param(PHONE, True, id="on a phone by night"),
    ],
)
async def test_the_newest_decision_is_told_with_every_gate(
    stage: Stage, browser: Browser, size: tuple[int, int], *, dark: bool
) -> None:
    decision = now(judged.step_limited())
    stage.tell_story()
    stage.tell(decision, a_pause(until=time.time() + 7200.0), a_pause(application="", until=time.time() + 3600.0))
    async with opened(browser, stage.url, size=size, dark=dark) as seen:
        page = seen.page
        await shows(page, "#decision", explain.summary(decision))
        assert "4 → 5" in await page.inner_text("#decision .move")
        rows = page.locator("#decision .gates tbody tr")
        assert await rows.locator("th").all_text_contents() == GATES
        step = page.locator("#decision .gates tr.bites")
        assert await step.locator("th, td").all_text_contents() == [
            "Step",
            "limits",
            "7",
            "5",
            "at most 5",
            await page.evaluate("at => new Date(at * 1000).toLocaleTimeString('en-GB')", decision.at + 30.0),
        ]
        other = await page.inner_text("#decision .otherwise")
        assert "7 members" in other
        assert "StepLimited until" in other
        assert "50 requests in flight or 350 % load" in other
        assert await page.locator("#alarms .alarm").count() == 2
        assert await unreadable(page) == []
        wide, there = await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= there, "the page scrolls sideways"
        assert seen.said == []


@pytest.mark.parametrize(
    ("decision", "alarm", "said"),
    [
        pytest.param(judged.breaking(), "Breaker", "3 of 4 members silent or unhealthy at once", id="a breaker"),
        pytest.param(judged.unknown(missing=5), "Fallback", "6", id="a fallback"),
        pytest.param(judged.unknown(), "Metrics missing", "held at 4", id="nothing is known"),
    ],
)
async def test_what_is_wrong_is_in_sight_at_once(
    stage: Stage, browser: Browser, decision: Decision, alarm: str, said: str
) -> None:
    stage.tell_story()
    async with opened(browser, stage.url) as seen:
        await shows(seen.page, "#caption", "requests in flight")
        assert await seen.page.locator("#alarms .alarm").count() == 0

        stage.tell(now(decision))

        await shows(seen.page, "#tiles .states", alarm)
        await shows(seen.page, "#alarms .alarm", said)
        where = await seen.page.locator("#alarms .alarm").first.bounding_box()
        assert where is not None
        assert where["y"] + where["height"] < LAPTOP[1], "without scrolling"
        assert seen.said == []


async def test_a_pause_appears_and_goes_by_itself(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    async with opened(browser, stage.url) as seen:
        await shows(seen.page, "#caption", "requests in flight")

        stage.tell(a_pause(until=time.time() + 7200.0))
        await shows(seen.page, "#alarms .alarm", "default/shop by ada: Migration. Ends")
        await shows(seen.page, "#tiles .states", "Paused")

        stage.tell(a_pause(until=0.0, paused=False))
        await seen.page.wait_for_selector("#alarms .alarm", state="detached")
        await seen.page.wait_for_function("!document.querySelector('#tiles').textContent.includes('Paused')")

        stage.tell(a_pause(until=time.time() + 3.0))
        await shows(seen.page, "#alarms .alarm", "default/shop")
        await seen.page.wait_for_selector("#alarms .alarm", state="detached")
        assert seen.said == []


async def test_a_forecast_names_its_predictor_and_its_interval(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    stage.tell(story.a_forecast(time.time(), observed=40.0, forecast=80.0))
    async with opened(browser, stage.url) as seen:
        await shows(seen.page, "#caption", "80 expected in 15 s by kinematic (band: P10 68 to P90 92)")
        row = seen.page.locator("#facts tbody tr").first
        assert (await row.locator("th, td").all_text_contents())[:4] == [
            "In flightrequests, by kinematic",
            "40",
            "80",
            "68 \N{EN DASH} 92",
        ]


async def test_an_older_decision_unfolds_to_its_reasons_and_the_gates_that_bit(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    decision = now(judged.step_limited())
    stage.tell(decision)
    async with opened(browser, stage.url) as seen:
        first = seen.page.locator("#decisions li").first
        await first.locator("summary").focus()
        await seen.page.keyboard.press("Enter")

        await seen.page.wait_for_selector("#decisions details[open]")
        told = await first.inner_text()
        assert explain.summary(decision) in told
        assert "Step gate 7 -> 5 (at most 5) until" in told
