"""The report in a headless Chromium: `make test-browser`."""

import csv
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from pipelines.common.text import CONTROL_CHARACTERS
from tests.transform.raw import Raw

from .conftest import HOSTILE, HOSTILE_CLIENT, Cli

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

if "BROWSER" not in os.environ:
    pytest.skip("in a browser: make test-browser", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")
axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
LISTED = [
    HOSTILE,
    "Bridge 2",
    "Bridge 8",
    "Bridge 28",
    "Chimes",
    "Ferry",
    "Invoice U+202Egnp.exe",
    "Mühle Œuvre",
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox needs permissions that a container lacks; here it opens only our own file.
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
    """The report, open. It logs nothing, requests nothing and opens no dialog."""
    seen: list[str] = []
    tab = browser.new_page()
    tab.on("console", lambda message: seen.append(message.text))
    tab.on("pageerror", lambda error: seen.append(str(error)))
    tab.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: seen.append(request.url.split("#")[0].split(":")[0]))
    visit(tab, file)
    yield tab
    assert set(seen) <= {"file", "blob"}  # the saved file is a blob
    tab.close()


def visit(tab: "Page", file: Path, address: str = "") -> None:
    tab.goto("about:blank")
    tab.goto(file.as_uri() + address)
    tab.wait_for_selector("#finder:not([hidden])")


def shown(tab: "Page") -> list[str]:
    return tab.locator("#table .name").all_inner_texts()


def test_the_listed_projects_are_shown_first(opened: "Page") -> None:
    assert opened.locator("#found").inner_text() == "8 projects"
    assert shown(opened) == LISTED
    assert opened.locator("#table tbody tr").nth(0).locator("td").all_inner_texts() == [
        HOSTILE_CLIENT,
        "Matter",
        "Completed",
        "1 Nov 2026",
        "9 Nov 2026",
    ]
    assert opened.locator("img, #table svg").count() == 0


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("BRIDGE", LISTED[1:4]),
        ("bridge 28", LISTED[3:4]),
        ("bridge 2", ["Bridge 2", "Bridge 28"]),
        ('"bridge 8"', LISTED[2:3]),
        ("8 bridge", LISTED[2:3]),
        ("muhle", LISTED[7:]),
        ("œuvre", LISTED[7:]),
        ("rill;soft:11:8", LISTED[2:3]),
        ("11:8", LISTED[2:3]),
        ("onload=alert(2)", LISTED[:1]),
        ("idge", LISTED[1:4]),
        ("m2", LISTED[7:]),
        ("rill;soft", []),
        ("nowhere", []),
    ],
)
def test_a_search_shows_the_matching_projects_in_order(opened: "Page", query: str, names: list[str]) -> None:
    opened.get_by_label("Search").last.fill(query)
    assert shown(opened) == names
    if not names:
        assert opened.locator("#found").inner_text().startswith("No project matches.")


def test_search_is_ranked_and_does_not_look_inside_ids(browser: "Browser", own: Cli) -> None:
    names = {
        "Bridge 2": "Old Fade",
        "Bridge 8": "Fade",
        "Bridge 28": "Fader",
        "Chimes": "Unfaded",
        "Ferry": "Fade Road 7",
        "Mühle Œuvre": "Depot 3fade1a2b7",
    }
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.executemany("update projects_history set name = $2 where name = $1", list(names.items()))
    own("report", "--output", str(own.home / "page.html"))
    tab = browser.new_page()
    visit(tab, own.home / "page.html", "#q=fade")
    assert shown(tab) == ["Fade", "Fade Road 7", "Old Fade", "Fader", "Unfaded"]
    visit(tab, own.home / "page.html", "#q=3fade1a2b7")
    assert shown(tab) == ["Depot 3fade1a2b7"]
    tab.close()


def test_filters_narrow_the_projects_and_can_be_cleared(opened: "Page") -> None:
    opened.get_by_label("Show").select_option("Removed")
    assert shown(opened) == ["Old mill"]
    opened.locator("#period").select_option("Last 30 days")
    assert shown(opened) == ["Old mill", "matter:m5"]
    opened.get_by_label("Show").select_option("All ever listed")
    assert len(shown(opened)) == 10
    opened.locator("#status").select_option("Completed")
    assert shown(opened) == [HOSTILE]
    opened.locator("#connection").select_option("bell<i>tastic")
    assert shown(opened) == []
    opened.get_by_role("button", name="Clear filter").click()
    assert shown(opened) == LISTED


def test_a_filter_is_in_the_address(opened: "Page", file: Path) -> None:
    opened.get_by_label("Show").select_option("Removed")
    opened.locator("#period").select_option("Last 30 days")
    opened.locator("#connection").select_option("Matter")
    opened.get_by_label("Search").last.fill("mill")
    address = opened.evaluate("location.hash")
    assert address == "#q=mill&show=removed&period=since&connection=matter"
    visit(opened, file, address)
    assert shown(opened) == ["Old mill"]
    assert opened.locator("#period").input_value() == "since"
    opened.get_by_role("button", name="Clear filter").click()
    assert opened.evaluate("location.hash") == "#projects"
    visit(opened, file, "#show=nonsense&period=never&connection=gone")
    assert opened.locator("#found").inner_text().startswith("No project matches.")


def test_every_number_leads_to_its_projects(opened: "Page") -> None:
    addresses = opened.locator(".cards a").evaluate_all("links => links.map((a) => [a.hash, a.textContent])")
    assert len(addresses) == 1 + 4 + 3 + 3
    for address, number in addresses:
        opened.evaluate("address => { location.hash = address; }", address)
        opened.wait_for_function("address => !document.querySelector('#clear').hidden", arg=address)
        assert len(shown(opened)) == int(number), address


def test_a_client_leads_to_its_projects(opened: "Page") -> None:
    opened.locator("#client-table").get_by_role("link", name=HOSTILE_CLIENT).click()
    assert shown(opened) == [HOSTILE]
    opened.get_by_role("button", name=f"Client: {HOSTILE_CLIENT}").click()
    assert shown(opened) == LISTED
    opened.get_by_label("Search").first.fill("nobody")
    assert opened.locator("#clients-found").inner_text() == "0 clients"


def test_a_project_opens_with_its_fields_and_history(opened: "Page") -> None:
    opened.locator("#changes a", has_text=HOSTILE).first.click()
    assert opened.locator(".opened dl > div").all_inner_texts() == [
        "Key\nmatter:m1",
        "Provider\nMatter",
        "Provider status\nPRJ_STATUS_COMPLETE",
        "Status since\n9 Nov 2026, 02:00",
        "Updated\n8 Nov 2026",
        "Last activity\n8 Nov 2026",
    ]
    entries = opened.locator(".timeline > li").all_inner_texts()
    assert [re.sub(r"\s+", " ", entry) for entry in entries] == [
        "9 Nov 2026, 02:00 Changed Status Active → Completed "
        "Provider status PRJ_STATUS_ON_GOING → PRJ_STATUS_COMPLETE",
        f"5 Nov 2026, 02:00 Changed Name Harbour → {HOSTILE}",
        "1 Nov 2026, 02:00 Came with the first listing",
    ]
    assert opened.evaluate("location.hash") == "#project=matter%3Am1"


def test_a_gap_is_in_the_history(opened: "Page") -> None:
    opened.get_by_role("button", name="Ferry").click()
    assert opened.locator(".timeline strong").all_inner_texts() == [
        "Listed again",
        "Removed",
        "Came with the first listing",
    ]


def test_a_command_to_paste_is_quoted(opened: "Page") -> None:
    opened.get_by_role("button", name="Bridge 28").click()
    assert opened.locator(".opened .note code").inner_text() == "rollcall history 'rill;soft:11:28'"


def test_a_click_on_a_heading_sorts_the_projects(opened: "Page") -> None:
    header = opened.locator("#table thead")
    header.get_by_role("button", name="Project").click()
    assert shown(opened) == LISTED[::-1]
    header.get_by_role("button", name="Last change").click()
    assert shown(opened)[:3] == [LISTED[0], "Ferry", "Mühle Œuvre"]
    assert opened.locator("#table [aria-sort=descending]").inner_text().startswith("Last change")
    assert opened.evaluate("location.hash") == "#sort=-latest"


def test_the_rows_shown_are_saved_as_csv(opened: "Page", tmp_path: Path) -> None:
    opened.get_by_label("Search").last.fill("bridge")
    with opened.expect_download() as saving:
        opened.get_by_role("button", name="Save as CSV").click()
    assert saving.value.suggested_filename == "projects-2026-11-09.csv"
    saving.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(encoding="utf-8-sig", newline="") as saved:
        rows = list(csv.DictReader(saved))
    assert rows[0] == {
        "key": "rill;soft:11:2",
        "name": "Bridge 2",
        "client": "",
        "connection": "rill;soft",
        "status": "unknown",
        "first_listed": "2026-11-01T02:00:00.000Z",
        "last_change": "2026-11-01T02:00:00.000Z",
        "removed": "",
        "provider_status": "",
        "status_since": "2026-11-01T02:00:00.000Z",
        "updated_at": "",
        "last_activity_at": "",
        "owner": "11",
    }
    assert [row["name"] for row in rows] == LISTED[1:4]


def test_everything_works_with_the_keyboard(opened: "Page") -> None:
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


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_nothing_is_wider_than_the_screen(opened: "Page", width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 800})
    opened.get_by_role("button", name="Ferry").click()
    assert opened.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_violation(opened: "Page", scheme: str) -> None:
    opened.emulate_media(color_scheme=scheme)
    opened.get_by_role("button", name="Ferry").click()
    # axe is run by the browser's debugger, which the page's policy does not restrict.
    results = axe_playwright.Axe().run(opened)
    assert results.violations_count == 0, results.generate_report()


def test_colours_follow_the_scheme_and_print_is_light(opened: "Page") -> None:
    def background() -> str:
        return opened.evaluate("getComputedStyle(document.body).backgroundColor")

    colours = []
    for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
        opened.emulate_media(media=media, color_scheme=scheme)
        colours.append(background())
    assert colours[0] != colours[1]
    assert colours[2] == "rgb(255, 255, 255)"
    assert not opened.get_by_label("Search").last.is_visible()


def test_print_has_every_row_of_the_filter_with_nothing_folded(browser: "Browser", large: Path) -> None:
    tab = browser.new_page()
    visit(tab, large, "#q=wharf")
    assert tab.locator("#table tbody tr").count() == 50
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("#table tbody tr").count() == 60
    assert tab.locator("details:not([open])").count() == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("#table tbody tr").count() == 50
    tab.close()


def test_a_long_table_has_pages(browser: "Browser", large: Path) -> None:
    tab = browser.new_page()
    visit(tab, large, "#q=wharf")
    tab.locator("#pages").get_by_role("button", name="Next").click()
    assert shown(tab) == [f"Wharf {n}" for n in range(51, 61)]
    assert tab.locator("#pages span").inner_text() == "51 to 60 of 60"
    tab.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 61 projects."""
    home = tmp_path_factory.mktemp("large")
    raw = Raw(home, home / "warehouse.duckdb")
    raw.connect("belltastic", "belltastic")
    raw.record("belltastic", "0", {"name": "Pier"})
    for number in range(1, 61):
        raw.record("belltastic", str(number), {"name": f"Wharf {number}"})
    raw.build()
    raw.db.close()
    Cli(home)("report", "--output", str(home / "page.html"))
    return home / "page.html"


def test_a_report_without_projects_says_so(browser: "Browser", empty: Cli) -> None:
    empty("report", "--output", str(empty.home / "empty.html"))
    tab = browser.new_page()
    visit(tab, empty.home / "empty.html")
    assert tab.locator("#found").inner_text() == "No project has been listed yet."
    tab.close()


def test_a_page_without_scripts_still_shows_the_charts_and_clients(browser: "Browser", file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(file.as_uri())
    assert tab.get_by_text("needs a browser that runs scripts").is_visible()
    assert tab.locator("figure svg path.line:not(.carried)").count() > 0
    assert tab.locator("#client-table tbody tr").count() == 1
    assert not tab.locator("#finder").is_visible()
    context.close()


def test_the_script_knows_the_same_control_characters(page: str) -> None:
    (written,) = re.findall(r"const CONTROL = /\(\[(.*?)\]\)/u;", page)
    characters = re.sub(r"\\u(....)", lambda found: chr(int(found[1], 16)), written)
    assert CONTROL_CHARACTERS.pattern == f"[{characters}]"
