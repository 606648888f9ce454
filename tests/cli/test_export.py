"""`rollcall export`: reports are written completely, privately, safe to open, and say how fresh they are."""

import csv
import json
import stat
import subprocess
from pathlib import Path

import duckdb
import pytest
from pyarrow import feather, parquet

from .conftest import Cli

STALE = "belltastic is not up to date: last verified 2026-11-02T02:00:00Z (failed: 401 Unauthorized)\n"
REPORTS = ("files", "project_changes", "projects", "projects_history")
CHANGED = "matter:17,matter,matter,Harbour East,2026-11-03T02:00:00Z,changed"


@pytest.fixture
def own(home: Path) -> Cli:
    """The command line over a home that the test may change."""
    return Cli(home)


def test_promise_18_reports_say_how_fresh_they_are(own: Cli) -> None:
    folder = own.home / "exports"
    result = own("export")
    assert result.stdout == (
        f"files                      1 row  {folder}/files.csv\n"
        f"project_changes          14 rows  {folder}/project_changes.csv  (3 cells neutralised)\n"
        f"projects                  6 rows  {folder}/projects.csv  (2 cells neutralised)\n"
        f"projects_history         10 rows  {folder}/projects_history.csv  (3 cells neutralised)\n"
    )
    assert result.stderr == STALE
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.csv" for name in REPORTS]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert (folder / "project_changes.csv").read_text().splitlines()[:4] == [
        "project_key,provider,connection,name,changed_at,change,column_name,old_value,new_value,is_minor,"
        "is_first_listing,is_fresh,connection_outcome",
        f"{CHANGED},is_open,true,false,true,false,true,verified",
        f"{CHANGED},provider_status,PRJ_STATUS_ON_GOING,PRJ_STATUS_COMPLETE,false,false,true,verified",
        f"{CHANGED},status,active,completed,false,false,true,verified",
    ]


def test_promise_25_formulas_are_neutralised_and_numbers_are_not(own: Cli) -> None:
    own("export", "projects")
    with (own.home / "exports" / "projects.csv").open(newline="") as file:
        projects = {row["project_key"]: row for row in csv.DictReader(file)}
    assert projects["matter:18"]["name"] == "'=1+1"
    assert projects["matter:18"]["client_name"] == 'Über, "Bau"\nGmbH'
    assert projects["matter:19"]["description"] == "''@x"
    own("export", "projects", "--raw")
    with (own.home / "exports" / "projects.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)][4] == "=1+1"


def test_promise_04_the_same_answers_give_the_same_bytes(own: Cli) -> None:
    own("export")
    before = {path.name: path.read_bytes() for path in (own.home / "exports").iterdir()}
    own("export")
    assert {path.name: path.read_bytes() for path in (own.home / "exports").iterdir()} == before


def test_the_result_names_each_file_as_json(own: Cli) -> None:
    result = own("export", "projects", "--json")
    assert json.loads(result.stdout) == {
        "files": [
            {
                "report": "projects",
                "file": f"{own.home}/exports/projects.csv",
                "rows": 6,
                "neutralised": 2,
                "cut": {"cells": 0, "first": []},
            }
        ],
        "failed": [],
        "connections": [
            {
                "connection": "belltastic",
                "last_verified_at": "2026-11-02T02:00:00Z",
                "is_fresh": False,
                "outcome": "failed",
                "message": "401 Unauthorized",
            },
            *(
                {
                    "connection": name,
                    "last_verified_at": "2026-11-03T02:00:00Z",
                    "is_fresh": True,
                    "outcome": "verified",
                    "message": None,
                }
                for name in ("evovoice", "matter")
            ),
        ],
    }
    assert result.stderr == STALE


def test_an_export_of_verified_connections_says_so(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("delete from connections where outcome = 'failed'")
    assert own("export", "files").stderr == (
        "every connection is up to date: last verified 2026-11-03T02:00:00Z or later\n"
    )
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("update connections set last_verified_at = null, outcome = 'held_back', is_fresh = false")
    assert own("export", "files").stderr == (
        "evovoice is not up to date: never verified\nmatter is not up to date: never verified\n"
    )


@pytest.mark.parametrize("report", REPORTS)
def test_each_report_says_which_rows_are_not_fresh(cli: Cli, report: str) -> None:
    rows = list(csv.DictReader(cli("export", report, "--output", "-").stdout.splitlines()))
    found = {(row["connection"], row["is_fresh"], row["connection_outcome"]) for row in rows}
    fresh = {("evovoice", "true", "verified"), ("matter", "true", "verified")}
    assert found == {
        one
        for one in fresh | {("belltastic", "false", "failed")}
        if report != "files" or one[0] == "evovoice"
    }


def test_headings_replace_the_names_of_columns(cli: Cli) -> None:
    for form, separator in (("csv", ","), ("tsv", "\t")):
        printed = cli("export", "project_changes", "--headings", "--format", form, "--output", "-").stdout
        assert printed.splitlines()[0].split(separator) == [
            "Project key", "Provider", "Connection", "Name", "Changed", "Change", "Field", "Before", "After",
            "Minor", "First listing", "Up to date", "Last sync",
        ]  # fmt: skip
    names = cli("export", "projects", "--headings", "--output", "-").stdout.splitlines()[0].split(",")
    assert len(names) == len(set(names))
    assert cli("export", "--headings", "--format", "json", code=2).stderr == (
        "rollcall: --headings is for csv, tsv and xlsx. See rollcall export --help\n"
    )


def test_json_is_text_in_parquet_and_arrow(cli: Cli, tmp_path: Path) -> None:
    for ending, read in ((".parquet", parquet.read_table), (".arrow", feather.read_table)):
        file = tmp_path / f"projects{ending}"
        cli("export", "projects", "--output", str(file))
        table = read(file)
        assert str(table.schema.field("attributes").type) in {"string", "large_string"}
        assert table.to_pylist()[0]["attributes"] == "{}"


def test_reports_can_be_exported_as_json_and_parquet(own: Cli) -> None:
    own("export", "projects", "--format", "json")
    projects = json.loads((own.home / "exports" / "projects.json").read_text())
    assert [project["name"] for project in projects][4:] == ["=1+1", "\u001b[31mred"]
    own("export", "projects", "--format", "parquet")
    read = duckdb.sql(
        f"select name from '{own.home}/exports/projects.parquet' order by project_key"
    ).fetchall()
    assert [name for (name,) in read] == [project["name"] for project in projects]
    assert stat.S_IMODE((own.home / "exports" / "projects.parquet").stat().st_mode) == 0o600


def test_output_and_the_setting_name_the_directory(
    own: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    own("export", "files", "--output", "deep/er")
    assert [path.relative_to(elsewhere).as_posix() for path in sorted(elsewhere.rglob("*"))] == [
        "deep",
        "deep/er",
        "deep/er/files.csv",
    ]
    monkeypatch.setenv("EXPORTS__PATH", "shared")
    own("export", "files")
    assert (own.home / "shared" / "files.csv").is_file()


def test_a_report_can_be_printed(own: Cli) -> None:
    result = own("export", "files", "--output", "-")
    assert result.stdout.startswith("file_key,connection,")
    assert result.stderr == STALE
    assert not (own.home / "exports").exists()
    expected = (
        "--output - prints exactly one report: name one, and leave out --json. See rollcall export --help"
    )
    assert own("export", "-o", "-", code=2).stderr == f"rollcall: {expected}\n"
    assert own("export", "files", "projects", "-o", "-", code=2).stderr == f"rollcall: {expected}\n"


@pytest.mark.parametrize(
    "name", ["../projects", "/etc/passwd", "projects.sql", "projects/../projects", "", "PROJECTS", "projets"]
)
def test_a_name_of_a_report_is_not_a_path(own: Cli, name: str) -> None:
    result = own("export", name, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"rollcall: there is no report {name}.")
    assert not (own.home / "exports").exists()


def test_an_unknown_report_suggests_near_names(own: Cli) -> None:
    assert own("export", "project", code=2).stderr == (
        "rollcall: there is no report project. "
        "Did you mean projects or project_changes or projects_history?\n"
    )
    assert own("export", "xyz", code=2).stderr == (
        "rollcall: there is no report xyz. Choose from files, project_changes, projects, projects_history\n"
    )


def _report(home: Path, name: str, sql: str) -> Path:
    folder = home / "sql" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sql").write_text(sql)
    return folder / f"{name}.sql"


def test_a_report_of_the_home_is_exported(own: Cli) -> None:
    _report(
        own.home,
        "late",
        "-- Who is late.\nselect connection\nfrom connections where outcome <> 'verified';\n",
    )
    _report(own.home, "projects", "select count(*) as projects from projects")
    own("export", "late", "projects")
    assert (own.home / "exports" / "late.csv").read_text() == "connection\nbelltastic\n"
    assert (own.home / "exports" / "projects.csv").read_text() == "projects\n6\n"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("from nothing", "Catalog Error: Table with name nothing does not exist!"),
        ("select 1) to '{home}/stolen.csv' --", 'Parser Error: syntax error at or near ")"'),
        ("select 1; drop table projects", "the query has more than one statement."),
        ("copy projects to '{home}/stolen.csv'", "COPY is not allowed: a query can only read."),
        ("from read_text('/etc/passwd')", "read_text() is not allowed."),
        ("from '{home}/other.csv'", "Permission Error: "),
    ],
)
def test_a_report_only_reads(own: Cli, sql: str, expected: str) -> None:
    path = _report(own.home, "bad", sql.format(home=own.home))
    result = own("export", "bad", code=2)
    assert result.stderr.startswith(f"rollcall: {path}: {expected}")
    assert result.stderr.count("rollcall: ") == 1
    assert not (own.home / "stolen.csv").exists()
    assert list((own.home / "exports").iterdir()) == []


def test_a_failing_report_leaves_the_previous_file(own: Cli) -> None:
    _report(own.home, "late", "select 1 as a")
    own("export", "late")
    _report(own.home, "late", "select if(range = 9999, error('late'), range) as a from range(10000)")
    for form in ("csv", "json", "parquet"):
        assert "late" in own("export", "late", "--format", form, code=2).stderr
    assert [path.name for path in (own.home / "exports").iterdir()] == ["late.csv"]
    assert (own.home / "exports" / "late.csv").read_text() == "a\n1\n"


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx"])
def test_a_pivot_finds_its_columns_in_every_form(own: Cli, form: str) -> None:
    _report(own.home, "by_kind", "pivot projects on kind using count(*) group by provider order by provider")
    assert own("export", "by_kind", "--format", form).stdout.startswith("by_kind          3 rows  ")
    if form in {"csv", "parquet"}:
        read = duckdb.sql(f"from '{own.home}/exports/by_kind.{form}'")
        assert read.columns == ["provider", "customer", "project"]
        assert read.fetchall() == [("belltastic", 0, 2), ("evovoice", 1, 0), ("matter", 0, 3)]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_wrong_report_does_not_stop_the_others(own: Cli, form: str) -> None:
    copy = _report(own.home, "mine (1)", "from projects")
    wrong = _report(own.home, "wrong", "select nme from projects")
    late = _report(own.home, "late", "select if(range = 9999, error('late'), range) as a from range(10000)")
    (own.home / "sql" / "reports" / "latin.sql").write_bytes(b"select '\xfc' as a")
    (own.home / "sql" / "reports" / "lost.sql").symlink_to(own.home / "nowhere.sql")
    result = own("export", "--format", form, code=2)
    assert {path.name for path in (own.home / "exports").iterdir()} == {f"{name}.{form}" for name in REPORTS}
    assert len(result.stdout.splitlines()) == len(REPORTS)
    failures = [line for line in result.stderr.splitlines() if line.startswith("rollcall: ")]
    assert [line.partition(".sql")[0].rpartition("/")[2] for line in failures] == [
        "late", "latin", "lost", "mine (1)", "wrong",
    ]  # fmt: skip
    assert failures[0].startswith(f"rollcall: {late}: Invalid Input Error: late")
    assert failures[3] == (
        f"rollcall: {copy} is not a valid name for a report. Use lower-case letters and digits, "
        "separated by - or _"
    )
    assert failures[4].startswith(f'rollcall: {wrong}: Binder Error: Referenced column "nme" not found')


def test_a_report_that_is_wrong_is_in_the_manifest(own: Cli) -> None:
    wrong = _report(own.home, "wrong", "select")
    own("export", "--all", code=2)
    latest = own.home / "exports" / "latest"
    assert sorted(path.name for path in latest.glob("*.csv")) == [f"{name}.csv" for name in REPORTS]
    (failed,) = json.loads((latest / "manifest.json").read_text())["failed"]
    assert (failed["report"], failed["reason"].startswith(f"{wrong}: ")) == ("wrong", True)
    wrong.unlink()
    own("export", "--all")
    assert json.loads((latest / "manifest.json").read_text())["failed"] == []


@pytest.mark.parametrize(
    ("name", "begin"), [("p.csv", b"project_key,"), ("p.tsv", b"project_key\t"), ("p.xlsx", b"PK")]
)
def test_a_single_report_goes_into_the_named_file(own: Cli, tmp_path: Path, name: str, begin: bytes) -> None:
    file = tmp_path / name
    assert own("export", "projects", "--output", str(file)).stdout.startswith(
        f"projects          6 rows  {file}"
    )
    assert file.read_bytes().startswith(begin)
    (tmp_path / "folder.csv").mkdir()
    own("export", "projects", "--output", str(tmp_path / "folder.csv"))
    assert (tmp_path / "folder.csv" / "projects.csv").is_file()


@pytest.mark.parametrize("names", [(), ("projects", "files")])
def test_several_reports_do_not_go_into_one_file(own: Cli, tmp_path: Path, names: tuple[str, ...]) -> None:
    file = tmp_path / "p.csv"
    assert own("export", *names, "--output", str(file), code=2).stderr == (
        f"rollcall: {file} is a single file: name one report, or give a directory. "
        "See rollcall export --help\n"
    )
    assert not file.exists()


def test_file_modes_do_not_depend_on_the_umask(own: Cli) -> None:
    run = own.command("export", "files")
    subprocess.run(run, check=True, capture_output=True, umask=0)
    assert stat.S_IMODE((own.home / "exports").stat().st_mode) == 0o700
    assert stat.S_IMODE((own.home / "exports" / "files.csv").stat().st_mode) == 0o600


def test_an_exports_path_that_is_a_file_is_refused(own: Cli) -> None:
    (own.home / "exports").write_text("a file")
    result = own("export", code=2)
    assert result.stderr == f"rollcall: {own.home}/exports: Not a directory\n"
    assert sorted(path.name for path in own.home.iterdir()) == ["exports", "warehouse.duckdb"]
