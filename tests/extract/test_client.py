"""How one request is retried, refused or reported, for each status, header and kind of answer."""

import errno
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import requests

from pipelines.common.errors import AccessRefused, MalformedAnswer, ProviderError, Transient
from pipelines.config.network import PROXY_CREDENTIALS
from pipelines.extract.answers import fault_of
from pipelines.extract.client import HttpClient
from pipelines.extract.provider import Request
from pipelines.extract.raw_json import elements
from pipelines.providers import matter
from tests.support.loopback import Answer, Asked, Loopback, Script
from tests.support.scripted import scripted

PROJECTS = Request("projects")
JSON = {"Content-Type": "application/json"}
SECRET = "user_secret_token"


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@contextmanager
def api_of(
    loopback: Loopback, script: Script | Answer, *, seconds: float = 600, **settings: object
) -> Iterator[HttpClient]:
    """A connection's HttpClient, in a run of that many seconds, with answers from the script."""
    base_url = loopback.serve("api", script)
    given = {"api_token": SECRET, "base_url": base_url, "retry_wait_s": 0.0, "max_retries": 0} | settings
    with HttpClient(scripted("bells", "belltastic", **given), time.monotonic() + seconds) as api:
        yield api


def in_turn(*answers: Answer) -> Script:
    waiting = iter(answers)
    return lambda _: next(waiting)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds waited between attempts, which pass at once; jitter is always at its maximum."""
    waits: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(waits), sleep=waits.append)
    monkeypatch.setattr("pipelines.extract.client.time", clock)
    monkeypatch.setattr("tenacity.nap.time", clock)
    monkeypatch.setattr("pipelines.extract.client.random.uniform", lambda _least, most: most)
    return waits


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 503, 599])
def test_a_temporary_failure_is_retried(status: int, loopback: Loopback, slept: list[float]) -> None:
    answers = in_turn(Answer([], status), Answer([], status), Answer([]))
    with api_of(loopback, answers, max_retries=2) as api:
        assert api.get(PROJECTS, len) == 2
    assert (api.traffic.requests, api.traffic.retries, slept) == (3, 2, [0.0, 0.0])
    with (
        api_of(loopback, Answer([], status), max_retries=2) as api,
        pytest.raises(Transient, match=rf"^projects answered {status} after 3 attempts$"),
    ):
        api.get(PROJECTS, len)
    assert (api.traffic.requests, api.traffic.retries) == (3, 2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer([], 404), "projects answered 404 after 2 attempts"),
        (Answer([], 401), "projects answered 401 after 2 attempts"),
        (Answer({}), "expected an array, not {} after 2 attempts"),
        (
            Answer([], 503, {"Retry-After": "500"}),
            "projects answered 503 after 2 attempts; the next try would be in 500 s",
        ),
    ],
)
def test_a_failure_after_a_retry_says_how_often_it_was_tried(
    answer: Answer, reason: str, loopback: Loopback
) -> None:
    answers = in_turn(Answer([], 503), answer)
    with api_of(loopback, answers, max_retries=4) as api, pytest.raises(ProviderError) as caught:
        api.get(PROJECTS, elements)
    assert caught.value.reason == reason


def test_a_refusal_counts_the_attempts_of_its_own_request(loopback: Loopback) -> None:
    answers = in_turn(Answer([], 401), Answer([], 401), Answer([], 503))
    with api_of(loopback, answers, max_retries=1) as api:
        for _ in range(4):
            with pytest.raises(AccessRefused) as caught:
                api.get(PROJECTS, len)
            assert caught.value.reason == "projects answered 401"


@pytest.mark.parametrize(
    ("status", "failure", "unauthorized"),
    [
        (401, AccessRefused, True),
        (402, AccessRefused, False),
        (403, AccessRefused, False),
        *(
            (status, MalformedAnswer, None)
            for status in (
                201,
                204,
                206,
                300,
                304,
                399,
                400,
                404,
                405,
                407,
                409,
                410,
                424,
                426,
                428,
                430,
                499,
            )
        ),
    ],
)
def test_a_permanent_failure_is_not_retried(
    status: int, failure: type[ProviderError], unauthorized: bool | None, loopback: Loopback
) -> None:
    with api_of(loopback, Answer(b"", status), max_retries=2) as api, pytest.raises(ProviderError) as caught:
        api.get(PROJECTS, len)
    assert type(caught.value) is failure
    redirect = ", a redirect, which is never followed" if 300 <= status < 400 else ""
    assert caught.value.reason == f"projects answered {status}{redirect}"
    assert getattr(caught.value, "unauthorized", None) == unauthorized
    remedies = dict.fromkeys((401, 402, 403), "check the credentials of bells, and what they can access")
    remedies |= dict.fromkeys((404, 405, 410), "check base_url of bells")
    remedies |= dict.fromkeys((300, 304, 399), "correct base_url") | {407: PROXY_CREDENTIALS}
    remedy = remedies.get(status, "check the settings of bells in .dlt/config.toml, or ask the provider")
    assert (caught.value.remedy, api.traffic.requests) == (remedy, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, loopback: Loopback) -> None:
    answer = Answer(b"", status, {"Location": "/api/elsewhere"})
    with api_of(loopback, answer) as api, pytest.raises(MalformedAnswer) as caught:
        api.get(PROJECTS, len)
    assert str(caught.value) == (
        f"projects answered {status}, a redirect, which is never followed: correct base_url"
    )
    assert len(loopback.asked["api"]) == 1


def test_waits_double_with_jitter(
    loopback: Loopback, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for drawn, expected in (
        (lambda least, _most: least, [1.0, 2.0, 4.0]),
        (lambda _least, most: most, [3.0, 6.0, 12.0]),
    ):
        monkeypatch.setattr("pipelines.extract.client.random.uniform", drawn)
        with (
            api_of(loopback, Answer([], 503), max_retries=3, retry_wait_s=2.0) as api,
            pytest.raises(Transient),
        ):
            api.get(PROJECTS, len)
        assert slept == expected
        slept.clear()


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.1),
        ("0", 0.1),
        ("119", 119.1),
        ("Thu, 02 Jan 2020 00:00:00 GMT", 0.1),
        ("soon", 3.0),
        ("", 3.0),
    ],
)
def test_a_retry_waits_as_long_as_the_provider_asks(
    header: str, wait: float, loopback: Loopback, slept: list[float]
) -> None:
    refusal = Answer([], 429, JSON | {"Retry-After": header})
    with api_of(loopback, in_turn(refusal, Answer([])), max_retries=1, retry_wait_s=2.0) as api:
        assert api.get(PROJECTS, len) == 2
    assert slept == [pytest.approx(wait)]


@pytest.mark.parametrize(("header", "seconds", "shown"), [("120", 600, 120), ("30", 20, 30)])
def test_a_wait_beyond_two_minutes_or_the_run_is_refused(
    header: str, seconds: float, shown: int, loopback: Loopback, slept: list[float]
) -> None:
    refusal = Answer([], 429, JSON | {"Retry-After": header})
    with (
        api_of(loopback, refusal, max_retries=4, seconds=seconds) as api,
        pytest.raises(ProviderError) as failure,
    ):
        api.get(PROJECTS, len)
    expected = f"projects answered 429; the next try would be in {shown} s: try later"
    assert (str(failure.value), slept, api.traffic.requests) == (expected, [], 1)


def test_a_wait_of_two_minutes_is_still_accepted(
    loopback: Loopback, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.extract.client.random.uniform", lambda least, _most: least)
    answers = in_turn(Answer([], 429, JSON | {"Retry-After": "120"}), Answer([]))
    with api_of(loopback, answers, max_retries=1) as api:
        assert api.get(PROJECTS, len) == 2
    assert slept == [120.0]


def test_a_request_ends_with_the_run(loopback: Loopback) -> None:
    release = threading.Event()

    def answer(_: Asked) -> Answer:
        release.wait(60)
        return Answer([])

    with api_of(loopback, answer, seconds=0.2) as api, pytest.raises(ProviderError):
        api.get(PROJECTS, len)
    release.set()


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/json", "application/problem+json", "Application/JSON; charset=UTF_8"]
    + [f"application/json; charset={charset}" for charset in ("utf-8", '"UTF8"', "us-ascii")]
    + ["application/json;odata=none;;charset = utf-8"]
    + [pytest.param('application/json; a="' + ";" * 60_000, id="many semicolons")],
)
def test_json_in_utf_8_is_read(content_type: str, loopback: Loopback) -> None:
    with api_of(loopback, Answer('["é"]'.encode(), 200, {"Content-Type": content_type})) as api:
        assert api.get(PROJECTS, bytes.decode) == '["é"]'
    with api_of(loopback, Answer(b"[]", 200, {})) as api:
        assert api.get(PROJECTS, bytes.decode) == "[]"


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("text/html", b"[]", "expected JSON from projects, got text/html"),
        ("", b"[]", "expected JSON from projects, got an empty content type"),
        ("application/jsonp", b"[]", "expected JSON from projects, got application/jsonp"),
        ("application/json; charset=latin-1", b"[]", "expected UTF-8 from projects, got latin-1"),
        pytest.param(
            f"application/json; charset*{'9' * 5000}=x",
            b"[]",
            "expected UTF-8 from projects, got x",
            id="many digits",
        ),
        ("application/json", f'["{SECRET}"]'.encode(), "the answer contains the credentials that were sent"),
    ],
)
def test_any_other_content_type_or_encoding_is_refused(
    content_type: str, body: bytes, reason: str, loopback: Loopback
) -> None:
    with (
        api_of(loopback, Answer(body, 200, {"Content-Type": content_type}), max_retries=2) as api,
        pytest.raises(MalformedAnswer) as caught,
    ):
        api.get(PROJECTS, len)
    assert (caught.value.reason, api.traffic.requests) == (reason, 1)


def test_an_answer_may_be_as_large_as_allowed(loopback: Loopback) -> None:
    with api_of(loopback, Answer(b" " * (1 << 20)), max_body_mb=1) as api:
        assert api.get(PROJECTS, len) == 1 << 20
    with (
        api_of(loopback, Answer(b" " * ((1 << 20) + 1)), max_body_mb=1) as api,
        pytest.raises(MalformedAnswer) as caught,
    ):
        api.get(PROJECTS, len)
    assert caught.value.reason == "the answer is larger than 1 MB"


def test_a_servers_message_is_quoted_on_one_line_in_part_and_without_secrets(loopback: Loopback) -> None:
    body = {"message": f"no\n\x1b {SECRET} " + "x" * 400}
    with api_of(loopback, Answer(body, 400)) as api, pytest.raises(MalformedAnswer) as caught:
        api.get(PROJECTS, len)
    begin = r"message: no \x1b *** "
    assert caught.value.reason == f"projects answered 400 ({begin}{'x' * (300 - len(begin))})"


def test_an_error_can_come_with_status_200(loopback: Loopback) -> None:
    def refuse(_body: bytes) -> None:
        raise MalformedAnswer("no list")

    for body, reason in (
        ({"message": "closed"}, "projects answered 200 (message: closed)"),
        ({}, "no list"),
        ([], "no list"),
    ):
        with api_of(loopback, Answer(body)) as api, pytest.raises(MalformedAnswer) as caught:
            api.get(PROJECTS, refuse)
        assert caught.value.reason == reason


def test_a_token_that_is_refused_twice_in_a_row_is_not_sent_again(loopback: Loopback) -> None:
    answers = in_turn(*(Answer([], status) for status in (401, 403, 200, 401, 401, 200)))
    with api_of(loopback, answers) as api:
        endings = []
        for _ in range(7):
            try:
                endings.append(str(api.get(PROJECTS, len)))
            except AccessRefused as refusal:
                endings.append(refusal.reason[-3:])
    assert endings == ["401", "403", "2", "401", "401", "401", "401"]
    assert len(loopback.asked["api"]) == 5


def test_a_refusal_that_is_not_of_the_token_does_not_count(loopback: Loopback) -> None:
    limit = {"status": {"state": "FAILURE", "code": "CE00003", "message": "a limit of the package"}}
    base_url = loopback.serve("matter", Answer(limit))
    given = {"access_token": SECRET, "base_url": base_url, "max_retries": 0}
    with HttpClient(scripted("matters", "matter", **given), time.monotonic() + 600) as api:
        for _ in range(3):
            with pytest.raises(AccessRefused):
                api.get(PROJECTS, matter.read_page)
    assert len(loopback.asked["matter"]) == 3


@pytest.mark.parametrize(("ca_file", "verified_by"), [("", True), ("/etc/own.pem", "/etc/own.pem")])
def test_certificates_are_always_verified(ca_file: str, verified_by: object, loopback: Loopback) -> None:
    with api_of(loopback, Answer([]), ca_file=ca_file) as api:
        assert api._session.verify == verified_by


def pages(count: int) -> list[Request]:
    return [Request("projects", {"page": page}) for page in range(count)]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_answers_come_in_order_with_as_many_in_flight_as_allowed(at_once: int, loopback: Loopback) -> None:
    in_flight, most = [], []
    together = threading.Barrier(at_once)

    def answer(asked: Asked) -> Answer:
        in_flight.append(asked)
        together.wait(60)  # for the other requests: with fewer in parallel, they would wait forever
        most.append(len(in_flight))
        together.wait(60)
        in_flight.remove(asked)
        return Answer([int(asked.query["page"])])

    with api_of(loopback, answer, max_connections=at_once) as api:
        answers = list(api.get_all(pages(10), bytes.decode))
    assert answers == [f"[{page}]" for page in range(10)]
    assert max(most) == at_once


def test_requests_keep_pace_with_reading(loopback: Loopback) -> None:
    def wanted() -> Iterator[Request]:
        for request in pages(10):
            taken.append(request)
            yield request

    taken: list[Request] = []
    with api_of(loopback, Answer([]), max_connections=3) as api:
        answers = api.get_all(wanted(), len)
        next(answers)
        assert len(taken) == 6
        answers.close()


def test_a_failed_request_ends_the_others(loopback: Loopback) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer([], 404 if asked.query["page"] == "1" else 200)

    came: list[int] = []
    with api_of(loopback, answer, max_connections=2) as api, pytest.raises(MalformedAnswer):
        came.extend(api.get_all(pages(100), len))
    assert [thread for thread in threading.enumerate() if thread.name.startswith("bells")] == []
    assert len(loopback.asked["api"]) < 100


@pytest.mark.parametrize("named", ["reason", "__cause__", "__context__"])
def test_an_error_names_the_innermost_cause(named: str) -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    middle, outermost = Exception("in between"), requests.ConnectionError("an object at 0x7f")
    setattr(middle, named, refused)
    setattr(outermost, named, middle)
    connection = scripted("bells", "belltastic", api_token=SECRET)
    error = fault_of(connection, PROJECTS, outermost, out_of_time=False)
    assert error.reason == "projects failed: Connection refused"


def test_a_request_says_who_asks(loopback: Loopback) -> None:
    with api_of(loopback, Answer([])) as api:
        api.get(Request("projects", {"page": 2}), len)
    (asked,) = loopback.asked["api"]
    named: Sequence[str] = [asked.headers[name] for name in ("Accept", "Authorization")]
    assert (asked.method, asked.path, dict(asked.query)) == ("GET", "projects", {"page": "2"})
    assert named == ["application/json", f"Bearer {SECRET}"]
    assert asked.headers["User-Agent"].startswith("rollcall/")


@pytest.mark.parametrize(
    ("refusal", "waits"),
    [
        (Answer([], 429), True),
        (Answer([], 429, headers=JSON | {"Retry-After": "30"}), True),
        (Answer([], 503, headers=JSON | {"Retry-After": "30"}), True),
        (Answer([], 408), False),
        (Answer([], 503), False),
    ],
)
def test_requests_wait_after_one_was_too_many(
    refusal: Answer, waits: bool, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, events = [time.monotonic()], []

    def sleep(seconds: float) -> None:
        events.append("the other sleeps")
        clock[0] += seconds

    def meanwhile(_seconds: float) -> None:
        """Another thread sends a request while the refused one waits."""
        api.get(Request("second"), len)
        events.append("the refused has slept")

    def answer(asked: Asked) -> Answer:
        return refusal if asked.path == "first" and not events else Answer([])

    monkeypatch.setattr(
        "pipelines.extract.client.time", SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep)
    )
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=meanwhile))
    with api_of(loopback, answer, max_retries=1, retry_wait_s=30) as api:
        api.get(Request("first"), len)
    assert events == ["the other sleeps"] * waits + ["the refused has slept"]
