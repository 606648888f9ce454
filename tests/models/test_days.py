"""What the history adds up to: periods of a status, days, and the difference between two of them."""

from datetime import date

from tests.models.raw import RUNS, Raw, run

ON_GOING = {"name": "Harbour", "projectStatus": "PRJ_STATUS_ON_GOING"}
COMPLETE = {"name": "Harbour", "projectStatus": "PRJ_STATUS_COMPLETE"}
NUMBERS = {run(number): number for number in range(1, RUNS + 1)} | {None: None}


def listing(raw: Raw, number: int, outcome: str = "verified", **columns: object) -> None:
    """How a listing of that run went."""
    row: dict[str, object] = {"connection": "matter", "provider": "matter", "entity": "projects"}
    counts = (
        "pages, requests, retries, records, new, changed, removed, unchanged, repeated, quarantined, "
        "held_back, seconds"
    )
    row |= columns | {"started_at": run(number), "outcome": outcome}
    zeros = ", ".join("0" for _ in counts.split(","))
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    raw.connection.execute(
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


def test_a_status_lasts_over_other_changes_and_ends_where_it_changes_or_the_project_is_gone(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING, 1, 3)
    raw.record("matter", "1", ON_GOING | {"name": "Harbour East"}, 3, 4)
    raw.record("matter", "1", COMPLETE, 4, 5, "removed")
    raw.record("matter", "1", COMPLETE, 7)
    raw.record("matter", "2", ON_GOING, 2)
    raw.build()
    assert periods(raw, "matter:1") == [
        ("active", 1, 4, False, True),
        ("completed", 4, 5, False, False),
        ("completed", 7, None, True, False),
    ]
    assert periods(raw, "matter:2") == [("active", 2, None, True, False)]
    assert raw.rows("select project_key, status_since from projects order by all") == [
        {"project_key": "matter:1", "status_since": run(7)},
        {"project_key": "matter:2", "status_since": run(2)},
    ]


def test_days_without_a_run_carry_the_state_forward(raw: Raw) -> None:
    raw.connection.execute("delete from raw.runs where started_at in ($1, $2)", [run(2), run(3)])
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


def test_a_day_of_a_connection_counts_each_project_once_and_no_minor_change(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING | {"lastUpdated": "2026-01-01T00:00:00Z"}, 1, 2)
    raw.record("matter", "1", ON_GOING | {"lastUpdated": "2026-01-02T00:00:00Z"}, 2, 3)
    raw.record("matter", "1", COMPLETE | {"name": "Harbour East"}, 3)
    raw.record("matter", "2", ON_GOING, 1, 3, "removed")
    raw.record("matter", "2", ON_GOING, 4)
    raw.record("matter", "3", ON_GOING, 2)
    listing(raw, 1)
    listing(raw, 2, "unverified")
    listing(raw, 3, "failed")
    listing(raw, 4)
    raw.build()
    rows = raw.rows(
        "select * exclude (connection, provider) from connection_days where day < '2026-11-06' order by day"
    )
    assert [(row.pop("day").day, *row.values()) for row in rows] == [
        (1, 2, 0, 2, 0, 0, 0, True),
        (2, 3, 1, 0, 0, 0, 0, False),
        (3, 2, 0, 0, 1, 1, 0, False),
        (4, 3, 0, 0, 0, 0, 1, True),
        (5, 3, 0, 0, 0, 0, 0, False),
    ]


def test_a_connection_that_lists_nothing_has_its_days(raw: Raw) -> None:
    listing(raw, 8, "failed")
    raw.build()
    rows = raw.rows("select day, projects, is_fresh from connection_days order by day")
    assert [(row["day"].day, row["projects"], row["is_fresh"]) for row in rows] == [
        (8, 0, False),
        (9, 0, False),
    ]


def test_a_minor_change_is_one_that_says_nothing_by_itself(raw: Raw) -> None:
    raw.record("rillsoft", "1", {"status": "Offen", "versionId": 1}, 1, 2, scope="7")
    raw.record("rillsoft", "1", {"status": "Fertig", "versionId": 2}, 2, scope="7")
    raw.record("rillsoft", "2", {"name": "Quay"}, 2, scope="7")
    raw.build()
    rows = raw.rows(
        "select name, change, column_name, is_minor, is_first_listing from project_changes "
        "order by project_key, changed_at, column_name"
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


def test_a_project_is_held_back_while_its_last_whole_listing_lacks_it(raw: Raw) -> None:
    for key in ("1", "2"):
        raw.record("rillsoft", key, {"name": key}, scope="7")
    raw.record("rillsoft", "1", {"name": "1"}, scope="8")
    raw.connection.execute("update raw.records set last_seen_at = $1 where record_id = '1'", [run(6)])
    of_rillsoft = {"connection": "rillsoft", "provider": "rillsoft"}
    listing(raw, 7, "held_back", scope="7", **of_rillsoft)
    listing(raw, 8, "failed", scope="7", **of_rillsoft)
    listing(raw, 8, "failed", scope="8", **of_rillsoft)
    raw.build()
    assert held_back(raw) == ["rillsoft:7:1"]
    listing(raw, 9, scope="7", **of_rillsoft)
    raw.build()
    assert held_back(raw) == []


def test_a_customer_is_held_back_where_all_its_files_are_missing_from_the_window(raw: Raw) -> None:
    for day, customer in ((1, "old"), (20, "young"), (1, "both"), (20, "both")):
        said = {"id": "-", "customerId": customer, "dateCreated": f"2026-10-{day:02}T00:00:00Z"}
        raw.record("evovoice", f"{customer}{day}", said)
    raw.connection.execute("update raw.records set last_seen_at = $1", [run(6)])
    listing(
        raw,
        7,
        "held_back",
        connection="evovoice",
        provider="evovoice",
        entity="files",
        window_start="2026-10-10T00:00:00Z",
    )
    raw.build()
    assert held_back(raw) == ["evovoice:young"]


def test_activity_is_the_newest_listed_file_and_makes_no_version(raw: Raw) -> None:
    for number, day in ((1, 5), (2, 7), (3, 9)):
        said = {"id": "-", "customerId": "c", "dateCreated": f"2026-10-{day:02}T00:00:00Z"}
        raw.record("evovoice", str(number), said, number, 8 if number == 3 else None, "removed")
    raw.record("matter", "1", {"lastUpdated": "2026-01-02T00:00:00Z"})
    raw.build()
    rows = raw.rows("select last_activity_at::date as day, version from projects order by project_key")
    assert [tuple(row.values()) for row in rows] == [(date(2026, 10, 7), 1), (date(2026, 1, 2), 1)]


def test_projects_on_a_date_are_those_after_its_last_run(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING, 2, 3)
    raw.record("matter", "1", COMPLETE, 3)
    raw.build()
    found = "select status from projects_on($1)"
    assert raw.rows(found, "2026-11-01") == []
    assert raw.rows(found, date(2026, 11, 2)) == [{"status": "active"}]
    assert raw.rows(found, "2026-11-03") == [{"status": "completed"}]
    assert raw.rows(found, "2027-01-01") == [{"status": "completed"}]


def test_projects_compared_differ_in_the_end_whatever_happened_in_between(raw: Raw) -> None:
    raw.record("matter", "1", ON_GOING, 1, 3)
    raw.record("matter", "1", COMPLETE | {"name": "Harbour East"}, 3, 4)
    raw.record("matter", "1", COMPLETE, 4)
    raw.record("matter", "2", ON_GOING, 1, 4, "removed")
    raw.record("matter", "3", ON_GOING, 4)
    raw.record("matter", "4", ON_GOING, 1, 2, "removed")
    raw.record("matter", "4", ON_GOING, 5)
    raw.record("matter", "5", ON_GOING, 3, 4, "removed")
    raw.record("matter", "6", ON_GOING)
    raw.build()
    rows = raw.rows("from projects_compared($1, $2)", run(2), run(5))
    assert [
        (row["project_key"], row["change"], row["column_name"], row["new_value"], row["is_minor"])
        for row in rows
    ] == [
        ("matter:1", "changed", "is_open", "false", True),
        ("matter:1", "changed", "provider_status", "PRJ_STATUS_COMPLETE", False),
        ("matter:1", "changed", "status", "completed", False),
        ("matter:2", "removed", None, None, False),
        ("matter:3", "created", None, None, False),
        ("matter:4", "returned", None, None, False),
    ]


def test_a_connection_says_when_it_was_last_read_in_full(raw: Raw) -> None:
    raw.connect("evovoice", "evovoice")
    of_evovoice = {"connection": "evovoice", "provider": "evovoice", "entity": "files"}
    listing(raw, 1, **of_evovoice)
    listing(raw, 2, window_start=run(1), **of_evovoice)
    listing(raw, 3, "unverified", **of_evovoice)
    raw.build()
    assert raw.rows("select is_full from listings order by started_at") == [
        {"is_full": True},
        {"is_full": False},
        {"is_full": True},
    ]
    assert raw.row("select last_verified_at, last_full_at from connections") == {
        "last_verified_at": run(2),
        "last_full_at": run(1),
    }
