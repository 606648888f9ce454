"""Rillsoft: each client has its own listing; fields that depend on the caller make no version."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pipelines.commands.sync import Run
from pipelines.common.errors import MalformedAnswer
from pipelines.extract.provider import ErrorBody
from pipelines.providers.rillsoft import error_body, read_page
from pipelines.sandbox import Fault, Sandbox
from tests.support.home import Home, Row, sandbox_settings

DENIED = '{"status":"error","code":403,"message":"Access denied","details":"Insufficient permissions"}'
LOCK = {
    "isReadOnly": True,
    "lockAt": "2026-01-01T12:00:00",
    "lockUserId": 3,
    "lockUserName": "Siân O'Connor",
}


@dataclass(frozen=True)
class Runs:
    """Two runs: in the second, client 12 is denied, a project of 11 locked, one renamed, one of 27 gone."""

    home: Home
    sandbox: Sandbox
    second: Run
    projects: tuple[list[Row], list[Row]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    home = Home(tmp_path_factory.mktemp("home"))
    with Sandbox(projects={"rillsoft": 15}) as sandbox:
        settings = sandbox_settings(sandbox)["rillsoft"]
        home.connect("rillsoft", **settings)
        home.connect("writable", "rillsoft", **settings | {"client_ids": [11]}, permission="ProjectModify")
        home.run()
        before = home.rows("from projects where connection = 'rillsoft'")
        sandbox.faults.add(Fault("rillsoft", match="clients/12/", status=403, body=DENIED))
        sandbox.store("rillsoft", 11).change(1, **LOCK)
        sandbox.store("rillsoft", 11).change(2, name="Renamed", versionId=61)
        sandbox.store("rillsoft", 27).remove(3)
        second = home.run()
        yield Runs(home, sandbox, second, (before, home.rows("from projects where connection = 'rillsoft'")))


def test_a_denied_client_does_not_affect_the_others(runs: Runs) -> None:
    listings = [listing for listing in runs.second.listings if listing.connection == "rillsoft"]
    assert [
        (listing.scope, listing.outcome, listing.unchanged, listing.changed, listing.removed)
        for listing in listings
    ] == [("11", "verified", 4, 1, 0), ("12", "failed", 0, 0, 0), ("27", "verified", 4, 0, 1)]
    assert listings[1].message == (
        "page 1: clients/12/projects answered 403 (403: Access denied, Insufficient permissions): "
        "check the credentials of rillsoft, and what they can access"
    )
    before, after = ([row for row in rows if row["owner_id"] == "12"] for rows in runs.projects)
    assert (after, len(after)) == (before, 5)
    assert "rillsoft:27:3" not in {row["project_key"] for row in runs.projects[1]}


def test_a_lock_is_refreshed_in_place(runs: Runs) -> None:
    before, after = (
        next(row for row in rows if row["project_key"] == "rillsoft:11:1") for rows in runs.projects
    )
    seen_now = {"last_seen_at": "2026-11-02 02:00:00+00"}
    assert after == before | seen_now | {"attributes": before["attributes"] | LOCK}
    assert before["attributes"] != after["attributes"]
    versions = "select record_id from raw.records where connection = 'rillsoft' and scope = '11' order by all"
    assert runs.home.rows(versions) == [{"record_id": key} for key in ("1", "2", "2", "3", "4", "5")]


def test_a_permission_limits_the_projects_listed(runs: Runs) -> None:
    asked = {
        (line.path.removeprefix("/rillsoft/api/v2/"), line.query_string) for line in runs.sandbox.requests
    }
    assert asked == {
        ("clients/11/projects", ""),
        ("clients/12/projects", ""),
        ("clients/27/projects", ""),
        ("clients/11/projects", "permission=ProjectModify"),
    }
    rows = runs.home.rows(
        "select distinct attributes ->> 'isReadOnly' as held from projects where connection = 'writable'"
    )
    assert rows == [{"held": "false"}]


@pytest.mark.parametrize(
    "body",
    [
        *(f'{{"status": "{status}", "details": []}}' for status in ("error", "Success", "warning", "")),
        '{"details": []}',
        '{"status": "success", "details": "none"}',
        '{"status": "success"}',
    ],
)
def test_only_a_success_with_a_list_is_read(body: str) -> None:
    with pytest.raises(MalformedAnswer, match=r"^the answer has no list of projects$"):
        read_page(body.encode())
    assert read_page(b'{"status": "success", "details": [1]}').records == (b"1",)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"status": "success", "message": "done"}', None),
        ('{"status": "error"}', None),
        ('{"status": "error", "message": "no", "code": 7, "details": "why"}', ErrorBody("7", "no, why")),
        ('{"status": "warning", "message": "no", "details": []}', ErrorBody("", "no")),
        ('{"status": "aborted", "message": "no", "details": null}', ErrorBody("", "no")),
        ('{"message": "no"}', ErrorBody("", "no")),
    ],
)
def test_an_error_says_why(body: str, expected: ErrorBody | None) -> None:
    assert error_body(body.encode()) == expected
