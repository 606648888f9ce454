"""The commands of the page on the report run."""

import re
import shlex
from pathlib import Path

import pytest

from pipelines.commands.report import catalogue, facts, periods, trend

from .conftest import Cli

DOCS = (Path(__file__).parents[3] / "docs" / "report.md").read_text()


@pytest.mark.parametrize("line", re.findall(r"^rollcall report.*$", DOCS, re.MULTILINE))
def test_the_commands_of_the_report_page_run(own: Cli, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.home)
    file = "projects.html" if "--output" in line else "exports/report.html"
    assert own(*shlex.split(line)[1:]).stdout.startswith(
        f"{own.home / file}: " if "/" in file else f"{file}: "
    )
    assert (own.home / file).read_text().startswith("<!doctype html>")


def test_the_limits_are_those_of_the_code() -> None:
    text = " ".join(DOCS.split())
    assert f"up to {catalogue.MOST_PROJECTS:,} projects" in text
    assert f"and {catalogue.MOST_CHANGES:,} changes" in text
    assert f"the last {trend.SHOWN_DAYS} days" in text
    assert f"up to {periods.LISTED_PROJECTS} of each kind" in text
    assert f"median of up to {facts.USUAL_RUNS} earlier runs" in text
    assert f"cut to {facts.LONGEST_TEXT} characters" in text
