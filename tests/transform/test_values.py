"""The tables are built from any payload, and a value that does not fit its column stays as text."""

import json

import pytest

from tests.transform.raw import Raw, Row


@pytest.fixture(scope="module")
def built(shared_raw: Raw) -> Raw:
    raw = shared_raw
    for case, (provider, payload, _) in CASES.items():
        raw.record(provider, case, payload, scope="1" if provider == "rillsoft" else None)
    for place, (provider, text) in enumerate(HOSTILE):
        raw.record(provider, f"hostile {place}", text, scope="1" if provider == "rillsoft" else None)
    raw.connect("rillsoft", "rillsoft")
    raw.connect("lost", "rillsoft", "Mars/Olympus")
    raw.record("rillsoft", "1", {"start": "2026-01-01T00:00:00"}, scope="1", connection="lost")
    raw.build()
    return raw


CASES: dict[str, tuple[str, dict[str, object], Row]] = {
    "empty, null and absent": (
        "rillsoft",
        {"name": "", "description": None, "code": "", "notes": "", "lockAt": None},
        {"name": "", "description": None, "code": "", "category": None, "attributes": {"notes": ""}},
    ),
    "times that .NET has not set": (
        "rillsoft",
        {
            "start": "0001-01-01T00:00:00",
            "finish": "0001-01-01T00:00:00.0000000+01:00",
            "createdAt": "/Date(-62135596800000-0000)/",
        },
        {"starts_at": None, "finishes_at": None, "created_at": None, "attributes": {}},
    ),
    "a time that only looks like an unset one": (
        "rillsoft",
        {"start": "0001-01-01T00:00:01"},
        {"attributes": {}},
    ),
    "a status that defers": (
        "rillsoft",
        {"status": "Zurückgestellt"},
        {"status": "on_hold", "is_open": True},
    ),
    "an unknown creator": (
        "rillsoft",
        {"createdUserId": -1, "createdUserName": "nobody"},
        {"created_by": None, "attributes": {"createdUserId": -1}},
    ),
    "an unknown creator, as a decimal": (
        "rillsoft",
        {"createdUserId": -1.0, "createdUserName": "x"},
        {"created_by": None},
    ),
    "a creator without an id": ("rillsoft", {"createdUserName": "Ada"}, {"created_by": "Ada"}),
    "times that do not exist": (
        "rillsoft",
        {"start": "2026-02-30T09:00:00", "finish": "soon", "createdAt": 5},
        {
            "starts_at": None,
            "finishes_at": None,
            "created_at": None,
            "attributes": {"start": "2026-02-30T09:00:00", "finish": "soon", "createdAt": "5"},
        },
    ),
    "a priority that is a text": (
        "rillsoft",
        {"priority": "high", "isTemplate": "yes"},
        {"priority": None, "is_template": None, "attributes": {"priority": "high", "isTemplate": "yes"}},
    ),
    "a priority beyond a double": (
        "rillsoft",
        {"priority": 12345678901234567},
        {"priority": None, "attributes": {"priority": "12345678901234567"}},
    ),
    "a priority that is a number in quotes": (
        "rillsoft",
        {"priority": "-2.50"},
        {"priority": -2.5, "attributes": {}},
    ),
    "an object for a name": (
        "rillsoft",
        {"name": {"de": "Haus"}, "code": [1, 2]},
        {"name": '{"de":"Haus"}', "code": "[1,2]"},
    ),
    "numbers for texts": (
        "rillsoft",
        {"code": 7, "versionId": 2**70},
        {"code": "7", "source_version": str(2**70)},
    ),
    "a status of the catalogue in another case": (
        "rillsoft",
        {"status": "  in ARBEIT "},
        {"provider_status": "  in ARBEIT ", "status": "active"},
    ),
    "a status that is not mapped": (
        "rillsoft",
        {"status": "Ruht"},
        {"provider_status": "Ruht", "status": "unknown"},
    ),
    "no status": ("matter", {}, {"provider_status": None, "status": "unknown", "is_open": None}),
    "a paused project": (
        "matter",
        {"projectStatus": "PRJ_STATUS_PAUSED"},
        {"status": "on_hold", "is_open": True},
    ),
    "a completed project": (
        "matter",
        {"projectStatus": "PRJ_STATUS_COMPLETE"},
        {"status": "completed", "is_open": False},
    ),
    "two logos": (
        "matter",
        {"logoUrl": {"referenceUrl": "/b", "originalUrl": "https://a", "size": None}},
        {
            "logo_url": "https://a",
            "attributes": {"logoUrl": {"originalUrl": "https://a", "referenceUrl": "/b", "size": None}},
        },
    ),
    "no object for a logo": (
        "matter",
        {"logoUrl": "/b"},
        {"logo_url": None, "attributes": {"logoUrl": "/b"}},
    ),
    "a location that is a text": (
        "matter",
        {"location": "Quebec"},
        {"city": None, "attributes": {"location": "Quebec"}},
    ),
    "a location in part": (
        "matter",
        {"location": {"city": {"a": 1}, "region": ""}},
        {"city": '{"a":1}', "region": "", "country": None, "attributes": {}},
    ),
    "an update with an offset": (
        "matter",
        {"lastUpdated": "2026-01-01T00:00:00+01:00"},
        {"updated": "2025-12-31T23:00:00Z", "attributes": {}},
    ),
    "an update without an offset": (
        "matter",
        {"lastUpdated": "2026-01-01"},
        {"updated": None, "attributes": {"lastUpdated": "2026-01-01"}},
    ),
    "an inactive property": ("fone_dynamics", {"Active": False}, {"status": "inactive", "is_open": False}),
    "an activity that is no boolean": (
        "fone_dynamics",
        {"Active": 1},
        {"status": "unknown", "provider_status": "1", "is_open": None, "attributes": {"Active": "1"}},
    ),
    "an unknown time zone": (
        "fone_dynamics",
        {"TimeZone": "Middle-earth Standard Time"},
        {"time_zone": None, "attributes": {"TimeZone": "Middle-earth Standard Time"}},
    ),
    "a time zone of IANA's": (
        "fone_dynamics",
        {"TimeZone": "Europe/Zurich"},
        {"time_zone": "Europe/Zurich", "attributes": {"TimeZone": "Europe/Zurich"}},
    ),
    "an archived project": (
        "belltastic",
        {"deleted_at": "2021-12-04T11:35:56+00:00", "default": True},
        {
            "status": "archived",
            "provider_status": "archived",
            "is_open": False,
            "is_archived": True,
            "is_default": True,
        },
    ),
    "a project with an empty time of deletion": (
        "belltastic",
        {"deleted_at": ""},
        {"status": "active", "is_archived": False, "archived_at": None, "attributes": {"deleted_at": ""}},
    ),
    "a project that says false": (
        "belltastic",
        {"deleted_at": False},
        {"status": "active", "is_archived": False},
    ),
    "a project with another time of deletion": (
        "belltastic",
        {"deleted_at": "yesterday"},
        {
            "status": "archived",
            "is_archived": True,
            "archived_at": None,
            "attributes": {"deleted_at": "yesterday"},
        },
    ),
    "a large team": (
        "belltastic",
        {"team_id": 12345678901234567890123},
        {"owner_id": "12345678901234567890123"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_payload_gives_these_columns(built: Raw, case: str) -> None:
    found = built.row(
        "select *, staging.timestamp_text(updated_at) as updated from projects where project_id = $1", case
    )
    found["attributes"] = json.loads(found["attributes"])
    expected = CASES[case][2]
    assert {column: found[column] for column in expected} == expected


HOSTILE = [
    (provider, payload)
    for provider in ("fone_dynamics", "matter", "rillsoft", "belltastic", "evovoice")
    for payload in (
        "{}",
        "[]",
        "null",
        '"text"',
        "-1e400",
        '{"name": "a\\u0000b", "Name": "\\u0000", "customerName": "\\u0000"}',
        '{"name": [[[{}]]], "Name": {"a": [null]}, "location": [1], "logoUrl": [], "TimeZone": {"a": 1}}',
        '{"priority": 1e999, "start": true, "finish": [], "isTemplate": {}, "createdUserId": {"a": -1}}',
        '{"created_at": 1e999, "deleted_at": false, "default": "\\u0000", "team_id": []}',
        '{"hmac_required": {"a": [null]}}',
        '{"id": {}, "customerId": [], "accountId": {}, "contentLength": 1e999, "dateCreated": {}}',
        '{"id": 1, "customerId": "c", "customerBreadcrumb": "c", "contentLength": 0.5}',
        '{"id": 1, "customerId": "d", "customerBreadcrumb": [null, 1, [], {}, {"id": null}, {"id": {}}]}',
        '{"id": 1, "customerId": "e", "customerBreadcrumb": {"id": "e"}, "recordingDuration": "x"}',
        '{"id": 1, "contentLength": 99999999999999999999, "recordingDuration": -99999999999999999999}',
        '{"logoUrl": {"": 1, "/": 2, "~": 3, "a\\"b": {"z": 1, "a": 2}, "a": null, "a": 5}, "lockAt": {}}',
        '{"status": "\\ud83d\\ude00", "projectStatus": ["PRJ_STATUS_PAUSED"], "Active": "TRUE", "name": "'
        + "x" * 100_000
        + '"}',
        '{"name": "a", "name": "b", "NAME": "c", "valid_from": 1, "project_key": "x", "_dlt_id": "; drop"}',
    )
]


def test_an_odd_payload_does_not_stop_the_build(built: Raw) -> None:
    files = built.row("select count(*) as count from files where file_id like 'hostile%'")
    projects = built.row("select count(*) as count from projects where project_id like 'hostile%'")
    assert (files["count"], projects["count"]) == (len(HOSTILE) // 5, len(HOSTILE) // 5 * 4)
    assert built.rows("from projects where not json_valid(attributes)") == []


def test_unreadable_values_of_files_are_null(built: Raw) -> None:
    found = built.rows(
        """
        select content_length, recording_duration, created_at from files
        where content_length is not null or recording_duration is not null or created_at is not null
        """
    )
    assert found == []


def test_times_of_an_unknown_zone_stay_text(built: Raw) -> None:
    found = built.row("select starts_at, attributes from projects where connection = 'lost'")
    assert found == {"starts_at": None, "attributes": '{"start":"2026-01-01T00:00:00"}'}


def test_values_that_do_not_fit_are_reported(raw: Raw) -> None:
    raw.record("rillsoft", "1", {"start": "soon", "priority": "high"}, scope="1")
    raw.record("rillsoft", "2", {"start": "later"}, scope="1")
    raw.record("rillsoft", "3", {"start": "corrected since"}, 1, 2, scope="1")
    raw.record("evovoice", "f", {"id": "f", "dateCreated": "once", "contentLength": 1.5})
    raw.build()
    found = raw.rows((raw.check("values_kept_as_text")).sql)
    assert [tuple(row.values()) for row in found] == [
        ("evovoice", "evovoice", "ContentLength", 1, "1.5"),
        ("evovoice", "evovoice", "DateCreated", 1, "once"),
        ("rillsoft", "rillsoft", "priority", 1, "high"),
        ("rillsoft", "rillsoft", "start", 2, "later"),
    ]


@pytest.mark.parametrize(
    ("text", "sorted_text"),
    [
        (
            '{ "b" : 1.50, "a/~" : [2, 1], "\\u00e9": {"d":1, "c":2} }',
            '{"a/~":[2,1],"b":1.5,"é":{"d":1,"c":2}}',
        ),
        (
            '{ "a/~" : [2, 1], "b" : 1.50, "\\u00e9": {"d":1, "c":2} }',
            '{"a/~":[2,1],"b":1.5,"é":{"d":1,"c":2}}',
        ),
        ('{"a": 1}', '{"a":1}'),
        ("{}", "{}"),
        ("[2, 1]", "[2,1]"),
        ('"b"', '"b"'),
        ("null", None),
    ],
)
def test_an_object_is_written_with_its_keys_in_order(
    shared_raw: Raw, text: str, sorted_text: str | None
) -> None:
    """Also one whose keys came in order, which is not put together again."""
    columns = """from_json('{"x": ' || $1 || '}', '{"x": "JSON"}')"""
    rows = shared_raw.db.execute(f"select staging.sorted_object(({columns}).x)", [text]).fetchall()
    assert rows == [(sorted_text,)]
