"""The simulated Belltastic, compared with the vendor's page."""

from types import NoneType

import pytest

from tests.support.samples import BELLTASTIC

SECOND = BELLTASTIC | {"id": 2, "name": "Second project", "default": True}
NOW = "2021-12-11T13:13:09+00:00"
NOT_FOUND = (404, {"message": "Not found."})


def answered(response) -> tuple[int, object]:
    return response.status_code, response.json()


@pytest.fixture
def api(empty, connect):
    empty.store("belltastic").put(BELLTASTIC)
    return connect(empty, "belltastic")


def test_reads_are_answered_as_the_vendor_documents_them(empty, api):
    empty.store("belltastic").put(SECOND)
    assert answered(api.get("/projects")) == (200, [BELLTASTIC, SECOND])
    assert answered(api.get("/project/1")) == (200, BELLTASTIC)


def test_an_empty_account_lists_no_projects(empty, connect):
    assert answered(connect(empty, "belltastic").get("/projects")) == (200, [])


def test_a_listing_is_complete(sandbox, connect):
    assert connect(sandbox, "belltastic").get("/projects").json() == sandbox.store("belltastic").records()


def test_records_have_the_documented_fields(sandbox, types_by_field):
    records = sandbox.store("belltastic").records()
    assert types_by_field(records) == {
        "id": {int},
        "name": {str},
        "default": {bool},
        "hmac_required": {bool},
        "team_id": {int},
        "created_at": {str},
        "updated_at": {str},
        "deleted_at": {str, NoneType},
    }
    assert {record["team_id"] for record in records} == {1, 2, 5}
    assert {record["default"] for record in records} == {True, False}


def test_a_created_project_is_answered_as_the_vendor_documents_it(empty, api):
    given = {"team_id": 1, "name": "Second project", "hmac_required": True}
    created = {
        "id": 2,
        "team_id": 1,
        "name": "Second project",
        "default": False,
        "hmac_required": True,
        "created_at": NOW,
        "updated_at": NOW,
        "deleted_at": None,
    }
    answer = api.request("POST", "/projects", json=given)
    assert answered(answer) == (201, {"message": "Project created.", "data": created})
    assert empty.store("belltastic").records() == [BELLTASTIC, created]


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        (
            {"team_id": 54234, "name": "Second project"},
            {"team_id": ["You cannot create projects for this team."]},
        ),
        (
            {},
            {"team_id": ["The team id field is required."], "name": ["The name field is required."]},
        ),
        (
            {"team_id": "1", "name": 7},
            {"team_id": ["The team id must be an integer."], "name": ["The name must be a string."]},
        ),
        (
            {"team_id": 1, "name": "n" * 256},
            {"name": ["The name may not be greater than 255 characters."]},
        ),
        (
            {"team_id": 1, "name": "n", "default": "yes", "hmac_required": None},
            {
                "default": ["The default field must be true or false."],
                "hmac_required": ["The hmac required field must be true or false."],
            },
        ),
    ],
)
def test_an_invalid_creation_is_refused_with_its_errors(empty, api, given, errors):
    answer = api.request("POST", "/projects", json=given)
    assert answered(answer) == (422, {"message": "The given data was invalid.", "errors": errors})
    assert empty.store("belltastic").records() == [BELLTASTIC]


def test_a_body_that_is_not_an_object_lacks_every_field(api):
    answer = api.request("POST", "/projects", data="[1]")
    assert set(answer.json()["errors"]) == {"team_id", "name"}


def test_name_of_255_characters(api):
    answer = api.request("POST", "/projects", json={"team_id": 5, "name": "ü" * 255})
    assert answer.json()["data"]["name"] == "ü" * 255


def test_an_updated_project_is_answered_as_the_vendor_documents_it(empty, api):
    changed = BELLTASTIC | {"name": "New name", "updated_at": NOW}
    answer = api.request("PUT", "/project/1", json={"name": "New name"})
    assert answered(answer) == (200, {"message": "Project updated.", "data": changed})
    assert empty.store("belltastic").records() == [changed]


def test_update_of_flags_leaves_the_team(api):
    answer = api.request("PUT", "/project/1", json={"default": True, "hmac_required": True, "team_id": 2})
    assert answer.json()["data"] == BELLTASTIC | {"default": True, "hmac_required": True, "updated_at": NOW}


@pytest.mark.parametrize("name", ["", None])
def test_an_invalid_name_is_refused_in_an_update(empty, api, name):
    answer = api.request("PUT", "/project/1", json={"name": name})
    errors = {"name": ["The name field is required."]}
    assert answered(answer) == (422, {"message": "The given data was invalid.", "errors": errors})
    assert empty.store("belltastic").records() == [BELLTASTIC]


def test_archive_sets_deleted_at_once(empty, api):
    archived = BELLTASTIC | {"updated_at": NOW, "deleted_at": NOW}
    assert answered(api.request("PUT", "/project/1/archive")) == (
        200,
        {"message": "Project archived.", "data": archived},
    )
    before = empty.store("belltastic").change(1, deleted_at="2021-12-05T00:00:00+00:00")
    assert answered(api.request("PUT", "/project/1/archive")) == (
        200,
        {"message": "Project archived.", "data": before},
    )
    assert api.get("/projects").json() == [before]


def test_a_destroyed_project_is_gone(api):
    assert answered(api.request("DELETE", "/project/1")) == (200, {"message": "Project deleted."})
    assert answered(api.get("/projects")) == (200, [])
    assert answered(api.request("DELETE", "/project/1")) == NOT_FOUND


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/project/2"),
        ("GET", "/project/x"),
        ("PUT", "/project/2"),
        ("PUT", "/project/2/archive"),
        ("DELETE", "/project/2"),
    ],
)
def test_an_unknown_project_is_a_404(api, method, path):
    assert answered(api.request(method, path, json={"name": "n"})) == NOT_FOUND


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/projects"),
        ("POST", "/projects"),
        ("GET", "/project/1"),
        ("PUT", "/project/1"),
        ("PUT", "/project/1/archive"),
        ("DELETE", "/project/1"),
    ],
)
def test_a_missing_or_wrong_token_is_a_401_and_a_project_token_a_403(sandbox, anonymous, method, path):
    api = anonymous(sandbox, "belltastic")

    def ask(headers):
        return answered(api.request(method, path, headers=headers))

    assert ask({}) == (401, {"message": "Unauthenticated."})
    assert ask({"Authorization": "Bearer user_wrong"}) == (401, {"message": "Unauthenticated."})
    assert ask({"Authorization": "Bearer proj_1"}) == (403, {"message": "This action is unauthorized."})


def test_the_clock_advances_with_each_write(sandbox, connect):
    api = connect(sandbox, "belltastic")
    stamps = [
        api.request("PUT", "/project/1", json={"name": name}).json()["data"]["updated_at"]
        for name in ("a", "b")
    ]
    assert stamps == ["2026-01-01T00:00:01+00:00", "2026-01-01T00:00:02+00:00"]
