"""The report in a browser: Chromium without a window, `make test-browser`."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import HOSTILE, HOSTILE_CLIENT, Cli

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

if "BROWSER" not in os.environ:
    pytest.skip("in a browser: make test-browser", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with sync_api.sync_playwright() as playwright:
        # Its own sandbox needs rights that a container does not have; what it opens is our own file.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def file(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(page)
    return file


@pytest.fixture
def opened(browser: "Browser", file: Path) -> Iterator["Page"]:
    """The report, open. Nothing may be complained of or asked for, and no dialog may come up."""
    seen: list[str] = []
    tab = browser.new_page()
    tab.on("console", lambda message: seen.append(message.text))
    tab.on("pageerror", lambda error: seen.append(str(error)))
    tab.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: seen.append(request.url))
    tab.goto(file.as_uri())
    yield tab
    assert seen == [file.as_uri()]
    tab.close()


def shown(tab: "Page") -> list[str]:
    return tab.locator("#table .name").all_inner_texts()


LISTED = [HOSTILE, "Bridge 0", "Bridge 1", "Bridge 2", "Chimes", "Ferry", "Mühle Œuvre"]


def test_the_projects_that_are_listed_now(opened: "Page") -> None:
    assert opened.locator("#found").inner_text() == "7 projects"
    assert shown(opened) == LISTED
    assert opened.locator("#table tbody tr").nth(0).locator("td").all_inner_texts() == [
        HOSTILE_CLIENT,
        "matter",
        "Completed",
        "1 Nov 2026",
        "9 Nov 2026",
    ]
    assert opened.locator("img, #table svg").count() == 0


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("BRIDGE", LISTED[1:4]),
        ("2 bridge", LISTED[3:4]),
        ("muhle", LISTED[6:]),
        ("rill;soft:11:1", LISTED[2:3]),
        ("onload=alert(2)", LISTED[:1]),
        ("nowhere", []),
    ],
)
def test_search(opened: "Page", words: str, names: list[str]) -> None:
    opened.get_by_label("Search").fill(words)
    assert shown(opened) == names
    if not names:
        assert opened.locator("#found").inner_text() == "No project matches. Take away a word or a choice."


def test_choices(opened: "Page") -> None:
    opened.get_by_label("Show").select_option("Gone")
    assert shown(opened) == ["Old mill"]
    opened.locator("#period").select_option("Since 11 October 2026")
    assert shown(opened) == ["Ferry", "Old mill", "matter:m5"]
    opened.get_by_label("Show").select_option("All ever listed")
    assert len(shown(opened)) == 9
    opened.locator("#status").select_option("Completed")
    assert shown(opened) == [HOSTILE]
    opened.locator("#connection").select_option("bell<i>tastic")
    assert shown(opened) == []


def test_a_number_leads_to_its_projects(opened: "Page") -> None:
    for kind in ("New", "Changed", "Gone", "Returned"):
        column = ["New", "Changed", "Gone", "Returned"].index(kind)
        for row in range(3):
            link = opened.locator("#changes > table tbody tr").nth(row).locator("td").nth(column).locator("a")
            number = int(link.inner_text())
            link.click()
            assert len(shown(opened)) == number, (kind, row)


def test_the_history_of_a_project(opened: "Page") -> None:
    opened.locator("#details a", has_text=HOSTILE).first.click()
    moments = opened.locator(".timeline > li").all_inner_texts()
    assert [re.sub(r"\s+", " ", moment) for moment in moments] == [
        "9 Nov 2026, 02:00 Changed Status Active → Completed Is active true → false "
        "Provider status PRJ_STATUS_ON_GOING → PRJ_STATUS_COMPLETE",
        f"5 Nov 2026, 02:00 Changed Name Harbour → {HOSTILE}",
        "1 Nov 2026, 02:00 Listed for the first time",
    ]


def test_a_gap_is_in_the_history(opened: "Page") -> None:
    opened.get_by_role("button", name="Ferry").click()
    assert opened.locator(".timeline > li strong").all_inner_texts() == [
        "Listed again",
        "No longer listed",
        "Listed for the first time",
    ]


def test_a_command_to_paste_is_quoted(opened: "Page") -> None:
    opened.get_by_role("button", name="Bridge 0").click()
    assert opened.locator(".history code").inner_text() == "rollcall history 'rill;soft:11:0'"


def test_order(opened: "Page") -> None:
    header = opened.locator("#table thead")
    header.get_by_role("button", name="Project").click()
    assert shown(opened) == LISTED[::-1]
    header.get_by_role("button", name="Last change").click()
    assert shown(opened)[:3] == [LISTED[0], "Ferry", "Mühle Œuvre"]
    assert opened.locator("[aria-sort=descending]").inner_text().startswith("Last change")


def test_by_keyboard_alone(opened: "Page") -> None:
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Skip to the projects"
    opened.keyboard.press("Enter")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.id") == "query"
    opened.keyboard.type("ferry")
    while opened.evaluate("document.activeElement.className") != "name":
        opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    assert opened.locator(".timeline").is_visible()
    assert opened.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    opened.keyboard.press("Space")
    assert opened.locator(".timeline").count() == 0


@pytest.mark.parametrize("width", [320, 390, 1100])
def test_the_page_is_not_wider_than_the_screen(opened: "Page", width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 800})
    opened.get_by_role("button", name="Ferry").click()
    assert opened.evaluate("document.documentElement.scrollWidth") == width


def test_light_dark_and_paper(opened: "Page") -> None:
    def background() -> str:
        return opened.evaluate("getComputedStyle(document.body).backgroundColor")

    colours = []
    for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
        opened.emulate_media(media=media, color_scheme=scheme)
        colours.append(background())
    assert colours[0] != colours[1]
    assert colours[2] == "rgb(255, 255, 255)"
    assert not opened.get_by_label("Search").is_visible()


def test_a_warehouse_without_projects_has_a_page(browser: "Browser", empty: Cli) -> None:
    empty("report", "--output", str(empty.home / "empty.html"))
    tab = browser.new_page()
    tab.goto((empty.home / "empty.html").as_uri())
    assert tab.locator("#found").inner_text() == "No project has been listed yet."
    tab.close()


def test_without_scripts_the_rest_is_there(browser: "Browser", file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(file.as_uri())
    assert tab.get_by_text("needs a browser that runs scripts").is_visible()
    assert tab.locator("figure svg path.series").count() == 6
    assert not tab.locator("#finder").is_visible()
    context.close()
