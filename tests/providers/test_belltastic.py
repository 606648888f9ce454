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


def test_anything_but_an_array_fails(home: Home, loopback: Loopback) -> None:
    for name, (body, _) in BODIES.items():
        home.connect(name, "belltastic", base_url=loopback.serve(name, Answer(body)), api_token="user_1")
    messages = {listing.connection: (listing.outcome, listing.message) for listing in home.run().listings}
    assert messages == {name: ("failed", message) for name, (_, message) in BODIES.items()}


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
