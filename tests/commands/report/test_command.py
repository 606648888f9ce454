"""`rollcall report`: where the page goes, its result, and its errors."""

import json
import stat

import duckdb

from .conftest import Cli

STALE = "".join(
    f"{name} is not up to date, and the page says so\n" for name in ("bell<i>tastic", "newcomer", "rill;soft")
)


def test_the_report_is_among_the_exports(own: Cli, page: str) -> None:
    file = own.home / "exports" / "report.html"
    result = own("report")
    assert result.stdout == f"{file}: 8 projects as of 2026-11-09T02:00:00Z\n"
    assert result.stderr == STALE
    assert file.read_text() == page
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]


def test_json_describes_a_page_anywhere(own: Cli) -> None:
    file = own.home / "page.html"
    result = own("report", "--output", str(file), "--json")
    assert json.loads(result.stdout) == {
        "file": str(file),
        "bytes": file.stat().st_size,
        "run": "2026-11-09T02:00:00Z",
        "projects": 8,
        "open_projects": 2,
        "stale": ["bell<i>tastic", "newcomer", "rill;soft"],
    }
    assert not (own.home / "exports").exists()


def test_a_wrong_argument_is_one_line_with_a_remedy(own: Cli) -> None:
    assert own("report", "--since", "yesterday", code=2).stderr == (
        "rollcall: yesterday is neither a date nor a duration. "
        "Write 2026-11-01, 2026-11-01T06:00:00Z, 12h, 7d or 2w\n"
    )
    assert own("report", "--json", "-o", "-", code=2).stderr == (
        "rollcall: --output - prints the page: leave out --json. See rollcall report --help\n"
    )
    missing = own.home / "nowhere" / "page.html"
    assert own("report", "-o", str(missing), code=2).stderr == (
        f"rollcall: there is no directory {missing.parent}. Create it, or name another file\n"
    )
    assert list((own.home / "exports").iterdir()) == []


def test_a_report_needs_a_run(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("delete from runs")
    assert own("report", code=2).stderr == (
        f"rollcall: there is no run in {own.home}/warehouse.duckdb yet. Run `rollcall sync`\n"
    )
