"""`rollcall history`: every version of one project or file, found by its key or its id."""

import json
from pathlib import Path

import duckdb
import pytest

from .conftest import Cli


def test_each_version_of_a_project_is_listed_with_its_changes(cli: Cli) -> None:
    result = cli("history", "matter:17")
    assert result.stdout == (
        "version  from               until              change   changes\n"
        "      1  2026-11-01 02:00Z  2026-11-02 02:00Z  created\n"
        "      2  2026-11-02 02:00Z  2026-11-03 02:00Z  changed  name: Harbour → Harbour East\n"
        "      3  2026-11-03 02:00Z                     changed  is_open: true → false; provider_status: "
        "PRJ_STATUS_ON_GOING → PRJ_STATUS_COMPLETE; status: active → completed\n"
    )
    assert result.stderr == "project matter:17: Harbour East\n"


def test_each_version_of_a_project_is_listed_as_csv(cli: Cli) -> None:
    assert cli("history", "matter:17", "--format", "csv").stdout == (
        "version,valid_from,valid_to,change,end_reason,column_name,old_value,new_value\n"
        "1,2026-11-01T02:00:00Z,2026-11-02T02:00:00Z,created,changed,,,\n"
        "2,2026-11-02T02:00:00Z,2026-11-03T02:00:00Z,changed,changed,name,Harbour,Harbour East\n"
        "3,2026-11-03T02:00:00Z,,changed,,is_open,true,false\n"
        "3,2026-11-03T02:00:00Z,,changed,,provider_status,PRJ_STATUS_ON_GOING,PRJ_STATUS_COMPLETE\n"
        "3,2026-11-03T02:00:00Z,,changed,,status,active,completed\n"
    )


def test_the_changes_are_those_of_project_changes(cli: Cli) -> None:
    versions = json.loads(cli("history", "matter:17", "--json").stdout)
    printed = {
        (row["valid_from"], row["column_name"], row["old_value"], row["new_value"])
        for row in versions
        if row["change"] == "changed"
    }
    sql = "select changed_at, column_name, old_value, new_value from project_changes where change = 'changed'"
    published = json.loads(cli("query", sql, "--json").stdout)
    assert printed == {tuple(row.values()) for row in published}


def test_a_gap_is_shown_between_two_versions(cli: Cli) -> None:
    assert cli("history", "matter:18").stdout == (
        "version  from               until                       change    changes\n"
        "      1  2026-11-01 02:00Z  2026-11-02 02:00Z, removed  created\n"
        "      2  2026-11-03 02:00Z                              returned\n"
    )


def test_each_version_of_a_file_is_listed_as_csv(cli: Cli) -> None:
    result = cli("history", "evovoice:f1", "--format", "csv")
    assert result.stdout == (
        "version,valid_from,valid_to,change,end_reason,column_name,old_value,new_value\n"
        "1,2026-11-01T02:00:00Z,2026-11-02T02:00:00Z,created,changed,,,\n"
        "2,2026-11-02T02:00:00Z,,changed,,file_name,a.mp3,b.mp3\n"
    )
    assert result.stderr == "file evovoice:f1: b.mp3\n"


def test_an_id_is_enough_if_it_is_unique(cli: Cli) -> None:
    assert cli("history", "20").stderr == "project matter:20: Old mill\n"
    assert cli("history", "f1").stderr == "file evovoice:f1: b.mp3\n"
    assert cli("history", "17", code=2).stderr == (
        "rollcall: 2 records have the id 17. Name one by its key: belltastic:17, matter:17\n"
    )


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("matter:71", "Did you mean matter:17 (Harbour East) or "),
        ("harbour", "Did you mean matter:17 (Harbour East)?"),
        ("Harbor East", "Did you mean matter:17 (Harbour East)?"),
        ("\x1b[31mred", "Did you mean matter:19 (\\x1b[31mred)?"),
        ("zzzzz", "See: rollcall query 'select project_key, name from projects'"),
        ("' or '1'='1", "See: rollcall query "),
        ("x' union select 1 --", "See: rollcall query "),
    ],
)
def test_a_key_that_no_project_has_is_refused(cli: Cli, key: str, remedy: str) -> None:
    result = cli("history", key, code=2)
    assert result.stdout == ""
    shown = key.replace("\x1b", "\\x1b")
    assert result.stderr.startswith(f"rollcall: there is no project or file {shown}. {remedy}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", ["history", "why"])
def test_an_empty_key_is_not_looked_up(cli: Cli, verb: str) -> None:
    assert cli(verb, " ", code=2).stderr == (
        "rollcall: the key is empty. Name a project or file, such as matter:4711\n"
    )


def test_sql_in_a_key_is_a_key(home: Path) -> None:
    key = "matter:x'); drop table runs; --"
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("update projects_history set project_key = $1 where project_key = 'matter:20'", [key])
    assert Cli(home)("history", key).stderr == f"project {key}: Old mill\n"
