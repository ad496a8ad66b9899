"""The page in a real browser: it loads, it lives, it fits, and nothing foreign runs in it."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Browser

from streams.records.instance import Phase
from streams.records.member import State
from tests import story
from tests.browser.dashboard import LAPTOP, PHONE, Stage, opened, shows
from tests.unit.dashboards import deployed
from tests.waiting import until

pytestmark = pytest.mark.integration
HOSTILE = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"
NEWEST = "([name, y]) => document.querySelector('#chart').data.find((trace) => trace.name === name).y.at(-1) === y"
"""Whether the last point of a trace has a value."""
INJECT = """() => {
    const script = document.createElement('script');
    script.textContent = 'window.hacked = true';
    document.head.append(script);
}"""


@pytest.mark.parametrize(
    ("size", "dark"),
    [
        pytest.param(LAPTOP, False, id="on a laptop by day"),
        pytest.param(LAPTOP, True, id="on a laptop by night"),
        pytest.param(PHONE, False, id="on a phone by day"),
        pytest.param(PHONE, True, id="on a phone by night"),
    ],
)
async def test_it_shows_what_is(
    stage: Stage, browser: Browser, tmp_path: Path, size: tuple[int, int], *, dark: bool
) -> None:
    stage.tell_story()
    async with opened(browser, stage.url, size=size, dark=dark) as seen:
        page = seen.page
        await page.wait_for_selector("#chart .main-svg .scatterlayer .trace")
        await shows(page, "#caption", "requests in flight")
        await shows(page, "#decision", "members")
        await shows(page, "#health-state", "ok")

        assert await page.inner_text("#link") == "live"
        assert await page.locator("#members tr").count() >= 4
        assert await page.locator("#decisions li").count() >= 3
        assert await page.locator("#logs div").count() > 50
        legend = await page.locator("#chart .legendtext").all_text_contents()
        assert legend == ["capacity", "predicted", "observed", "serving", "wanted"]
        wide, there = await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= there, "the page scrolls sideways"
        ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == ("rgb(15, 21, 27)" if dark else "rgb(244, 246, 248)")
        picture = await page.screenshot(path=tmp_path / "page.png", full_page=True)
        assert picture.startswith(b"\x89PNG")
        assert seen.said == []


async def test_what_changes_arrives_by_itself(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    async with opened(browser, stage.url) as seen:
        await shows(seen.page, "#caption", "requests in flight")
        await until(lambda: stage.sources.live.listeners == 1, within_s=30, what="the page listens")
        now = time.time()

        stage.tell(
            story.a_forecast(now, observed=41.5, forecast=77.25, serving=4),
            story.a_decision(now, wanted=8, before=4),
            story.a_member("shop-web-77", at=now),
        )

        await shows(seen.page, "#tiles .load", "41.5 → 77.3")
        await shows(seen.page, "#decision", "4 → 8")
        await shows(seen.page, "#decisions li:first-child .step", "4 → 8")
        await shows(seen.page, "#members", "shop-web-77")
        for trace, value in (("observed", 41.5), ("predicted", 77.25), ("wanted", 8)):
            await seen.page.wait_for_function(NEWEST, arg=[trace, value])
        assert seen.said == []


async def test_a_hostile_log_line_is_text(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    stage.tell(story.a_log(HOSTILE, at=time.time()), story.a_member("<b>x-1", at=time.time()))
    async with opened(browser, stage.url) as seen:
        await shows(seen.page, "#logs", HOSTILE)
        await shows(seen.page, "#members", "<b>x-1")

        assert await seen.page.locator("#logs img, #logs script, #members b").count() == 0
        assert await seen.page.evaluate("window.hacked") is None
        assert seen.said == []


async def test_foreign_code_would_not_run(stage: Stage, browser: Browser) -> None:
    async with opened(browser, stage.url) as seen:
        await seen.page.evaluate(INJECT)

        assert await seen.page.evaluate("window.hacked") is None
        assert "Content Security Policy" in seen.said[0]


async def test_before_the_first_cluster_the_page_says_what_to_do(stage: Stage, browser: Browser) -> None:
    async with opened(browser, stage.url) as seen:
        await seen.page.wait_for_selector("#empty:not([hidden])")
        assert "Is the worker running?" in await seen.page.inner_text("#empty")

        stage.tell(story.an_instance(at=time.time()))

        await shows(seen.page, "#tiles .name", "shop-web")
        await seen.page.wait_for_selector("#empty", state="hidden")
        assert seen.said == []


async def test_when_the_broker_goes_the_page_says_so_and_when_it_is_back_too(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    async with opened(browser, stage.url) as seen:
        await shows(seen.page, "#link", "live")
        await shows(seen.page, "#members", "shop-web-1")
        stage.sources.status.down(time.time(), "connection refused")
        stage.sources.live.reset()

        await shows(seen.page, "#link", "broker unreachable")
        await shows(seen.page, "#notice", "Broker kafka:9092 does not answer (connection refused).")
        assert await seen.page.locator("#members tr").count() >= 4, "what was known last stays in sight"

        stage.sources.status.up(time.time())
        stage.sources.status.caught_up = True
        stage.sources.live.reset()
        await shows(seen.page, "#link", "live")
        await seen.page.wait_for_selector("#notice", state="hidden")


async def test_another_cluster_another_signal_another_span_by_keyboard(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    stage.tell(story.a_forecast(time.time(), cluster="api-gw", application="api", observed=3.25))
    async with opened(browser, f"{stage.url}#shop-web") as seen:
        page = seen.page
        await shows(page, "#chart-title", "shop-web")
        await page.focus("#tiles [data-cluster='api-gw']")
        await page.keyboard.press("Enter")
        await shows(page, "#chart-title", "api-gw")
        await shows(page, "#caption", "Now 3.3 requests in flight")
        await page.focus("#signals [data-value='memory_consumption']")
        await page.keyboard.press("Enter")
        await shows(page, "#caption", "% memory")

        assert page.url.endswith("#api-gw")
        assert await page.get_attribute("#signals [data-value='memory_consumption']", "aria-pressed") == "true"
        assert seen.said == []


async def test_a_page_that_is_closed_is_forgotten(stage: Stage, browser: Browser) -> None:
    async with opened(browser, stage.url):
        await until(lambda: stage.sources.live.listeners == 1, within_s=30, what="the page listens")

    await until(lambda: stage.sources.live.listeners == 0, within_s=60, what="nobody listens")


@pytest.mark.parametrize(
    ("size", "dark"),
    [pytest.param(LAPTOP, False, id="on a laptop by day"), pytest.param(PHONE, True, id="on a phone by night")],
)
async def test_an_application_shows_at_once_what_holds_it_up(
    stage: Stage, browser: Browser, tmp_path: Path, size: tuple[int, int], *, dark: bool
) -> None:
    stage.tell_story()
    stage.tell(*deployed.five_levels(), deployed.a_part(root="default/calm/eu"))
    async with opened(browser, stage.url, size=size, dark=dark) as seen:
        page = seen.page
        await shows(page, "#applications .stuck", "mysql")
        await shows(page, "#applications .tree", "waits for services")
        first = page.locator("#applications > li").first

        assert await first.locator(".row .name").first.inner_text() == "erp", "what is wrong stands first"
        assert "mysql starts: 1 of 3 serving" in await first.locator(".causes").inner_text()
        assert "rack-1: no room for another member" in await first.locator(".causes").inner_text()
        assert await first.locator(".why.waits").all_text_contents() == [
            f"waits for {each}" for each in ("platform", "services", "storage", "db", "mysql")
        ]
        assert await first.locator(".stuck .state").inner_text() == "Created"
        assert await page.locator("#applications-sum").inner_text() != ""
        headline = await first.locator(".causes li").first.bounding_box()
        assert headline is not None
        assert headline["y"] + headline["height"] < size[1], "the cause is in sight without scrolling"
        wide, there = await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= there, "the page scrolls sideways"
        await page.screenshot(path=tmp_path / "applications.png", full_page=True)
        assert seen.said == []


async def test_a_tree_folds_and_unfolds_by_keyboard_and_leads_to_a_cluster(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    stage.tell(*deployed.five_levels())
    async with opened(browser, stage.url) as seen:
        page = seen.page
        await shows(page, "#applications .stuck", "mysql")
        group = page.locator(f"button[data-id='{deployed.ROOT}/platform.1']")
        await group.focus()
        await page.keyboard.press("ArrowLeft")
        await page.wait_for_selector(".stuck", state="hidden")
        assert await group.get_attribute("aria-expanded") == "false"
        stage.tell(deployed.a_member_of("platform.1/services.1/cache", 2, at=time.time()))
        await shows(page, "#applications > li", "5 of 16")
        assert await group.get_attribute("aria-expanded") == "false", "what was folded stays so"
        assert await group.evaluate("node => node === document.activeElement"), "the focus stays"
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".stuck", state="visible")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("ArrowLeft")
        assert await group.evaluate("node => node === document.activeElement"), "from a child to its parent"
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowRight")
        await page.wait_for_selector(".stuck", state="visible")

        await page.locator(".stuck a.go").focus()
        await page.keyboard.press("Enter")
        await shows(page, "#chart-title", "erp-mysql")
        assert page.url.endswith("#erp-mysql")
        assert seen.said == []


async def test_a_tree_lives_and_what_is_terminated_leaves_it(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    stage.tell(*deployed.five_levels())
    async with opened(browser, stage.url) as seen:
        page = seen.page
        await shows(page, "#applications .stuck", "mysql")
        await shows(page, "#tiles", "erp-monitor")
        await until(lambda: stage.sources.live.listeners == 1, within_s=30, what="the page listens")

        stage.tell(
            deployed.a_part(f"{deployed.DB}/mysql", wanted=3, at=time.time()),
            deployed.a_starting(f"{deployed.DB}/replica", wanted=1, why="0 of 1 members serve", at=time.time()),
            deployed.a_part("monitor", phase=Phase.TERMINATED),
            deployed.a_member_of("monitor", 1, state=State.TERMINATED),
            deployed.a_member_of("monitor", 2, state=State.TERMINATED),
            deployed.a_cluster("monitor", state="Terminated"),
        )

        await shows(page, "#applications .stuck", "replica")
        await page.wait_for_selector(f"button[data-id='{deployed.ROOT}/monitor']", state="detached")
        await page.wait_for_selector("#tiles [data-cluster='erp-monitor']", state="detached")

        stage.tell(
            deployed.a_part(phase=Phase.TERMINATED),
            *(
                deployed.a_cluster(c, state="Terminated")
                for c in ("lb", "web", "cache", "esb", "php", "mysql", "replica")
            ),
            deployed.a_deployed(gone=True),
        )
        await page.wait_for_selector("#applications-box", state="hidden")
        assert seen.said == []


async def test_hostile_names_in_a_tree_are_text(stage: Stage, browser: Browser) -> None:
    stage.tell_story()
    root = f"default/{HOSTILE.replace('/', '|')}/eu"
    stage.tell(
        deployed.a_starting(why=HOSTILE),
        deployed.a_part(root=root, phase=Phase.INACTIVE, why=HOSTILE),
        deployed.a_part("<b>web", root=root, phase=Phase.INACTIVE, why=HOSTILE, wanted=1),
        deployed.a_member_of("<b>web", 1, root=root, state=State.STARTING, reason=HOSTILE),
        deployed.a_cluster("<b>web", application=HOSTILE.replace("/", "|")),
        deployed.a_burst(HOSTILE, why=HOSTILE),
    )
    async with opened(browser, stage.url) as seen:
        await shows(seen.page, "#applications .stuck", "<b>web")
        await shows(seen.page, "#applications", HOSTILE)

        assert await seen.page.locator("#applications img, #applications script, #applications b b").count() == 0
        assert await seen.page.evaluate("window.hacked") is None
        assert seen.said == []
