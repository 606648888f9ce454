"""The published history: what begins a version, its `change`, and its `changed_columns`."""

import json
import random
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

import pytest

from pipelines.extract.provider import find_providers
from pipelines.transform import build as models
from tests.transform.raw import RUNS, Given, Raw, Row, run

# The columns that projects has and its history does not.
OF_PROJECTS = {
    "status_since",
    "first_seen_at",
    "changed_at",
    "last_seen_at",
    "last_activity_at",
    "is_held_back",
}
VERSION = "version, valid_from, valid_to, is_current, change, end_reason, changed_columns"
NUMBERS = {run(number): number for number in range(1, RUNS + 1)} | {None: None}


given = Given()


@pytest.fixture(scope="module")
def history(shared_raw: Raw) -> Raw:
    """The warehouse with the rows of all tests of this module."""
    return given.build(shared_raw)


def versions(raw: Raw, key: str, columns: str = "name") -> list[tuple[object, ...]]:
    """Every version of a project: those columns, then its own with runs as numbers."""
    found = raw.rows(
        f"select {columns}, {VERSION} from projects_history where project_key = $1 order by version", key
    )
    return [tuple(_numbered(row).values()) for row in found]


def changes(raw: Raw, key: str) -> list[tuple[object, ...]]:
    """The rows of a project in `project_changes`."""
    found = raw.rows(
        "select changed_at, change, column_name, old_value, new_value from project_changes "
        "where project_key = $1 order by all",
        key,
    )
    return [tuple(_numbered(row).values()) for row in found]


def _numbered(row: Row) -> Row:
    times = ("valid_from", "valid_to", "changed_at")
    return {column: NUMBERS[value] if column in times else value for column, value in row.items()}


@given
def renamed(raw: Raw) -> None:
    raw.record("matter", "renamed", {"name": "Old", "projectStatus": "PRJ_STATUS_ON_GOING"}, 1, 3)
    raw.record("matter", "renamed", {"name": "New", "projectStatus": "PRJ_STATUS_COMPLETE"}, 3, 4)
    raw.record(
        "matter", "renamed", {"name": "New", "projectStatus": "PRJ_STATUS_COMPLETE", "description": ""}, 4
    )


def test_a_version_begins_if_a_published_column_changes(history: Raw) -> None:
    assert versions(history, "matter:renamed") == [
        ("Old", 1, 1, 3, False, "created", "changed", []),
        ("New", 2, 3, 4, False, "changed", "changed", ["name", "status", "is_open", "provider_status"]),
        ("New", 3, 4, None, True, "changed", None, ["description"]),
    ]
    assert changes(history, "matter:renamed") == [
        (1, "created", None, None, None),
        (3, "changed", "is_open", "true", "false"),
        (3, "changed", "name", "Old", "New"),
        (3, "changed", "provider_status", "PRJ_STATUS_ON_GOING", "PRJ_STATUS_COMPLETE"),
        (3, "changed", "status", "active", "completed"),
        (4, "changed", "description", None, ""),
    ]
    found = history.project("matter:renamed")
    assert (found["version"], found["first_seen_at"], found["changed_at"]) == (3, run(1), run(4))


@given
def mill(raw: Raw) -> None:
    raw.record("matter", "mill", {"name": "Mill", "internal": 1}, 1, 2)
    raw.record("matter", "mill", {"internal": 2, "name": "Mill"}, 2, 4)
    raw.record("matter", "mill", {"name": "Old mill", "internal": 2}, 4, 5)
    raw.record("matter", "mill", {"name": "Old mill", "internal": 3}, 5, 7, "removed")


def test_versions_that_differ_in_unpublished_fields_merge(history: Raw) -> None:
    assert versions(history, "matter:mill") == [
        ("Mill", 1, 1, 4, False, "created", "changed", []),
        ("Old mill", 2, 4, 7, False, "changed", "removed", ["name"]),
    ]
    assert history.rows("from projects where project_id = 'mill'") == []


@given
def locked(raw: Raw) -> None:
    def project(number: int, **lock: object) -> dict[str, object]:
        return {"name": "Bridge", "unpublished": number, "folderId": 7} | lock

    raw.record("rillsoft", "locked", project(1, isReadOnly=True, lockUserName="Jane"), 1, 2, scope="1")
    raw.record("rillsoft", "locked", project(2, isReadOnly=False, lockAt="2026-11-02T00:00:00"), 2, scope="1")


def test_a_lock_is_published_without_a_new_version(history: Raw) -> None:
    attributes = '{"folderId":7,"isReadOnly":false,"lockAt":"2026-11-02T00:00:00"}'
    assert versions(history, "rillsoft:1:locked", "attributes") == [
        (attributes, 1, 1, None, True, "created", None, [])
    ]


def test_volatile_attributes_are_those_that_providers_declare(history: Raw) -> None:
    declared = {name for provider in find_providers(history.home).values() for name in provider.volatile}
    told_apart = history.db.execute(
        "select name, staging.is_volatile(name) from (select unnest($1) as name)", [[*declared, "notes"]]
    ).fetchall()
    # The link of an EvoVoice file is a column, not an attribute.
    assert {name for name, is_volatile in told_apart if is_volatile} == declared - {"uri", "Uri"}


def test_refreshing_volatile_fields_alters_no_published_change(raw: Raw) -> None:
    raw.record("rillsoft", "1", {"notes": "a", "isReadOnly": True}, 1, 2, scope="1")
    raw.record("rillsoft", "1", {"notes": "b", "isReadOnly": True}, 2, scope="1")
    raw.build()
    before = changes(raw, "rillsoft:1:1")
    raw.db.execute(
        "update raw.records set payload = replace(payload::text, 'true', 'false') where valid_to is null"
    )
    raw.build()
    assert changes(raw, "rillsoft:1:1") == before
    (attributes,) = raw.db.execute("select attributes from projects").fetchall()
    assert attributes == ('{"notes":"b","isReadOnly":false}',)


@given
def noted(raw: Raw) -> None:
    raw.record("rillsoft", "noted", {"notes": "a", "lockUserId": 1}, 1, 2, scope="1")
    raw.record("rillsoft", "noted", {"notes": "b", "lockUserId": 2}, 2, scope="1")


def test_an_attribute_makes_a_version(history: Raw) -> None:
    assert versions(history, "rillsoft:1:noted", "project_id")[1:] == [
        ("noted", 2, 2, None, True, "changed", None, ["attributes"])
    ]
    assert changes(history, "rillsoft:1:noted")[1:] == [
        (2, "changed", "attributes", '{"notes":"a"}', '{"notes":"b"}')
    ]


@given
def spelled(raw: Raw) -> None:
    raw.record(
        "matter",
        "spelled",
        '{"name": "Caf\\u00e9", "logoUrl": {"referenceUrl": "/a", "originalUrl": "b"}, "x": 1}',
        1,
        2,
    )
    raw.record(
        "matter",
        "spelled",
        '{"x":2,"logoUrl":{"originalUrl":"b","referenceUrl":"/a"},"name":"Cafe\\u0301"}',
        2,
    )
    raw.record("belltastic", "spelled", {"created_at": "2026-01-01T00:00:00Z", "x": 1}, 1, 2)
    raw.record("belltastic", "spelled", {"created_at": "2026-01-01T01:00:00.000+01:00", "x": 2}, 2)


def test_spelling_makes_no_version(history: Raw) -> None:
    assert versions(history, "matter:spelled", "project_id") == [
        ("spelled", 1, 1, None, True, "created", None, [])
    ]
    assert versions(history, "belltastic:spelled", "project_id") == [
        ("spelled", 1, 1, None, True, "created", None, [])
    ]


def test_a_version_keeps_its_first_spelling(history: Raw) -> None:
    assert history.project("matter:spelled")["name"] == "Caf\u00e9"
    (created,) = history.rows("select name from project_changes where project_key = 'matter:spelled'")
    assert created == {"name": "Caf\u00e9"}


@given
def returned(raw: Raw) -> None:
    raw.record("belltastic", "returned", {"name": "Bell", "team_id": 1}, 1, 2, "removed")
    raw.record("belltastic", "returned", {"name": "Bell", "team_id": 1}, 4, 6, "removed")
    raw.record("belltastic", "returned", {"name": "Chime", "team_id": 1}, 7)


def test_a_project_that_returns_begins_a_version_even_unchanged(history: Raw) -> None:
    assert versions(history, "belltastic:returned") == [
        ("Bell", 1, 1, 2, False, "created", "removed", []),
        ("Bell", 2, 4, 6, False, "returned", "removed", []),
        ("Chime", 3, 7, None, True, "returned", None, ["name"]),
    ]
    assert changes(history, "belltastic:returned") == [
        (1, "created", None, None, None),
        (2, "removed", None, None, None),
        (4, "returned", None, None, None),
        (6, "removed", None, None, None),
        (7, "returned", None, None, None),
    ]
    found = history.project("belltastic:returned")
    assert (found["version"], found["first_seen_at"], found["changed_at"]) == (3, run(1), run(7))


@given
def timed(raw: Raw) -> None:
    before = {"start": "2026-01-01T09:00:00", "priority": 1, "isTemplate": True, "versionId": 9}
    after = {"start": "2026-01-01T09:00:00.5", "priority": 1.5, "isTemplate": False, "versionId": 10}
    raw.connect("rillsoft", "rillsoft", None)
    raw.record("rillsoft", "timed", before, 1, 2, scope="1")
    raw.record("rillsoft", "timed", after, 2, scope="1")


def test_changed_times_and_numbers_are_written_as_text(history: Raw) -> None:
    assert changes(history, "rillsoft:1:timed")[1:] == [
        (2, "changed", "is_template", "true", "false"),
        (2, "changed", "priority", "1.0", "1.5"),
        (2, "changed", "source_version", "9", "10"),
        (2, "changed", "starts_at", "2026-01-01T09:00:00Z", "2026-01-01T09:00:00.500000Z"),
    ]


TOY = """
select
    'toy:1' as project_key, 'toy' as connection, 'toy' as provider, '1' as project_id, 'a' as kind,
    timestamptz '2026-11-01 02:00:00Z' as valid_from, timestamptz '2026-11-02 02:00:00Z' as valid_to,
    'changed' as end_reason, timestamptz '2026-11-01 02:00:00Z' as last_seen_at
union all by name
select
    'toy:1' as project_key, 'toy' as connection, 'toy' as provider, '1' as project_id, 'b' as kind,
    'b' as name, 'b' as description, 'b' as code, 'b' as provider_status, 'b' as phase, 'b' as category,
    1 as priority,
    'b' as client_id, 'b' as client_name, 'b' as owner_id, 'b' as owner_name, 'b' as parent_key, 'b' as path,
    'b' as domain, 'b' as logo_url, 'b' as city, 'b' as region, 'b' as country, 'b' as time_zone,
    true as is_archived, true as is_template, true as is_default,
    '2026-01-01 00:00:00Z' as created_at, '2026-01-01 00:00:00Z' as updated_at,
    '2026-01-01 00:00:00Z' as starts_at, '2026-01-01 00:00:00Z' as finishes_at,
    '2026-01-01 00:00:00Z' as archived_at, 'b' as created_by,
    'b' as source_version, '{"b":1}' as attributes, timestamptz '2026-11-02 02:00:00Z' as valid_from,
    timestamptz '2026-11-02 02:00:00Z' as last_seen_at
"""


def test_every_published_column_can_be_seen_to_change(raw: Raw) -> None:
    (raw.home / "sql" / "staging").mkdir(parents=True)
    (raw.home / "sql" / "staging" / "stg_toy__projects.sql").write_text(TOY)
    (raw.home / "status_mapping.csv").write_text("provider,provider_status,status\ntoy,B,active\n")
    raw.build()
    fixed = {"project_key", "connection", "provider", "project_id"}
    ours = OF_PROJECTS | {"version"}
    published = [row["column_name"] for row in raw.rows("describe projects")]
    comparable = [column for column in published if column not in fixed | ours]
    assert versions(raw, "toy:1", "status")[1] == ("active", 2, 2, None, True, "changed", None, comparable)
    changed_to = {column: new for _, _, column, _, new in changes(raw, "toy:1") if column}
    assert changed_to == dict.fromkeys(comparable, "b") | {
        "status": "active",
        "priority": "1.0",
        "attributes": '{"b":1}',
        **{column: "true" for column in comparable if column.startswith("is_")},
        **{column: "2026-01-01T00:00:00Z" for column in comparable if column.endswith("_at")},
    }


@given
def whole(raw: Raw) -> None:
    raw.record("evovoice", "whole", {"id": "whole"}, 1, 2)
    texts = (
        "type",
        "accountId",
        "accountName",
        "customerId",
        "customerName",
        "userId",
        "userName",
        "fileName",
    )
    more = ("uri", "contentType", "recordingSid", "recordingFrom", "transcription", "aiTranscription")
    others = ("fromAddress", "toAddress", "createdBy", "lastModifiedBy")
    payload = dict.fromkeys((*texts, *more, *others), "b") | dict.fromkeys(
        ("contentLength", "recordingDuration"), 1
    )
    times = dict.fromkeys(("dateCreated", "dateLastModified"), "2026-01-01T00:00:00Z")
    raw.record("evovoice", "whole", {"id": "whole", "customerBreadcrumb": [], **payload, **times}, 2)


def test_every_published_column_of_files_can_be_seen_to_change(history: Raw) -> None:
    fixed = {"file_key", "connection", "provider", "file_id", "uri"}
    ours = OF_PROJECTS | {"version"}
    published = [row["column_name"] for row in history.rows("describe files")]
    comparable = [column for column in published if column not in fixed | ours]
    assert history.row(
        "select changed_columns from files_history where version = 2 and file_id = 'whole'"
    ) == {"changed_columns": comparable}


@given
def linked(raw: Raw) -> None:
    raw.record("evovoice", "linked", {"id": "linked", "uri": "https://a", "customerId": "c", "x": 1}, 1, 2)
    raw.record("evovoice", "linked", {"id": "linked", "uri": "https://b", "customerId": "c", "x": 2}, 2, 3)
    raw.record(
        "evovoice",
        "linked",
        {"id": "linked", "uri": "https://c", "customerId": "c", "transcription": "words"},
        3,
    )


def test_a_link_makes_no_version_of_a_file(history: Raw) -> None:
    found = history.rows(
        f"select uri, {VERSION} from files_history where file_id = 'linked' order by version"
    )
    assert [tuple(_numbered(row).values()) for row in found] == [
        ("https://b", 1, 1, 3, False, "created", "changed", []),
        ("https://c", 2, 3, None, True, "changed", None, ["transcription"]),
    ]
    file = history.row(
        "select uri, version, first_seen_at, changed_at, last_seen_at from files where file_id = 'linked'"
    )
    assert tuple(file.values()) == ("https://c", 2, run(1), run(3), run(RUNS))


SHARED = "select project_key, owner_id, name from projects where project_id = 'shared' order by project_key"


@given
def shared(raw: Raw) -> None:
    raw.record("matter", "shared", {"name": "A"}, connection="east")
    raw.record("matter", "shared", {"name": "B"}, connection="west")
    raw.record("rillsoft", "shared", {"name": "C"}, scope="7")
    raw.record("rillsoft", "shared", {"name": "D"}, scope="8")


def test_an_id_at_two_connections_and_two_clients_is_four_projects(history: Raw) -> None:
    assert history.rows(SHARED) == [
        {"project_key": "east:shared", "owner_id": None, "name": "A"},
        {"project_key": "rillsoft:7:shared", "owner_id": "7", "name": "C"},
        {"project_key": "rillsoft:8:shared", "owner_id": "8", "name": "D"},
        {"project_key": "west:shared", "owner_id": None, "name": "B"},
    ]


@given
def listed(raw: Raw) -> None:
    raw.record("matter", "listed", {"name": "Old"}, 1, 3)
    raw.record("matter", "listed", {"name": "New"}, 3)
    raw.record("matter", "gone", {"name": "Gone"}, 1, 2, "removed")


def test_projects_as_of_a_run_are_what_it_listed(history: Raw) -> None:
    query = (
        "select name, version from projects_as_of($1) where project_id in ('listed', 'gone') "
        "order by project_id desc"
    )
    just_before = run(1) - timedelta(seconds=1)
    assert [
        [tuple(row.values()) for row in history.rows(query, at)]
        for at in (just_before, run(1), run(2), run(3))
    ] == [
        [],
        [("Old", 1), ("Gone", 1)],
        [("Old", 1)],
        [("New", 2)],
    ]
    as_of = {
        row["column_name"] for row in history.rows("describe from projects_as_of('2026-11-01T02:00:00Z')")
    }
    now = {row["column_name"] for row in history.rows("describe projects")}
    assert now - as_of == OF_PROJECTS
    assert as_of - now == {"valid_from", "valid_to"}


@given
def named(raw: Raw) -> None:
    raw.record("matter", "named", {"name": "Old"}, 1, 3)
    raw.record("matter", "named", {"name": "New"}, 3, 4, "removed")


def test_projects_changed_between_two_runs_carry_their_names(history: Raw) -> None:
    query = (
        "select changed_at, project_key, name, change, column_name, old_value, new_value "
        "from projects_changed_between($1, $2) where project_key = 'matter:named'"
    )
    assert [tuple(_numbered(row).values()) for row in history.rows(query, run(2), run(5))] == [
        (3, "matter:named", "New", "changed", "name", "Old", "New"),
        (4, "matter:named", "New", "removed", None, None, None),
    ]
    assert history.rows(query, run(4), run(4)) == []


class Stated(NamedTuple):
    """A raw version of one record, by numbers of runs."""

    begun: int
    ended: int | None
    name: str
    unpublished: int


def drawn_life(chance: random.Random) -> list[Stated]:
    """Raw versions of one record: it changes in published or other fields, is removed, and returns."""
    cuts = sorted(chance.sample(range(1, RUNS + 1), chance.randint(1, 7)))
    return [
        Stated(begun, ended, chance.choice("AB"), begun)
        for begun, ended in pairwise([*cuts, None])
        if begun is not None and chance.random() < 0.8
    ]


def modelled(life: list[Stated]) -> list[tuple[object, ...]]:
    """The versions that should be published: the rules of history in plain Python."""
    published: list[list[object]] = []
    before: Stated | None = None
    for stated in life:
        follows = before is not None and before.ended == stated.begun
        if before is not None and follows and before.name == stated.name:
            published[-1][3] = stated.ended
        else:
            change = "created" if before is None else "changed" if follows else "returned"
            differs = ["name"] if before is not None and before.name != stated.name else []
            published.append([stated.name, len(published) + 1, stated.begun, stated.ended, change, differs])
        before = stated
    return [tuple(version) for version in published]


_CHANCE = random.Random(20261102)
LIVES = {str(number): drawn_life(_CHANCE) for number in range(200)}


@given
def lives(raw: Raw) -> None:
    for record_id, life in LIVES.items():
        for stated in life:
            follows = any(other.begun == stated.ended for other in life)
            reason = "changed" if follows else "removed"
            payload = {"name": stated.name, "unpublished": stated.unpublished}
            raw.record("matter", record_id, payload, stated.begun, stated.ended, reason)


def test_histories_are_those_of_the_model(history: Raw) -> None:
    columns = "project_id, name, version, valid_from, valid_to, change, changed_columns"
    found = history.rows(f"select {columns} from projects_history where provider = 'matter'")
    for record_id, life in LIVES.items():
        published = [tuple(_numbered(row).values())[1:] for row in found if row["project_id"] == record_id]
        assert published == modelled(life)
    attributes = "select attributes from projects where try_cast(project_id as integer) is not null limit 1"
    assert json.loads(history.row(attributes)["attributes"]) == {}


def test_an_erased_project_is_unknown_and_counted_nowhere(raw: Raw) -> None:
    providers = ("belltastic", "evovoice", "fone_dynamics", "matter", "rillsoft")
    for provider in providers:
        pseudonym = f"forgotten-{provider}"
        fields = {"customerId": pseudonym} if provider == "evovoice" else {}
        raw.record(provider, pseudonym, fields, scope="11" if provider == "rillsoft" else None)
        raw.record(provider, "2", {"customerId": "c2"}, scope="11" if provider == "rillsoft" else None)
        raw.db.execute("insert into raw.forgotten values ($1, $2, true, now())", [pseudonym, provider])
    raw.build()
    erased = raw.rows("from projects_history where contains(project_key, 'forgotten') order by provider")
    assert [row["provider"] for row in erased] == [*providers]
    for row in erased:
        assert {name for name, value in row.items() if value not in (None, [], "{}")} == {
            *("project_key", "connection", "provider", "project_id", "kind", "status"),
            *("version", "valid_from", "is_current", "change"),
        }
        assert row["status"] == "unknown"
    for listed in ("projects", "files", "projects_as_of(now())"):
        assert raw.rows(f"from {listed} where contains(project_key, 'forgotten')") == []
    models.refuse_broken(models.check(raw.db, raw.home))
