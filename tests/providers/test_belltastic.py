"""Belltastic: anything but an array is an error; one project is read by its id."""

import json
import time

import pytest

from pipelines.common.errors import MalformedAnswer
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import load_connections
from pipelines.extract.provider import ListingRequest
from pipelines.sandbox import Sandbox
from tests.support.home import Home, sandbox_settings
from tests.support.loopback import Answer, Loopback

BODIES = {
    "envelope": (b'{"data": []}', 'page 1: expected an array, not {"data": []}'),
    "null": (b"null", "page 1: expected an array, not null"),
    "text": (b'"[]"', 'page 1: expected an array, not "[]"'),
    "nothing": (b"", "page 1: expected an array, not nothing"),
}


def test_an_answer_that_is_not_an_array_fails(home: Home, loopback: Loopback) -> None:
    for name, (body, _) in BODIES.items():
        home.connect(name, "belltastic", base_url=loopback.serve(name, Answer(body)), api_token="user_1")
    messages = {listing.connection: (listing.outcome, listing.message) for listing in home.run().listings}
    assert messages == {
        name: (
            "failed",
            f"{message}: check the settings of {name} in .dlt/config.toml, or ask the provider",
        )
        for name, (_, message) in BODIES.items()
    }


def test_a_project_is_read_by_its_id(home: Home) -> None:
    with Sandbox(projects={"belltastic": 3}) as sandbox:
        home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
        (connection,) = load_connections(home.path)
        read_one = connection.provider.read_one
        assert read_one is not None
        with HttpClient(connection, time.monotonic() + 60) as api:
            ask = ListingRequest(connection.settings)
            assert json.loads(read_one(api, ask, "2")) == sandbox.store("belltastic").get(2)
            with pytest.raises(MalformedAnswer) as refusal:
                read_one(api, ask, "2?x")
    assert refusal.value.reason == "project/2%3Fx answered 404 (message: Not found.)"


SPELLED = {
    "a composed name": (r'"name": "Caf\u00e9"', r'"name": "Cafe\u0301"'),
    "a name like a time": ('"name": "2026-01-01T00:00:00Z"', '"name": "2026-01-01T01:00:00.0+01:00"'),
    "a number as a name": ('"name": 1.0', '"name": 10e-1'),
    "a team": ('"team_id": 7', '"team_id": 7.0'),
    "a large number": ('"team_id": 1e400', '"team_id": 10E+399'),
    "an attribute": ('"hmac_required": 1', '"hmac_required": 1.0'),
    "keys of an attribute": ('"hmac_required": {"b": 1, "a": 2}', '"hmac_required": {"a": 2, "b": 1}'),
    "keys of a name": ('"name": [{"b": 1, "a": 2}]', '"name": [{"a": 2,"b": 1}]'),
}


def test_promise_13_another_spelling_changes_no_published_row(home: Home, loopback: Loopback) -> None:
    answers = [
        (
            "["
            + ",".join(f'{{"id": {number}, {pair[at]}}}' for number, pair in enumerate(SPELLED.values()))
            + "]"
        )
        for at in (0, 1, 0, 1)
    ]
    waiting = iter(answers)
    url = loopback.serve("belltastic", lambda _: Answer(next(waiting).encode()))
    home.connect("belltastic", base_url=url, api_token="user_1")
    home.run()
    tables = ("projects_history", "project_changes", "project_status_periods")
    before = [home.rows(f"from {table} order by all") for table in tables]
    for _ in answers[1:]:
        (listing,) = home.run().listings
        assert (listing.unchanged, listing.changed) == (len(SPELLED), 0)
        assert [home.rows(f"from {table} order by all") for table in tables] == before
