"""The simulated Fone Dynamics, compared with the vendor's page."""

from types import NoneType

import pytest

from tests.support.samples import FONE_DYNAMICS

UNAUTHORIZED = {
    "ResponseStatus": {
        "ErrorCode": "Unauthorized",
        "Message": "The AccountSid or token is invalid.",
        "Errors": [],
    }
}


def test_answers_are_as_the_vendor_documents_them(empty, connect):
    empty.store("fone_dynamics").put(FONE_DYNAMICS)
    api = connect(empty, "fone_dynamics")

    assert api.get("/Properties").json() == {
        "Properties": [FONE_DYNAMICS],
        "TotalCount": 1,
        "NextPageToken": None,
    }
    assert api.get(f"/Properties/{FONE_DYNAMICS['PropertySid']}").json() == {"Property": FONE_DYNAMICS}


def test_an_empty_account_lists_no_properties(empty, connect):
    body = connect(empty, "fone_dynamics").get("/Properties").json()
    assert body == {"Properties": [], "TotalCount": 0, "NextPageToken": None}


def test_records_have_the_documented_fields(sandbox, types_by_field):
    records = sandbox.store("fone_dynamics").records()
    documented = {field: {str} for field in FONE_DYNAMICS} | {
        "MainDomain": {str, NoneType},
        "SmsEnabled": {bool},
        "CallRecordingEnabled": {bool},
        "IntegrationsEnabled": {bool},
        "Active": {bool},
    }
    assert types_by_field(records) == documented
    assert {record["Active"] for record in records} == {True, False}
    assert len({record["TimeZone"] for record in records}) == 11
    assert len({record["PropertySid"] for record in records}) == 250
    assert {len(record["PropertySid"]) for record in records} == {len(FONE_DYNAMICS["PropertySid"])}


@pytest.mark.parametrize(
    ("params", "start", "stop"),
    [
        ({}, 0, 50),
        ({"Results_Count": 7}, 0, 7),
        ({"Results_Count": 7, "Results_Skip": 240}, 240, 247),
        ({"Results_Count": 50, "Results_Skip": 200}, 200, 250),
        ({"Results_Count": 200}, 0, 200),
        ({"Results_Count": 201}, 0, 200),
        ({"Results_Skip": 249}, 249, 250),
        ({"Results_Skip": 250}, 250, 250),
        ({"Results_Skip": 1000}, 250, 250),
    ],
)
def test_a_page_holds_the_properties_asked_for_and_the_total(sandbox, connect, params, start, stop):
    body = connect(sandbox, "fone_dynamics").get("/Properties", **params).json()

    token = body.pop("NextPageToken")
    assert body == {"Properties": sandbox.store("fone_dynamics").records()[start:stop], "TotalCount": 250}
    assert isinstance(token, str) == (stop < 250)


def test_walk_finds_each_property_once(sandbox, connect):
    api = connect(sandbox, "fone_dynamics")
    walked = [
        record
        for skip in range(0, 250, 30)
        for record in api.get("/Properties", Results_Count=30, Results_Skip=skip).json()["Properties"]
    ]
    assert walked == sandbox.store("fone_dynamics").records()


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({"Results_Count": "many"}, ["Results_Count"]),
        ({"Results_Count": 0}, ["Results_Count"]),
        ({"Results_Count": "", "Results_Skip": -1}, ["Results_Count", "Results_Skip"]),
    ],
)
def test_invalid_parameters_are_refused_by_name(sandbox, connect, params, fields):
    answer = connect(sandbox, "fone_dynamics").get("/Properties", **params)
    assert answer.status_code == 400
    assert answer.json() == {
        "ResponseStatus": {
            "ErrorCode": "InvalidParameter",
            "Message": "One or more parameters are invalid.",
            "Errors": [{"FieldName": field} for field in fields],
        }
    }


def test_an_unknown_property_is_a_404(sandbox, connect):
    answer = connect(sandbox, "fone_dynamics").get(f"/Properties/{FONE_DYNAMICS['PropertySid']}")
    assert answer.status_code == 400
    assert answer.json() == {
        "ResponseStatus": {
            "ErrorCode": "NotFound",
            "Message": "The property does not exist.",
            "Errors": [{"FieldName": "PropertySid"}],
        }
    }


@pytest.mark.parametrize("path", ["/Properties", "/Properties/S1"])
@pytest.mark.parametrize("auth", [None, ("AG1", "wrong")])
def test_a_request_without_the_right_credentials_is_a_401(sandbox, anonymous, path, auth):
    answer = anonymous(sandbox, "fone_dynamics").request("GET", path, auth=auth)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
