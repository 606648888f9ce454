"""Tables derived from the history: status periods, days, and the difference between two days."""

from datetime import date

import pytest

from tests.transform.raw import RUNS, Given, Raw, run

ON_GOING = {"name": "Harbour", "projectStatus": "PRJ_STATUS_ON_GOING"}
COMPLETE = {"name": "Harbour", "projectStatus": "PRJ_STATUS_COMPLETE"}
NUMBERS = {run(number): number for number in range(1, RUNS + 1)} | {None: None}


given = Given()


@pytest.fixture(scope="module")
def history(shared_raw: Raw) -> Raw:
    """The warehouse with the rows of all tests of this module, each test with its own connection."""
    return given.build(shared_raw)


def listing(raw: Raw, number: int, outcome: str = "verified", **columns: object) -> None:
    """Add a listing of that run with its outcome."""
    row: dict[str, object] = {"connection": "matter", "provider": "matter", "entity": "projects"}
    counts = (
        "pages, requests, retries, records, new, changed, removed, unchanged, repeated, quarantined, "
        "held_back, seconds"
    )
    row |= columns | {"started_at": run(number), "outcome": outcome}
    zeros = ", ".join("0" for _ in counts.split(","))
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    raw.db.execute(
        f"insert into raw.listings ({', '.join(row)}, {counts}) values ({places}, {zeros})",
        list(row.values()),
    )


def periods(raw: Raw, key: str) -> list[tuple[object, ...]]:
    """The status periods of a project, with runs as numbers."""
    rows = raw.rows("from project_status_periods where project_key = $1 order by started_at", key)
    return [
        (
            row["status"],
            NUMBERS[row["started_at"]],
            NUMBERS[row["ended_at"]],
            row["is_current"],
            row["is_first_listing"],
        )
        for row in rows
    ]


@given
def lasting(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING, 1, 3, connection="lasting")
    raw.record("matter", "1", ON_GOING | {"name": "Harbour East"}, 3, 4, connection="lasting")
    raw.record("matter", "1", COMPLETE, 4, 5, "removed", connection="lasting")
    raw.record("matter", "1", COMPLETE, 7, connection="lasting")
    raw.record("matter", "2", ON_GOING, 2, connection="lasting")


def test_a_status_period_ends_only_if_the_status_changes_or_the_project_is_removed(
    history: Raw,
) -> None:
    assert periods(history, "lasting:1") == [
        ("active", 1, 4, False, True),
        ("completed", 4, 5, False, False),
        ("completed", 7, None, True, False),
    ]
    assert periods(history, "lasting:2") == [("active", 2, None, True, False)]
    assert history.rows(
        "select project_key, status_since from projects where connection = 'lasting' order by all"
    ) == [
        {"project_key": "lasting:1", "status_since": run(7)},
        {"project_key": "lasting:2", "status_since": run(2)},
    ]


def test_days_without_a_run_carry_the_state_forward(raw: Raw) -> None:
    raw.db.execute("delete from raw.runs where started_at in ($1, $2)", [run(2), run(3)])
    raw.record("matter", "1", ON_GOING, 1, 4)
    raw.record("matter", "1", COMPLETE, 4)
    raw.record("matter", "2", ON_GOING, 1, 5, "removed")
    raw.build()
    rows = raw.rows("select day, status, projects from project_days where day < '2026-11-07' order by all")
    assert [(row["day"].day, row["status"], row["projects"]) for row in rows] == [
        (1, "active", 2),
        (2, "active", 2),
        (3, "active", 2),
        (4, "active", 1),
        (4, "completed", 1),
        (5, "completed", 1),
        (6, "completed", 1),
    ]
    assert raw.rows("select max(day) as day from project_days") == [{"day": date(2026, 11, RUNS)}]


@given
def counted(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING | {"lastUpdated": "2026-01-01T00:00:00Z"}, 1, 2, connection="counted")
    raw.record("matter", "1", ON_GOING | {"lastUpdated": "2026-01-02T00:00:00Z"}, 2, 3, connection="counted")
    raw.record("matter", "1", COMPLETE | {"name": "Harbour East"}, 3, connection="counted")
    raw.record("matter", "2", ON_GOING, 1, 3, "removed", connection="counted")
    raw.record("matter", "2", ON_GOING, 4, connection="counted")
    raw.record("matter", "3", ON_GOING, 2, connection="counted")
    listing(raw, 1, connection="counted")
    listing(raw, 2, "unverified", connection="counted")
    listing(raw, 3, "failed", connection="counted")
    listing(raw, 4, connection="counted")


def test_a_day_of_a_connection_counts_each_project_once_and_no_minor_change(history: Raw) -> None:
    rows = history.rows(
        "select * exclude (connection, provider) from connection_days "
        "where connection = 'counted' and day < '2026-11-06' order by day"
    )
    assert [(row.pop("day").day, *row.values()) for row in rows] == [
        (1, 2, 0, 2, 0, 0, 0, True),
        (2, 3, 1, 0, 0, 0, 0, False),
        (3, 2, 0, 0, 1, 1, 0, False),
        (4, 3, 0, 0, 0, 0, 1, True),
        (5, 3, 0, 0, 0, 0, 0, False),
    ]


@given
def silent(raw: Raw) -> None:
    listing(raw, 8, "failed", connection="silent")


def test_a_connection_that_lists_nothing_has_a_row_for_each_day(history: Raw) -> None:
    rows = history.rows(
        "select day, projects, is_fresh from connection_days where connection = 'silent' order by day"
    )
    assert [(row["day"].day, row["projects"], row["is_fresh"]) for row in rows] == [
        (8, 0, False),
        (9, 0, False),
    ]


@given
def minor(raw: Raw) -> None:
    raw.record("rillsoft", "1", {"status": "Offen", "versionId": 1}, 1, 2, scope="7", connection="minor")
    raw.record("rillsoft", "1", {"status": "Fertig", "versionId": 2}, 2, scope="7", connection="minor")
    raw.record("rillsoft", "2", {"name": "Quay"}, 2, scope="7", connection="minor")


def test_changes_of_derived_columns_are_minor(history: Raw) -> None:
    rows = history.rows(
        "select name, change, column_name, is_minor, is_first_listing from project_changes "
        "where connection = 'minor' order by project_key, changed_at, column_name"
    )
    assert [tuple(row.values()) for row in rows] == [
        (None, "created", None, False, True),
        (None, "changed", "is_open", True, False),
        (None, "changed", "provider_status", False, False),
        (None, "changed", "source_version", True, False),
        (None, "changed", "status", False, False),
        ("Quay", "created", None, False, False),
    ]


def held_back(raw: Raw) -> list[str]:
    """The projects that are held back."""
    rows = raw.rows("select project_key from projects where is_held_back order by all")
    return [row["project_key"] for row in rows]


def test_a_project_missing_from_the_last_complete_listing_is_held_back(raw: Raw) -> None:
    for key in ("1", "2"):
        raw.record("rillsoft", key, {"name": key}, scope="7")
    raw.record("rillsoft", "1", {"name": "1"}, scope="8")
    raw.db.execute("update raw.records set last_seen_at = $1 where record_id = '1'", [run(6)])
    of_rillsoft = {"connection": "rillsoft", "provider": "rillsoft"}
    listing(raw, 7, "held_back", scope="7", **of_rillsoft)
    listing(raw, 8, "failed", scope="7", **of_rillsoft)
    listing(raw, 8, "failed", scope="8", **of_rillsoft)
    raw.build()
    assert held_back(raw) == ["rillsoft:7:1"]
    listing(raw, 9, scope="7", **of_rillsoft)
    raw.build()
    assert held_back(raw) == []


@given
def missing(raw: Raw) -> None:
    for day, customer in ((1, "old"), (20, "young"), (1, "both"), (20, "both")):
        fields = {"id": "-", "customerId": customer, "dateCreated": f"2026-10-{day:02}T00:00:00Z"}
        raw.record("evovoice", f"{customer}{day}", fields, connection="missing")
    raw.db.execute("update raw.records set last_seen_at = $1 where connection = 'missing'", [run(6)])
    listing(
        raw,
        7,
        "held_back",
        connection="missing",
        provider="evovoice",
        entity="files",
        window_start="2026-10-10T00:00:00Z",
    )


def test_a_customer_is_held_back_if_all_its_files_are_missing_from_the_window(history: Raw) -> None:
    assert held_back(history) == ["missing:young"]


@given
def active(raw: Raw) -> None:
    for number, day in ((1, 5), (2, 7), (3, 9)):
        fields = {"id": "-", "customerId": "c", "dateCreated": f"2026-10-{day:02}T00:00:00Z"}
        raw.record(
            "evovoice",
            str(number),
            fields,
            number,
            8 if number == 3 else None,
            "removed",
            connection="active",
        )
    raw.record("matter", "1", {"lastUpdated": "2026-01-02T00:00:00Z"}, connection="active")


def test_activity_is_the_newest_listed_file_and_makes_no_version(history: Raw) -> None:
    rows = history.rows(
        "select last_activity_at::date as day, version from projects "
        "where connection = 'active' order by project_key"
    )
    assert [tuple(row.values()) for row in rows] == [(date(2026, 1, 2), 1), (date(2026, 10, 7), 1)]


@given
def dated(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING, 2, 3, connection="dated")
    raw.record("matter", "1", COMPLETE, 3, connection="dated")


def test_projects_on_a_date_are_those_after_its_last_run(history: Raw) -> None:
    found = "select status from projects_on($1) where connection = 'dated'"
    assert history.rows(found, "2026-11-01") == []
    assert history.rows(found, date(2026, 11, 2)) == [{"status": "active"}]
    assert history.rows(found, "2026-11-03") == [{"status": "completed"}]
    assert history.rows(found, "2027-01-01") == [{"status": "completed"}]


@given
def compared(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING, 1, 3, connection="compared")
    raw.record("matter", "1", COMPLETE | {"name": "Harbour East"}, 3, 4, connection="compared")
    raw.record("matter", "1", COMPLETE, 4, connection="compared")
    raw.record("matter", "2", ON_GOING, 1, 4, "removed", connection="compared")
    raw.record("matter", "3", ON_GOING, 4, connection="compared")
    raw.record("matter", "4", ON_GOING, 1, 2, "removed", connection="compared")
    raw.record("matter", "4", ON_GOING, 5, connection="compared")
    raw.record("matter", "5", ON_GOING, 3, 4, "removed", connection="compared")
    raw.record("matter", "6", ON_GOING, connection="compared")


def test_projects_compared_ignores_the_steps_in_between(history: Raw) -> None:
    rows = history.rows("from projects_compared($1, $2) where project_key like 'compared:%'", run(2), run(5))
    assert [
        (row["project_key"], row["change"], row["column_name"], row["new_value"], row["is_minor"])
        for row in rows
    ] == [
        ("compared:1", "changed", "is_open", "false", True),
        ("compared:1", "changed", "provider_status", "PRJ_STATUS_COMPLETE", False),
        ("compared:1", "changed", "status", "completed", False),
        ("compared:2", "removed", None, None, False),
        ("compared:3", "created", None, None, False),
        ("compared:4", "returned", None, None, False),
    ]


@given
def full(raw: Raw) -> None:
    raw.connect("full", "evovoice")
    of_evovoice = {"connection": "full", "provider": "evovoice", "entity": "files"}
    listing(raw, 1, **of_evovoice)
    listing(raw, 2, window_start=run(1), **of_evovoice)
    listing(raw, 3, "unverified", **of_evovoice)


def test_a_connection_says_when_it_was_last_read_in_full(history: Raw) -> None:
    assert history.rows("select is_full from listings where connection = 'full' order by started_at") == [
        {"is_full": True},
        {"is_full": False},
        {"is_full": True},
    ]
    assert history.row(
        "select last_verified_at, last_full_at from connections where connection = 'full'"
    ) == {
        "last_verified_at": run(2),
        "last_full_at": run(1),
    }
