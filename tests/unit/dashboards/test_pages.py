"""The page's own files: nothing foreign is loaded, nothing foreign becomes markup."""

import re
from importlib.resources import files

import pytest

from dashboards.assets import CHARTS, NAMES, OURS, load

PAGES = files("dashboards") / "pages"
SCRIPTS = [name for name in OURS if name.endswith(".js")]
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function")


@pytest.mark.parametrize("name", SCRIPTS)
def test_text_never_becomes_markup(name: str) -> None:
    assert not MARKUP.findall((PAGES / name).read_text())


@pytest.mark.parametrize("name", OURS)
def test_no_other_server_is_named(name: str) -> None:
    found = re.findall(r"(?:https?:)?//[a-z][\w.-]*\.[a-z]{2,}[^\s\"']*", (PAGES / name).read_text())

    assert [url for url in found if "www.w3.org/2000/svg" not in url] == []


def test_every_file_of_the_page_is_served_and_every_one_served_is_there() -> None:
    assert {each.name for each in PAGES.iterdir() if not each.name.startswith("_")} == set(OURS)
    assert all(load(name).plain for name in NAMES)


def test_every_element_that_the_scripts_ask_for_is_on_the_page() -> None:
    asked = {each for name in SCRIPTS for each in re.findall(r"\$\(\"([\w-]+)\"\)", (PAGES / name).read_text())}
    there = set(re.findall(r"id=\"([\w-]+)\"", (PAGES / "index.html").read_text()))

    assert asked
    assert asked <= there


def test_every_colour_that_is_used_is_named_in_both_themes() -> None:
    css = (PAGES / "style.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    used = set(re.findall(r"var\(--([\w-]+)\)", css))

    assert used <= set(re.findall(r"--([\w-]+):", light))
    assert set(re.findall(r"--([\w-]+):", light)) == set(re.findall(r"--([\w-]+):", dark.split("}")[0]))


def test_the_charts_come_from_the_installed_package() -> None:
    assert b"plotly.js v" in load(CHARTS).plain[:200]
