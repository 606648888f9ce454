"""The report in a browser: `make bench-report` opens that of 50,000 projects in Chromium, and searches it.

A run, a run in which every page changed, and the report of both. Each time is a median over visits in a new
tab. A search is measured in the page, from the input to the second frame after it, so that what it shows is
drawn. The results are stored in `benchmarks/results/inside/report.json`.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks import INSIDE
from benchmarks.server import Server
from benchmarks.sides import ROLLCALL, furnish

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROJECTS = 50_000
VISITS = 7
FIRST = "search as soon as it is opened"
SEARCHES = {
    FIRST: "bridge",
    "search for one letter": "a",
    "search for a word": "bridge",
    "search in vain": "no such",
}
MOST_MB, MOST_OPEN_S, MOST_SEARCH_MS = 6, 1.5, 100
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SEARCH = """async (text) => {
  const query = document.getElementById("query");
  const began = performance.now();
  query.value = text;
  query.dispatchEvent(new Event("input"));
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""


def measure() -> list[list[str]]:
    """The rows of a table: what was measured, what it took, and the goal."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as directory:
        file = _report(Path(directory))
        size_mb = file.stat().st_size / 1e6
        with sync_playwright() as playwright:
            program = next(filter(None, map(shutil.which, CHROMIUM)), None)
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            visits = [_visit(browser, file) for _ in range(VISITS)]
            browser.close()
    opened_s, *searches_ms = (statistics.median(times) for times in zip(*visits, strict=True))
    rows = [
        ["", "measured", "goal"],
        ["size of the file", f"{size_mb:.1f} MB", f"{MOST_MB} MB"],
        ["until it is opened and can be searched", f"{opened_s:.2f} s", f"{MOST_OPEN_S} s"],
    ]
    for search, took_ms in zip(SEARCHES, searches_ms, strict=True):
        rows.append([search, f"{took_ms:.0f} ms", "" if search == FIRST else f"{MOST_SEARCH_MS} ms"])
    return rows


def _report(home: Path) -> Path:
    """The report of two runs."""
    file = home / "report.html"
    with Server(projects={"matter": PROJECTS}) as server:
        furnish(home, server)
        for edition in range(2):
            server.control(edition=edition, each_page=1)
            _rollcall(home, "sync", "--quiet")
    _rollcall(home, "report", "--output", str(file))
    return file


def _rollcall(home: Path, *arguments: str) -> None:
    subprocess.run([str(ROLLCALL), *arguments], cwd=home, check=True, capture_output=True)


def _visit(browser: "Browser", file: Path) -> list[float]:
    """Seconds until the page can be searched, and milliseconds of each search.

    The page indexes projects while nobody searches yet; the first search has to complete that.
    """
    tab = browser.new_page()
    tab.goto(file.as_uri())
    tab.wait_for_selector("#finder:not([hidden])")
    times = [tab.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000]
    times += [tab.evaluate(SEARCH, text) for text in SEARCHES.values()]
    tab.close()
    return times


@click.command()
def main() -> None:
    """Measure, and store the results."""
    INSIDE.mkdir(exist_ok=True)
    section = [(f"A report of {PROJECTS:,} projects in Chromium, medians of {VISITS} visits", measure())]
    (INSIDE / "report.json").write_text(json.dumps(section, indent=1) + "\n")


if __name__ == "__main__":
    main()
