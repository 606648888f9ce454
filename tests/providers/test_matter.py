"""Matter: `status.state` decides, not the HTTP status; the pages follow from the number of elements."""

import time
from pathlib import Path

import pytest

from pipelines.common.errors import AccessRefused, MalformedAnswer, ProviderError, Transient
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import load_connections
from pipelines.extract.provider import ListingRequest, Page
from tests.support.home import Home
from tests.support.loopback import Answer, Asked, Loopback, Script


def listed(script: Script | Answer, loopback: Loopback, directory: Path, **settings: object) -> list[Page]:
    """The pages of a listing that is answered by the script."""
    home = Home(directory)
    base_url = loopback.serve("matter", script)
    home.connect("matter", base_url=base_url, access_token="swordfish", max_retries=0, **settings)
    (connection,) = load_connections(home.path)
    with HttpClient(connection, time.monotonic() + 60) as api:
        return list(connection.provider.pages(api, ListingRequest(connection.settings)))


def page_of(ids: list[int], total: int, **envelope: object) -> dict[str, object]:
    search = {"numberOfElements": total, "numberOfPages": 1}
    data = [{"originId": str(one)} for one in ids]
    return {"status": {"state": "SUCCESS"}, "result": {"searchInfo": search, "data": data}} | envelope


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"result": {}}, "the answer has no status"),
        (page_of([1], 1, status={}), "the answer's status does not report success"),
        (page_of([1], 1, status={"state": "success"}), "the answer's status does not report success"),
        (page_of([1], 1, status=None), "expected an object, not null"),
        (page_of([1], 1, result=None), "expected an object, not null"),
        ({"status": {"state": "SUCCESS"}}, "expected an object, not null"),
        (
            {"status": {"state": "SUCCESS"}, "result": {"searchInfo": {}}},
            "expected an array, not null",
        ),
    ],
)
def test_only_a_success_with_its_envelope_is_read(
    body: object, reason: str, loopback: Loopback, tmp_path: Path
) -> None:
    with pytest.raises(MalformedAnswer) as refusal:
        listed(Answer(body), loopback, tmp_path)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("code", "messages", "failure", "reason"),
    [
        ("CE00000 - Unexpected", [], Transient, "CE00000: Unexpected"),
        ("CE00001 - Invalid", ["page", "size"], MalformedAnswer, "CE00001: Invalid; page; size"),
        ("CE00002", ["not yours"], AccessRefused, "CE00002: not yours"),
        ("CE00003 - Limit", "no list", AccessRefused, "CE00003: Limit"),
        ("CE00009 - Other", [], MalformedAnswer, "CE00009: Other"),
    ],
)
def test_an_error_code_says_what_helps(
    code: str, messages: object, failure: type[ProviderError], reason: str, loopback: Loopback, tmp_path: Path
) -> None:
    status = {"state": "ERROR", "code": code, "messages": messages}
    with pytest.raises(ProviderError) as refusal:
        listed(Answer({"status": status}), loopback, tmp_path)
    assert (type(refusal.value), refusal.value.reason) == (failure, f"projects/get answered 200 ({reason})")


def test_an_empty_first_page_is_the_only_one(loopback: Loopback, tmp_path: Path) -> None:
    assert [page.records for page in listed(Answer(page_of([], 0)), loopback, tmp_path)] == [()]


def test_pages_follow_from_the_total_and_the_first_page(loopback: Loopback, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        first = 3 * int(asked.query["pageNumber"]) - 2
        return Answer(page_of([*range(first, min(first + 3, 8))], 7))

    pages = listed(answer, loopback, tmp_path, page_size=20, locale="de")
    assert [len(page.records) for page in pages] == [3, 3, 1]
    assert {(page.total, page.page_count) for page in pages} == {(7, 1)}
    asked = sorted(tuple(sorted(one.query.items())) for one in loopback.asked["matter"])
    assert asked == [(("locale", "de"), ("pageNumber", str(one)), ("pageSize", "20")) for one in (1, 2, 3)]
    assert {one.headers["Authorization"] for one in loopback.asked["matter"]} == {"Bearer swordfish"}
