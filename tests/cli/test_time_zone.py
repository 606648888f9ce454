"""`[display] time_zone` and `--time-zone`: times in queries and on the screen."""

import csv
from pathlib import Path

import pytest

from .conftest import Cli

TIMES = "select max(started_at) as run, date_trunc('day', max(started_at)) as day from runs"


@pytest.fixture
def new_york(home: Path) -> Cli:
    """A home whose times are New York's, where the three runs were on the evening before."""
    (home / ".dlt").mkdir()
    (home / ".dlt" / "config.toml").write_text('[display]\ntime_zone = "America/New_York"\n')
    return Cli(home)


def test_queries_use_the_time_zone_of_the_display(new_york: Cli) -> None:
    assert new_york("query", TIMES, "--format", "csv").stdout == (
        "run,day\n2026-11-02T21:00:00-05:00,2026-11-02T00:00:00-05:00\n"
    )
    assert new_york("query", TIMES, "--json").stdout == (
        '[\n{"run":"2026-11-02T21:00:00-05:00","day":"2026-11-02T00:00:00-05:00"}\n]\n'
    )
    literals = "select count(*) as n from runs where started_at = '2026-11-02 21:00'"
    assert new_york("query", literals).stdout == "n\n1\n"


@pytest.mark.parametrize(("day", "names"), [("2026-11-01", "Harbour East\n"), ("2026-10-31", "Harbour\n")])
def test_a_date_begins_at_midnight_of_the_time_zone(new_york: Cli, day: str, names: str) -> None:
    sql = f"select name from projects_on('{day}') where project_key = 'matter:17'"
    assert new_york("query", sql).stdout == f"name\n{names}"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "2026-11-03T02:00:00Z"),
        ("Europe/London", "2026-11-03T02:00:00Z"),
        ("Asia/Kolkata", "2026-11-03T07:30:00+05:30"),
        ("Pacific/Auckland", "2026-11-03T15:00:00+13:00"),
    ],
)
def test_the_option_overrides_the_time_zone_of_the_display(new_york: Cli, zone: str, shown: str) -> None:
    asked = ("query", "select max(started_at) as run, 'infinity'::timestamptz as no_end from runs")
    assert new_york(*asked, "--time-zone", zone, "--format", "csv").stdout == (
        f"run,no_end\n{shown},infinity\n"
    )


def test_tables_show_the_offset(new_york: Cli) -> None:
    assert new_york("history", "matter:20").stdout == (
        "version  from                    until                            change   changes\n"
        "      1  2026-10-31 22:00-04:00  2026-11-02 21:00-05:00, removed  created\n"
    )


def test_exports_are_in_utc_unless_asked(new_york: Cli) -> None:
    lines = new_york("export", "project_changes", "--output", "-").stdout.splitlines()
    assert {row["changed_at"] for row in csv.DictReader(lines)} == {
        "2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z", "2026-11-03T02:00:00Z",
    }  # fmt: skip
    asked = ("export", "project_changes", "--output", "-", "--time-zone", "Asia/Tokyo")
    lines = new_york(*asked).stdout.splitlines()
    assert {row["changed_at"] for row in csv.DictReader(lines)} == {
        "2026-11-01T11:00:00+09:00", "2026-11-02T11:00:00+09:00", "2026-11-03T11:00:00+09:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "remedy"),
    [("Europe/Viena", "Did you mean Europe/Vienna"), ("+01:00", "Write a name such as Europe/Vienna")],
)
def test_a_zone_that_does_not_exist_is_refused(home: Path, cli: Cli, zone: str, remedy: str) -> None:
    refused = cli("query", "select 1", "--time-zone", zone, code=2).stderr
    assert refused.startswith(f"rollcall: --time-zone is not an IANA time zone: {zone}. {remedy}")
    (home / ".dlt").mkdir()
    (home / ".dlt" / "config.toml").write_text(f'[display]\ntime_zone = "{zone}"\n')
    refused = Cli(home)("status", code=2).stderr
    assert refused.startswith(f"rollcall: time_zone of [display] is not an IANA time zone: {zone}. {remedy}")
