"""`rollcall describe`: lists the tables and macros, and describes their columns."""

import json

import pytest

from .conftest import Cli


def test_every_table_and_macro(cli: Cli) -> None:
    listed = {row["name"]: row for row in json.loads(cli("describe", "--json").stdout)}
    assert list(listed) == [
        "client_mapping",
        "clients",
        "connection_days",
        "connections",
        "files",
        "files_history",
        "labels",
        "listings",
        "project_changes",
        "project_days",
        "project_status_periods",
        "projects",
        "projects_history",
        "quarantine",
        "runs",
        "status_mapping",
        "client_duplicates(at_least)",
        "projects_as_of(moment)",
        "projects_changed_between(since, until)",
        "projects_compared(earlier, later)",
        "projects_on(day)",
        "raw.records",
    ]
    assert listed["runs"] == {
        "name": "runs",
        "rows": 3,
        "comment": "Every published run, and every operation that was published like a run.",
    }
    assert all(row["comment"] for row in listed.values())


def test_a_table_is_described_by_its_columns(cli: Cli) -> None:
    result = cli("describe", "runs")
    assert result.stdout == (
        "column_name        type         comment\n"
        "started_at         timestamptz  start of the run, at which its versions begin and end\n"
        "finished_at        timestamptz  end of its last listing\n"
        "outcome            varchar      complete if every listing was verified, else partial\n"
        "rollcall_version   varchar      version of Rollcall that ran it\n"
        "duckdb_version     varchar      version of DuckDB that wrote it\n"
        "operation          varchar      sync; or retire, rename or prune, which contact no provider\n"
        "history_begins_at  timestamptz  prune: versions that ended before this were dropped; else null\n"
    )
    assert result.stderr == "runs: Every published run, and every operation that was published like a run.\n"
    assert cli("describe", "MAIN.Runs", "--format", "csv").stdout.startswith("column_name,type,comment\n")
    assert "payload" in cli("describe", "raw.records").stdout


@pytest.mark.parametrize("name", ["projects_changed_between", "Projects_changed_between(since, until)"])
def test_a_macro_is_described_by_its_columns(cli: Cli, name: str) -> None:
    result = cli("describe", name, "--json")
    assert result.stderr.startswith("projects_changed_between(since, until): The changes of projects from ")
    columns = {row["column_name"]: row for row in json.loads(result.stdout)}
    changes = json.loads(cli("describe", "project_changes", "--json").stdout)
    names = "changed_at project_key provider connection name change column_name old_value new_value"
    assert list(columns) == [*names.split(), "is_minor", "is_first_listing"]
    assert columns["changed_at"] in changes
    assert columns["name"] in changes
    assert all(column["comment"] for column in columns.values())


def test_a_table_that_does_not_exist_is_refused(cli: Cli) -> None:
    result = cli("describe", "project_change", code=2)
    assert result.stderr.startswith(
        "rollcall: there is no table project_change. Did you mean project_changes"
    )
    assert "runs, " in cli("describe", "zzzzzzzzzzz", code=2).stderr
