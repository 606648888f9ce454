"""Each check passes on a sound warehouse, and finds the one fault that the test makes for it."""

from collections.abc import Iterator

import pytest

from pipelines.transform import build as models
from tests.transform.raw import RUNS, Raw, run

MATTER = {"name": "Harbour", "projectStatus": "PRJ_STATUS_ON_GOING"}
LISTING = (
    "insert into raw.listings (started_at, connection, provider, entity, outcome, pages, requests, retries, "
    "records, new, changed, removed, unchanged, repeated, quarantined, held_back, seconds) "
)


@pytest.fixture(scope="module")
def sound(shared_raw: Raw) -> Raw:
    """In its last run matter lists a new, a changed, an unchanged and a bad record, and lacks two."""
    raw = shared_raw
    raw.record("matter", "kept", MATTER)
    raw.record("matter", "changed", MATTER, 1, 2, "removed")
    raw.record("matter", "changed", MATTER, 3, RUNS)
    raw.record("matter", "changed", MATTER | {"name": "Harbour East"}, RUNS)
    raw.record("matter", "gone", MATTER, 1, RUNS, "removed")
    raw.record("matter", "lost", MATTER, 1, RUNS, "removed")
    raw.record("matter", "new", MATTER, RUNS)
    for file, begun, ended in (("f", 1, None), ("g", 1, 3), ("g", 3, None)):
        fields = {"id": file, "customerId": "c", "customerName": "Quay", "fileName": str(begun)}
        fields["dateCreated"] = "2026-10-01T00:00:00Z"
        raw.record("evovoice", file, fields, begun, ended)
    raw.db.execute(
        f"""
        {LISTING}
        values
            ($1, 'evovoice', 'evovoice', 'files', 'verified', 1, 1, 0, 3, 0, 0, 0, 2, 1, 0, 0, 0.5),
            ($1, 'matter', 'matter', 'projects', 'verified', 1, 1, 0, 4, 1, 1, 2, 1, 0, 1, 0, 0.5),
            ($2, 'matter', 'matter', 'projects', 'verified', 1, 1, 0, 3, 0, 0, 1, 3, 0, 0, 0, 0.5)
        """,
        [run(RUNS), run(2)],
    )
    raw.db.execute(
        "insert into raw.quarantine "
        "values ($1, 'matter', 'matter', null, 'projects', 1, null, 'no id', '{}')",
        [run(RUNS)],
    )
    raw.build()
    return raw


@pytest.fixture
def faulty(sound: Raw) -> Iterator[Raw]:
    """A copy of the sound warehouse, for one test to damage."""
    sound.db.execute("begin")
    yield sound
    sound.db.execute("rollback")


CURRENT = "record_id = 'kept' and valid_to is null"
FAULTS = {
    "clients_exist": [
        "delete from clients",
        "insert into clients by name select 'nobody' as client_key",
    ],
    "days_add_up": [
        "delete from project_days where status = 'active'",
        "update project_days set projects = projects + 1",
        "delete from connection_days",
        "update connection_days set projects = projects + 1 where connection = 'matter'",
        "delete from staging.int_current_projects where project_key = 'matter:kept'",
        "update projects_history set connection = 'odd' where project_key = 'matter:kept'",
    ],
    "file_keys_are_unique": ["insert into files from files"],
    "files_are_the_current_versions": [
        "delete from files",
        "update files set version = 2",
        "update files set changed_at = changed_at + interval 1 day",
        "delete from files_history",
    ],
    "files_have_projects": ["update files set project_key = 'evovoice:nobody'"],
    "files_history_is_sound": [
        "update files_history set version = 2",
        "update files_history set is_current = false",
        "update files_history set valid_to = null, end_reason = null, is_current = true",
    ],
    "listings_add_up": ["update raw.listings set repeated = repeated + 1 where connection = 'matter'"],
    "listings_match_the_versions": [
        "update raw.listings set new = 2, unchanged = 0 where connection = 'matter'",
        "update raw.listings set changed = 0, new = 2 where connection = 'matter'",
        "update raw.listings set removed = 1 where connection = 'matter'",
        "update raw.listings set quarantined = 0 where connection = 'matter'",
        "delete from raw.listings where connection = 'matter'",
        "delete from raw.records where record_id = 'new'",
    ],
    "runs_rise": [
        "insert into raw.runs values ('2026-10-01 02:00:00Z', '2026-10-01 03:00:00Z', 'complete', '0', '0')",
    ],
    "project_keys_are_unique": ["insert into staging.int_current_projects from staging.int_current_projects"],
    "projects_are_complete": [
        f"update projects_history set {column} = null where project_key = 'matter:kept'"
        for column in ("project_key", "connection", "provider", "project_id", "kind", "status")
    ],
    "projects_are_the_current_versions": [
        "delete from staging.int_current_projects where project_key = 'matter:kept'",
        "update projects_history set is_current = false where project_key = 'matter:kept'",
    ],
    "projects_history_is_sound": [
        "delete from projects_history where project_key = 'matter:changed' and version = 2",
        "insert into projects_history from projects_history where project_key = 'matter:kept'",
        "update projects_history set version = 2 where project_key = 'matter:kept'",
        "update projects_history set valid_to = valid_from where project_key = 'matter:kept'",
        "update projects_history set valid_to = valid_to + interval 1 day where end_reason = 'changed'",
        "update projects_history set valid_to = null where project_key = 'matter:changed' and version = 1",
        "update projects_history set is_current = not is_current",
        "update projects_history set valid_to = null, end_reason = null, is_current = true",
        "update projects_history set end_reason = 'removed'",
        "update projects_history set change = 'changed' where version = 1",
    ],
    "raw_intervals_are_sound": [
        f"update raw.records set valid_to = valid_from, end_reason = 'removed' where {CURRENT}",
        "update raw.records set valid_to = null, end_reason = null where record_id = 'changed'",
        "update raw.records set valid_to = valid_to + interval 2 day where record_id = 'changed'",
        f"update raw.records set end_reason = 'removed' where {CURRENT}",
        "update raw.records set end_reason = null where record_id = 'gone'",
        "update raw.records set end_reason = 'changed' where record_id = 'gone'",
        f"insert into raw.records from raw.records where {CURRENT}",
    ],
    "removals_are_verified": [
        "update raw.listings set outcome = 'held_back' where connection = 'matter'",
        "update raw.listings set entity = 'files' where connection = 'matter'",
    ],
    "status_periods_are_sound": [
        "update project_status_periods set ended_at = started_at where ended_at is not null",
        "insert into project_status_periods from project_status_periods where project_key = 'matter:kept'",
        "update project_status_periods set is_current = not is_current",
        "update project_status_periods set ended_at = ended_at + interval 1 day "
        "where project_key = 'matter:gone'",
        "update projects_history set end_reason = 'changed' where project_key = 'matter:gone'",
        "insert into project_status_periods by name "
        "select * replace (ended_at as started_at, null as ended_at, true as is_current) "
        "from project_status_periods where project_key = 'matter:gone'",
    ],
    "statuses_are_known": ["update projects_history set status = 'asleep'"],
    "versions_begin_and_end_at_runs": [
        f"update raw.records set valid_from = valid_from + interval 1 second where {CURRENT}",
        "update raw.records set valid_to = valid_to + interval 1 second where record_id = 'gone'",
    ],
}
LOCAL = "2026-07-01T12:00:00"
WARNINGS = {
    "fields_never_seen_before": [
        "update raw.records set payload = '{\"budget\": 1}' where record_id = 'new'",
    ],
    "fields_that_vanished": [
        "update raw.records set payload = '{\"old\": 1}' where record_id = 'changed' and end_reason <> ''",
    ],
    "statuses_without_mapping": ["update projects_history set status = 'unknown', provider_status = 'Ruht'"],
    "time_zones_without_name": [
        "update raw.records set provider = 'fone_dynamics', payload = '{\"TimeZone\": \"Mars Time\"}'"
    ],
    "times_without_a_time_zone": [
        f"update raw.records set payload = '{{\"dateCreated\": \"{LOCAL}\"}}' where provider = 'evovoice'"
    ],
    "values_kept_as_text": [
        'update raw.records set payload = \'{"id": "f", "lastUpdated": "soon", "dateCreated": 1}\''
    ],
}
# Faults of several rows, with the rows of each table in reverse order.
MANY = {
    "clients_exist": "insert into clients by name select unnest(['nobody', 'anybody']) as client_key",
    "days_add_up": "update project_days set projects = projects + 1",
    "status_periods_are_sound": "update project_status_periods set is_current = not is_current",
    "fields_never_seen_before": """
        update raw.records set payload = '{"ware": 1, "budget": 1, "kind": 1}' where record_id = 'new'
    """,
    "fields_that_vanished": """
        update raw.records set payload = '{"new": 1, "old": 1, "elder": 1}' where end_reason = 'changed'
    """,
    "file_keys_are_unique": "insert into files from files",
    "files_are_the_current_versions": "update files set version = 7",
    "files_have_projects": "update files set project_key = 'evovoice:nobody'",
    "files_history_is_sound": "update files_history set version = 7",
    "listings_add_up": "update raw.listings set repeated = repeated + 1",
    "listings_match_the_versions": "update raw.listings set new = 7",
    "runs_rise": "select 'as they are'",
    "project_keys_are_unique": "insert into staging.int_current_projects from staging.int_current_projects",
    "projects_are_complete": "update projects_history set kind = null",
    "projects_are_the_current_versions": "delete from staging.int_current_projects",
    "projects_history_is_sound": "update projects_history set version = 7",
    "raw_intervals_are_sound": "update raw.records set valid_to = valid_from, end_reason = 'removed'",
    "removals_are_verified": "delete from raw.listings",
    "statuses_are_known": "update projects_history set status = 'asleep'",
    "statuses_without_mapping": """
        update projects_history set status = 'unknown', provider_status = project_key
    """,
    "time_zones_without_name": """
        update raw.records
        set provider = 'fone_dynamics', payload = json_object('TimeZone', 'Mars ' || record_id)
    """,
    "times_without_a_time_zone": f"""
        insert into raw.records select records.* replace (
            connection || n as connection, '{{"DateCreated": "{LOCAL}"}}' as payload
        ) from raw.records as records, range(2) as _(n) where provider = 'evovoice' and valid_to is null
    """,
    "values_kept_as_text": """update raw.records set payload = '{"lastUpdated": "soon", "dateCreated": 1}'""",
    "versions_begin_and_end_at_runs": """
        update raw.records set valid_from = valid_from + interval 1 second
    """,
}


def test_there_is_a_fault_for_each_check(sound: Raw) -> None:
    checks = models.read_models("checks", sound.home)
    errors = {name for name, model in checks.items() if model.severity == "error"}
    assert errors == FAULTS.keys()
    assert checks.keys() - errors == WARNINGS.keys()
    assert checks.keys() == MANY.keys()


def test_a_sound_warehouse_has_nothing_to_find(sound: Raw) -> None:
    assert models.check(sound.db, sound.home) == ()


@pytest.mark.parametrize(
    ("name", "severity", "fault"),
    [(name, "error", fault) for name, faults in FAULTS.items() for fault in faults]
    + [(name, "warning", fault) for name, faults in WARNINGS.items() for fault in faults],
)
def test_a_check_finds_its_fault(
    faulty: Raw, name: str, severity: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.db.execute(fault)
    only = {name: faulty.check(name)}  # all checks take half a second
    monkeypatch.setattr("pipelines.transform.checks.read_models", lambda _layer, _home: only)
    (finding,) = models.check(faulty.db, faulty.home)
    assert finding.severity == severity
    assert finding.rows >= len(finding.sample) >= 1
    assert {len(row) for row in finding.sample} == {len(finding.columns)}


@pytest.mark.parametrize("name", MANY)
def test_a_finding_shows_its_rows_in_order(faulty: Raw, name: str) -> None:
    for table in ("raw.runs", "raw.listings", "raw.records", "files", "files_history", "projects_history"):
        faulty.db.execute(f"create or replace table {table} as select * from {table} order by rowid desc")
    faulty.db.execute(MANY[name])
    found = faulty.db.execute(faulty.sql("checks", name)).fetchall()
    assert len(found) > 1
    assert all(row[0] is not None for row in found)
    assert found == sorted(found, key=lambda row: [(value is None, value) for value in row])


@pytest.mark.parametrize(
    ("fault", "row"),
    [
        (
            "update raw.listings set removed = 1 where connection = 'matter'",
            ("matter", None, "projects", 2, 2, 1, 1, 1, 2, 1, 1),
        ),
        (
            "delete from raw.listings where connection = 'matter' and removed = 2",
            ("matter", None, "projects", None, 2, None, 1, None, 2, None, 1),
        ),
        (
            "update raw.listings set scope = '7', new = 3, unchanged = 0 where connection = 'evovoice'",
            ("evovoice", "7", "files", 3, 0, 0, 0, 0, 0, 0, 0),
        ),
    ],
    ids=["another number", "no listing", "no versions"],
)
def test_listings_that_differ_from_the_versions_are_found(
    faulty: Raw, fault: str, row: tuple[object, ...]
) -> None:
    faulty.db.execute(fault)
    found = faulty.db.execute(faulty.sql("checks", "listings_match_the_versions")).fetchall()
    assert found == [row]


def test_listings_match_the_versions_of_their_scopes(faulty: Raw) -> None:
    for scope, projects in (("11", 1), ("12", 2)):
        for number in range(projects):
            faulty.record("rillsoft", f"{number}", MATTER, RUNS, scope=scope)
        faulty.db.execute(
            f"{LISTING} values "
            "($1, 'rillsoft', 'rillsoft', 'projects', 'verified', 1, 1, 0, $2, $2, 0, 0, 0, 0, 0, 0, 1)",
            [run(RUNS), projects],
        )
        faulty.db.execute(
            "update raw.listings set scope = $1 where provider = 'rillsoft' and scope is null", [scope]
        )
    check = faulty.sql("checks", "listings_match_the_versions")
    assert faulty.db.execute(check).fetchall() == []
    faulty.db.execute("update raw.listings set new = 3 where scope = '12'")
    assert faulty.db.execute(check).fetchall() == [("rillsoft", "12", "projects", 3, 2, 0, 0, 0, 0, 0, 0)]


def test_removals_are_verified_by_a_listing_of_their_own_run(faulty: Raw) -> None:
    faulty.db.execute("delete from raw.listings where connection = 'matter' and removed = 2")
    found = faulty.db.execute(faulty.sql("checks", "removals_are_verified")).fetchall()
    assert [row[3:] for row in found] == [("gone", run(RUNS)), ("lost", run(RUNS))]


def test_a_finding_shows_the_first_rows_and_counts_all(faulty: Raw) -> None:
    for table in ("projects_history", "staging.int_current_projects"):
        faulty.db.execute(
            f"insert into {table} "
            f"select held.* replace (n::text as project_key) from {table} as held, range(9) as _(n)"
        )
    (finding,) = [
        one for one in models.check(faulty.db, faulty.home) if one.name == "project_keys_are_unique"
    ]
    assert finding == models.Finding(
        name="project_keys_are_unique",
        severity="error",
        description="A key is unique in projects.",
        rows=9,
        columns=("project_key", "rows"),
        sample=tuple((str(number), 16) for number in range(5)),
    )


def test_a_status_that_a_user_maps_to_unknown_is_not_reported(raw: Raw) -> None:
    raw.record("matter", "1", {"projectStatus": "PRJ_STATUS_ODD"})
    raw.record("matter", "2", {"projectStatus": "PRJ_STATUS_NEW"})
    (raw.home / "status_mapping.csv").write_text(
        "provider,provider_status,status\nmatter,prj_status_odd,unknown\n"
    )
    raw.build()
    found = raw.rows(raw.sql("checks", "statuses_without_mapping"))
    assert found == [{"provider": "matter", "provider_status": "PRJ_STATUS_NEW", "projects": 1}]


def test_fields_that_vanished_are_shown_once(raw: Raw) -> None:
    for record_id in ("1", "2"):
        raw.record("matter", record_id, MATTER | {"old": 1}, 1, RUNS)
        raw.record("matter", record_id, MATTER, RUNS)
    raw.build()
    assert raw.rows(raw.sql("checks", "fields_that_vanished")) == [{"connection": "matter", "field": "old"}]


def test_time_zones_without_name_are_reported_for_current_versions(raw: Raw) -> None:
    raw.record("fone_dynamics", "1", {"TimeZone": "Mars Time"})
    raw.record("fone_dynamics", "2", {"TimeZone": "Mars Time"})
    raw.record("fone_dynamics", "3", {"TimeZone": "Venus Time"}, 1, 2, "removed")
    raw.build()
    assert raw.rows(raw.sql("checks", "time_zones_without_name")) == [
        {"provider": "fone_dynamics", "provider_time_zone": "Mars Time", "projects": 2}
    ]


def test_values_kept_as_text_are_reported_for_current_versions(raw: Raw) -> None:
    for provider, field, more in (
        ("belltastic", "created_at", {}),
        ("evovoice", "dateCreated", {"customerId": "c"}),
    ):
        for number, fields in enumerate(("soon", "soon", "later")):
            raw.record(provider, f"{number}", {field: fields, "updated_at": "2026-01-01T00:00:00Z", **more})
        raw.record(provider, "gone", {field: "earlier", **more}, 1, 2, "removed")
    raw.build()
    assert raw.rows(raw.sql("checks", "values_kept_as_text")) == [
        {
            "provider": provider,
            "connection": provider,
            "field": field,
            "records": 3,
            "example": "later",
        }
        for provider, field in (("belltastic", "created_at"), ("evovoice", "DateCreated"))
    ]


def test_a_user_adds_a_check(raw: Raw) -> None:
    (raw.home / "sql" / "checks").mkdir(parents=True)
    (raw.home / "sql" / "checks" / "projects_have_names.sql").write_text(
        "-- names are missing\n-- severity: warning\nselect project_key from projects where name is null\n"
    )
    raw.record("matter", "1", {"projectStatus": "PRJ_STATUS_PAUSED"})
    raw.build()
    (finding,) = [one for one in models.check(raw.db, raw.home) if one.name == "projects_have_names"]
    assert (finding.severity, finding.description, finding.sample) == (
        "warning",
        "names are missing",
        (("matter:1",),),
    )
