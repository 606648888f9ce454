"""The simulated Matter, compared with the vendor's page."""

from types import EllipsisType, NoneType

import pytest

from tests.support.samples import MATTER

VALIDATION = "CE00001 - Connect request failed validation. Refer to provided messages for details."
LOCALES = "de, es_MX, en, fr, zh_CN"


def page(projects: list, elements: int, pages: int, number: int, size: int) -> dict:
    """The answer of success, as documented."""
    return {
        "status": {"state": "SUCCESS", "code": None},
        "result": {
            "entityType": "PROJECT",
            "searchInfo": {"numberOfElements": str(elements), "numberOfPages": str(pages)},
            "data": projects,
        },
        "connectRequest": {
            "locale": "en",
            "pageNumber": str(number),
            "pageSize": str(size),
            "contextCompanyOriginId": None,
        },
    }


def test_an_answer_is_as_the_vendor_documents_it(empty, connect):
    empty.store("matter").put(MATTER)
    answer = connect(empty, "matter").get("/projects/get", locale="en", pageNumber=1, pageSize=10)
    assert answer.json() == page([MATTER], 1, 1, 1, 10)


def test_an_empty_account_lists_no_projects(empty, connect):
    answer = connect(empty, "matter").get("/projects/get", locale="en", pageNumber=1, pageSize=10)
    assert (answer.status_code, answer.json()) == (200, page([], 0, 0, 1, 10))


def test_records_have_the_documented_fields(sandbox, types_by_field):
    records = sandbox.store("matter").records()
    assert types_by_field(records) == {
        "originId": {str},
        "name": {str},
        "description": {str, NoneType},
        "clientName": {str, NoneType},
        "logoUrl": {dict, EllipsisType},
        "projectPhase": {str},
        "projectStatus": {str},
        "projectType": {str},
        "location": {dict, EllipsisType},
        "lastUpdated": {str, EllipsisType},
    }
    logos = [record["logoUrl"] for record in records if "logoUrl" in record]
    assert types_by_field(logos) == {"referenceUrl": {str}, "originalUrl": {str, EllipsisType}}
    locations = [record["location"] for record in records if "location" in record]
    assert types_by_field(locations) == {"city": {str}, "region": {str}, "country": {str}}
    assert not all(record["name"].isascii() for record in records)


@pytest.mark.parametrize(("number", "size"), [(1, 100), (3, 100), (4, 100), (250, 1), (84, 3)])
def test_a_page_holds_the_projects_asked_for_and_the_totals(sandbox, connect, number, size):
    answer = connect(sandbox, "matter").get("/projects/get", locale="en", pageNumber=number, pageSize=size)
    start = (number - 1) * size
    expected = sandbox.store("matter").records()[start : start + size]
    assert answer.json() == page(expected, 250, {100: 3, 1: 250, 3: 84}[size], number, size)


def test_walk_finds_each_project_once(sandbox, connect):
    api = connect(sandbox, "matter")
    walked = [
        record
        for number in range(1, 10)
        for record in api.get("/projects/get", locale="fr", pageNumber=number, pageSize=30).json()["result"][
            "data"
        ]
    ]
    assert walked == sandbox.store("matter").records()


@pytest.mark.parametrize("locale", LOCALES.split(", "))
def test_each_documented_locale_is_accepted(sandbox, connect, locale):
    answer = connect(sandbox, "matter").get("/projects/get", locale=locale, pageNumber=1, pageSize=1)
    assert answer.json()["connectRequest"]["locale"] == locale


def test_an_error_is_as_the_vendor_documents_it(sandbox, connect):
    answer = connect(sandbox, "matter").get("/projects/get", locale="en", pageNumber=0, pageSize=1)
    assert answer.status_code == 400
    assert answer.json() == {
        "status": {
            "state": "ERROR",
            "code": VALIDATION,
            "messages": [
                "Request has invalid value '0' for field pageNumber. "
                "Allowed value(s) : [positive integer not equal zero]"
            ],
        },
        "connectRequest": {"locale": "en", "pageNumber": "0", "pageSize": "1"},
    }


@pytest.mark.parametrize("size", ["0", "101", "-1", "ten", "1.5"])
def test_page_size_is_1_to_100(sandbox, connect, size):
    answer = connect(sandbox, "matter").get("/projects/get", locale="en", pageNumber=1, pageSize=size)
    assert answer.status_code == 400
    assert answer.json()["status"]["messages"] == [
        f"Request has invalid value '{size}' for field pageSize. "
        "Allowed value(s) : [integer between 1 and 100]"
    ]


def test_a_search_without_a_parameter_is_refused(sandbox, connect):
    answer = connect(sandbox, "matter").get("/projects/get")
    assert answer.status_code == 400
    assert answer.json() == {
        "status": {
            "state": "ERROR",
            "code": VALIDATION,
            "messages": [
                f"Request has invalid value 'null' for field locale. Allowed value(s) : [{LOCALES}]",
                "Request has invalid value 'null' for field pageNumber. "
                "Allowed value(s) : [positive integer not equal zero]",
                "Request has invalid value 'null' for field pageSize. "
                "Allowed value(s) : [integer between 1 and 100]",
            ],
        },
        "connectRequest": {"locale": None, "pageNumber": None, "pageSize": None},
    }


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_a_request_without_the_right_token_is_a_401(sandbox, anonymous, headers):
    params = {"locale": "en", "pageNumber": "1", "pageSize": "1"}
    answer = anonymous(sandbox, "matter").request("GET", "/projects/get", params=params, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {
        "status": {
            "state": "ERROR",
            "code": "CE00002 - Connect request is not authorized. Refer to provided messages for details.",
            "messages": ["The access token is missing or invalid."],
        },
        "connectRequest": params,
    }
