"""`rollcall why`: the listing and the payloads behind the begin and the end of each version."""

import json
from typing import Any

import duckdb

from .conftest import RUNS, Cli


def events_of(cli: Cli, key: str, *columns: str) -> list[tuple[Any, ...]]:
    rows = json.loads(cli("why", key, "--json").stdout)
    return [tuple(row[column] for column in columns) for row in rows]


def test_each_boundary_is_explained(cli: Cli) -> None:
    result = cli("why", "matter:17")
    assert result.stdout == (
        "run                event    record  listing                        content\n"
        "2026-11-01 02:00Z  created  17      verified listing of 0 records  "
        '{"name": "Harbour", "projectStatus": "PRJ_STATUS_ON_GOING"}\n'
        "2026-11-02 02:00Z  changed  17      verified listing of 0 records  "
        'name: "Harbour" → "Harbour East"\n'
        "2026-11-03 02:00Z  changed  17      verified listing of 0 records  projectStatus: "
        '"PRJ_STATUS_ON_GOING" → "PRJ_STATUS_COMPLETE"\n'
    )
    assert result.stderr == "project matter:17: Harbour East\n"


def test_each_event_has_the_payloads_before_and_after(cli: Cli) -> None:
    columns = ("event", "changed_fields", "before", "after")
    one, two, _ = events_of(cli, "matter:17", *columns)
    harbour = {"name": "Harbour", "projectStatus": "PRJ_STATUS_ON_GOING"}
    assert one == ("created", None, None, harbour)
    assert two == ("changed", ["name"], harbour, harbour | {"name": "Harbour East"})


def test_a_gap_begins_with_a_removal_and_ends_with_a_return(cli: Cli) -> None:
    fields = {"name": "=1+1", "clientName": 'Über, "Bau"\nGmbH'}
    assert events_of(cli, "matter:18", "run", "event", "before", "after") == [
        ("2026-11-01T02:00:00Z", "created", None, fields),
        ("2026-11-02T02:00:00Z", "removed", fields, None),
        ("2026-11-03T02:00:00Z", "returned", fields, fields),
    ]


def test_a_customer_is_explained_by_its_files(cli: Cli) -> None:
    events = events_of(cli, "evovoice:c1", "event", "entity", "record_id", "changed_fields")
    assert events == [("created", "files", "f1", None), ("changed", "files", "f1", ["FileName"])]
    assert events_of(cli, "evovoice:f1", "event", "entity", "record_id", "changed_fields") == events


def test_the_listings_own_message_is_shown(cli: Cli) -> None:
    with duckdb.connect(str(cli.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "update raw.listings set outcome = 'unverified', records = 3, pages = 2, message = 'it moved' "
            "where connection = 'matter' and started_at = $1",
            [RUNS[2]],
        )
        warehouse.execute("update raw.records set refreshed_at = $1 where record_id = '18' ", [RUNS[2]])
    proofs = events_of(cli, "matter:18", "event", "outcome", "pages", "records", "message")
    assert proofs[-1] == ("returned", "unverified", 2, 3, "it moved")
    assert [event for event, *_ in proofs].count("refreshed") == 2
    assert "returned   18      unverified listing of 3 records: it moved" in cli("why", "matter:18").stdout


def test_an_unknown_key_suggests_similar_ones(cli: Cli) -> None:
    result = cli("why", "matter:171", code=2)
    assert result.stderr.startswith(
        "rollcall: there is no project or file matter:171. Did you mean matter:17"
    )
