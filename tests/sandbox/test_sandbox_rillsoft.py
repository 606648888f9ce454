"""The simulated Rillsoft, compared with the vendor's page."""

from types import EllipsisType, NoneType

import pytest

from pipelines.sandbox import RILLSOFT_CLIENT_IDS
from tests.support.samples import RILLSOFT


def success(projects: list) -> dict:
    """The answer of success, as documented."""
    return {
        "status": "success",
        "code": 200,
        "message": "Projects retrieved successfully",
        "details": projects,
    }


def error(code: int, message: str, details: str) -> dict:
    return {"status": "error", "code": code, "message": message, "details": details}


def test_an_answer_is_as_the_vendor_documents_it(empty, connect):
    empty.store("rillsoft", 12).put(RILLSOFT)
    assert connect(empty, "rillsoft").get("/clients/12/projects").json() == success([RILLSOFT])


def test_an_empty_client_lists_no_projects(empty, connect):
    assert connect(empty, "rillsoft").get("/clients/11/projects").json() == success([])


def test_each_client_has_a_share_of_the_projects(sandbox, connect):
    api = connect(sandbox, "rillsoft")
    stores = [sandbox.store("rillsoft", client_id) for client_id in RILLSOFT_CLIENT_IDS]
    listings = [api.get(f"/clients/{client_id}/projects").json() for client_id in RILLSOFT_CLIENT_IDS]

    assert listings == [success(store.records()) for store in stores]
    assert [len(store) for store in stores] == [84, 83, 83]
    assert stores[0].get(1) != stores[1].get(1)


def test_records_have_the_documented_fields(sandbox, types_by_field):
    records = [
        record
        for client_id in RILLSOFT_CLIENT_IDS
        for record in sandbox.store("rillsoft", client_id).records()
    ]
    assert types_by_field(records) == {
        **{field: {type(value)} for field, value in RILLSOFT.items()},
        **{
            field: {str, NoneType}
            for field in ("description", "code", "customer", "category", "lockAt", "notes")
        },
        **{field: {str, EllipsisType} for field in ("start", "finish")},
    }
    assert {"In Progress", "In Bearbeitung", "Abgeschlossen"} <= {record["status"] for record in records}
    assert {record["createdUserName"] for record in records if record["createdUserId"] == -1} == {""}
    assert {record["lockAt"] for record in records if record["lockUserId"] == -1} == {None}
    assert None not in {record["lockAt"] for record in records if record["lockUserId"] != -1}


@pytest.mark.parametrize(
    ("permission", "permits"),
    [
        ("ProjectRead", lambda record: True),
        ("ProjectModify", lambda record: not record["isReadOnly"]),
        ("ProjectCreate", lambda record: not record["isReadOnly"] and record["lockUserId"] == -1),
    ],
)
def test_a_permission_lists_the_projects_that_it_allows(sandbox, connect, permission, permits):
    answer = connect(sandbox, "rillsoft").get("/clients/27/projects", permission=permission)
    expected = [record for record in sandbox.store("rillsoft", 27).records() if permits(record)]
    assert answer.json() == success(expected)


def test_each_stronger_permission_allows_fewer_projects(sandbox, connect):
    api = connect(sandbox, "rillsoft")
    counts = [
        len(api.get("/clients/27/projects", permission=permission).json()["details"])
        for permission in ("ProjectRead", "ProjectModify", "ProjectCreate")
    ]
    assert counts == sorted(set(counts), reverse=True)


@pytest.mark.parametrize(
    "path", ["/clients/99/projects", "/clients/x/projects", "/clients/11/projects?permission=All"]
)
def test_a_client_that_the_token_cannot_access_is_a_403(sandbox, connect, path):
    answer = connect(sandbox, "rillsoft").get(path)
    assert (answer.status_code, answer.json()) == (
        403,
        error(403, "Access denied", "Insufficient permissions"),
    )


@pytest.mark.parametrize(
    ("headers", "details"),
    [({}, "JWT token not found"), ({"Authorization": "Bearer wrong"}, "JWT token invalid")],
)
def test_a_request_without_a_valid_token_is_a_401(sandbox, anonymous, headers, details):
    answer = anonymous(sandbox, "rillsoft").request("GET", "/clients/11/projects", headers=headers)
    assert (answer.status_code, answer.json()) == (401, error(401, "Authentication failed", details))


def test_a_deactivated_project_leaves_the_list_and_returns(sandbox, connect):
    api, store = connect(sandbox, "rillsoft"), sandbox.store("rillsoft", 11)
    before = store.records()

    store.remove(2)
    assert api.get("/clients/11/projects").json() == success([before[0], *before[2:]])
    store.restore(2)
    assert api.get("/clients/11/projects").json() == success(before)
