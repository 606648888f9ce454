"""`rollcall export --workbook`: a workbook for people, with a sheet for each report."""

from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from .conftest import Cli

SHEETS = ["How fresh", "Projects", "Project changes", "Projects history", "Files"]


@pytest.fixture
def own(home: Path) -> Cli:
    """The command line over a home that the test may change."""
    return Cli(home)


def _rows(book: Workbook, sheet: str) -> list[dict[str, object]]:
    heading, *rows = book[sheet].iter_rows(values_only=True)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def _at(*time: int) -> datetime:
    return datetime(*time)  # noqa: DTZ001 - a workbook knows no time zone


def test_each_report_is_a_sheet(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "week.xlsx"
    result = cli("export", "--workbook", "--time-zone", "Europe/Vienna", "--output", str(file))
    assert result.stdout == (
        f"projects                  6 rows  {file}\n"
        f"project_changes           7 rows  {file}\n"
        f"projects_history         10 rows  {file}\n"
        f"files                      1 row  {file}\n"
    )
    assert result.stderr.startswith("belltastic is not up to date: last verified 2026-11-02T03:00:00+01:00")
    book = load_workbook(file)
    assert book.sheetnames == SHEETS
    for sheet in book:
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", sheet.dimensions)
    assert _rows(book, "How fresh")[0] == {
        "Connection": "belltastic",
        "Provider": "belltastic",
        "Up to date": False,
        "Last sync": "failed",
        "Last verified (Europe/Vienna)": _at(2026, 11, 2, 3),
        "Last attempt (Europe/Vienna)": _at(2026, 11, 3, 3),
        "Last read in full (Europe/Vienna)": _at(2026, 11, 2, 3),
        "Projects": 2,
        "Held back": 0,
        "Message": "401 Unauthorized",
    }
    projects = _rows(book, "Projects")
    red = "_x001B_[31mred"  # as Excel writes what XML cannot hold
    assert [row["Name"] for row in projects] == [red, "=1+1", "Bells", "Chimes", "Harbour East", "Quay"]
    assert projects[2] == {
        "Name": "Bells",
        "Status": "active",
        "Status since": _at(2026, 11, 1, 3),
        "Client": None,
        "Account": "3",
        "Start": None,
        "Finish": None,
        "Last activity": None,
        "Provider": "belltastic",
        "Connection": "belltastic",
        "Held back": False,
        "Up to date": False,
        "Project key": "belltastic:17",
    }
    assert [row["Name"] for row in _rows(book, "Project changes")] == [
        red, "=1+1", "Harbour East", "Harbour East", "Old mill", "=1+1", "Harbour East",
    ]  # fmt: skip


def test_the_zone_of_the_home_is_used_and_own_reports_follow(own: Cli) -> None:
    for folder, name, text in (
        (".dlt", "config.toml", '[display]\ntime_zone = "Asia/Tokyo"\n'),
        (
            "sql/reports",
            "open_projects.sql",
            "select name, changed_at from projects where is_open order by 1",
        ),
        ("sql/reports", "wrong.sql", "select nme from projects"),
    ):
        (own.home / folder).mkdir(parents=True, exist_ok=True)
        (own.home / folder / name).write_text(text)
    result = own("export", "--workbook", code=2)
    assert "wrong.sql" in result.stderr
    book = load_workbook(own.home / "exports" / "rollcall.xlsx")
    assert book.sheetnames == [*SHEETS, "Open projects"]
    assert _rows(book, "Open projects")[0] == {"Name": "Bells", "Changed": _at(2026, 11, 1, 11)}
    own("export", "files", "projects", "--workbook", "--output", str(own.home))
    assert load_workbook(own.home / "rollcall.xlsx").sheetnames == ["How fresh", "Projects", "Files"]


def test_reports_with_the_same_heading_get_sheets_of_their_own(own: Cli) -> None:
    (own.home / "sql" / "reports").mkdir(parents=True)
    for name in ("history", "how_fresh", "open", "open_2", "open_at"):
        (own.home / "sql" / "reports" / f"{name}.sql").write_text("select 1 as n")
    own("export", "history", "how_fresh", "open", "open_2", "open_at", "--workbook")
    book = load_workbook(own.home / "exports" / "rollcall.xlsx")
    assert book.sheetnames == ["How fresh", "History 2", "How fresh 2", "Open", "Open 2", "Open 3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--all",), "--workbook writes one file: leave out --all and --output -"),
        (("--output", "-"), "--workbook writes one file: leave out --all and --output -"),
        (("--format", "csv"), "--workbook writes xlsx: leave out --format, --raw and --excel"),
        (("--excel",), "--workbook writes xlsx: leave out --format, --raw and --excel"),
        (("--output", "a.csv"), "a workbook ends in .xlsx, not in .csv"),
    ],
)
def test_options_that_a_workbook_cannot_have_are_refused(
    cli: Cli, options: tuple[str, ...], message: str
) -> None:
    refused = cli("export", "--workbook", *options, code=2).stderr
    assert refused == f"rollcall: {message}. See rollcall export --help\n"
