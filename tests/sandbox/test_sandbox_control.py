"""The control interface, used from another process."""

import pytest
import requests

from pipelines.sandbox import Fault, RequestLine

FIELDS = "body, delay_s, headers, match, provider, status, times"


@pytest.fixture
def control(sandbox):
    """`control(method, path, body)`: status and body of the answer."""

    def ask(method: str, path: str, body: object = None) -> tuple[int, object]:
        answer = requests.request(method, f"{sandbox.url}/_sandbox{path}", json=body, timeout=10)
        return answer.status_code, answer.json()

    return ask


@pytest.mark.parametrize(
    ("provider", "client", "id_field"),
    [
        ("fone_dynamics", None, "PropertySid"),
        ("matter", None, "originId"),
        ("rillsoft", 12, "id"),
        ("evovoice", None, "id"),
        ("belltastic", None, "id"),
    ],
)
def test_records_can_be_listed_changed_removed_and_restored(sandbox, control, provider, client, id_field):
    store = sandbox.store(provider, client)
    records = store.records()
    ids = [record[id_field] for record in records]
    path, scope = f"/records/{provider}", "" if client is None else f"?client={client}"

    def write(verb: str, body: object) -> list[dict]:
        status, answer = control("POST", f"{path}/{verb}{scope}", body)
        assert status == 200
        return answer["records"]

    assert control("GET", f"{path}{scope}") == (200, {"records": records})

    changed = [record | {"extra": {"ü": [1, None]}} for record in records[:2]]
    assert write("change", {"ids": ids[:2], "fields": {"extra": {"ü": [1, None]}}}) == changed
    assert write("remove", {"ids": ids[1:4]}) == []
    assert store.records() == [changed[0], *records[4:]]
    assert write("restore", {"ids": [ids[1], ids[3]]}) == [changed[1], records[3]]
    assert store.records() == [*changed, *records[3:]]
    added = write("add", {"count": 2})
    put = write("put", {"records": [records[0], added[1] | {"extra": 1}]})
    assert put == [records[0], added[1] | {"extra": 1}]
    assert store.records() == [records[0], changed[1], *records[3:], added[0], put[1]]


def test_a_range_of_records_can_be_listed(sandbox, control):
    records = sandbox.store("matter").records()
    assert control("GET", "/records/matter?start=3&stop=5") == (200, {"records": records[3:5]})
    assert control("GET", "/records/matter?start=249") == (200, {"records": records[249:]})


def test_a_request_without_a_body_adds_one_record(sandbox, control):
    status, answer = control("POST", "/records/belltastic/add")
    assert (status, answer) == (200, {"records": [sandbox.store("belltastic").get(251)]})


def test_the_latency_can_be_set(sandbox, control):
    assert control("PUT", "/latency", {"latency_s": 0.25}) == (200, {"latency_s": 0.25})
    assert sandbox.latency_s == 0.25


def test_faults_can_be_added_listed_and_removed(sandbox, control):
    fault = {
        "provider": "matter",
        "match": "pageNumber=2",
        "times": None,
        "status": 429,
        "headers": {"Retry-After": "1"},
        "body": "slow down",
        "delay_s": 0.5,
    }
    assert control("POST", "/faults", [fault]) == (200, {"faults": [fault]})
    assert sandbox.faults.active() == [Fault(**fault)]
    assert control("GET", "/faults") == (200, {"faults": [fault]})
    assert control("DELETE", "/faults") == (200, {"faults": []})
    assert sandbox.faults.active() == []


def test_a_fault_needs_its_provider_only(sandbox, control):
    control("POST", "/faults", [{"provider": "evovoice"}])
    assert sandbox.faults.active() == [Fault("evovoice")]


def test_requests_are_listed_and_counted(sandbox, connect, control):
    connect(sandbox, "matter").get("/projects/get", locale="en")
    line = RequestLine("matter", "GET", "/matter/connect/v2/projects/get", "locale=en")
    shown = {
        "requests": [
            {
                "provider": "matter",
                "method": "GET",
                "path": "/matter/connect/v2/projects/get",
                "query_string": "locale=en",
            }
        ],
        "counts": {"matter": 1},
        "max_in_flight": {"matter": 1},
    }
    assert sandbox.requests == [line]
    assert control("GET", "/requests") == (200, shown)
    assert control("DELETE", "/requests") == (200, {"requests": [], "counts": {}, "max_in_flight": {}})
    assert sandbox.requests == []


def test_ended_sessions_must_log_in_again(sandbox, connect, control):
    api = connect(sandbox, "evovoice")
    assert api.get("/files").status_code == 200
    assert control("DELETE", "/sessions") == (200, {})
    assert api.get("/files").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/records/mater", None, 404, "not found: 'mater'"),
        (
            "GET",
            "/records/rillsoft",
            None,
            404,
            "not found: rillsoft has records for client 11, 12, 27; None was asked for",
        ),
        ("GET", "/records/rillsoft?client=x", None, 400, "invalid literal for int() with base 10: 'x'"),
        ("POST", "/records/belltastic/remove", {"ids": [999]}, 404, "not found: 999"),
        (
            "POST",
            "/records/belltastic/burn",
            {"ids": [1]},
            404,
            "not found: no such verb: burn; there are add, put, change, remove, restore",
        ),
        (
            "POST",
            "/records/belltastic/change",
            {"ids": [1], "fields": {"id": 2}},
            400,
            "id identifies the record and cannot be changed",
        ),
        (
            "POST",
            "/records/belltastic/remove",
            {"id": 1},
            400,
            "Object contains unknown field `id`",
        ),
        (
            "POST",
            "/faults",
            [{"provider": "matter", "times": 0}],
            400,
            "times must be 1 or more, or null; it is 0 - at `$[0]`",
        ),
        *(
            (
                "POST",
                "/records/belltastic/add",
                {"count": count},
                400,
                f"Expected `int` {bound} - at `$.count`",
            )
            for count, bound in ((100_001, "<= 100000"), (-1, ">= 0"))
        ),
        (
            "POST",
            "/faults",
            [{"provider": "matter", "time": 3}],
            400,
            f"no such field: time; there are {FIELDS}",
        ),
        *(
            ("POST", "/faults", [{"provider": "matter"} | given], 400, f"{message} - at `$[0]`")
            for given, message in (
                ({"status": 100}, "status must be from 200 to 999, or null; it is 100"),
                ({"status": 1000}, "status must be from 200 to 999, or null; it is 1000"),
                ({"delay_s": -1}, "delay_s must be from 0 to 3600; it is -1"),
                ({"delay_s": 1e9}, "delay_s must be from 0 to 3600; it is 1e+09"),
                ({"headers": {"a b": "x"}}, "a server cannot send the header a b: x"),
                ({"headers": {"a": "\u2014"}}, "a server cannot send the header a: \u2014"),
                ({"headers": {"a": "x\r\nb: y"}}, "a server cannot send the header a: x\r\nb: y"),
                ({"headers": {"Content-Length": "-1"}}, "a server cannot send the header Content-Length: -1"),
            )
        ),
        ("PUT", "/latency", {"latency_s": -1}, 400, "Expected `float` >= 0.0 - at `$.latency_s`"),
        ("PUT", "/latency", {"latency_s": "slow"}, 400, "Expected `float`, got `str` - at `$.latency_s`"),
        (
            "POST",
            "/faults",
            [{"provider": "matter", "match": "("}],
            400,
            "missing ), unterminated subpattern at position 0",
        ),
    ],
)
def test_an_invalid_request_is_refused_with_a_message(control, method, path, body, status, message):
    assert control(method, path, body) == (status, {"message": message})


def test_a_body_that_is_nested_too_deeply(sandbox):
    body = f'{{"ids": [1], "fields": {{"name": {"[" * 5000}{"]" * 5000}}}}}'
    answer = requests.post(f"{sandbox.url}/_sandbox/records/belltastic/change", data=body, timeout=10)
    assert (answer.status_code, answer.json()) == (400, {"message": "the body is nested too deeply"})
