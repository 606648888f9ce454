"""Fone Dynamics: pages that the server caps, two names for the list, one Property read by its id."""

import functools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.commands.sync import Run
from pipelines.common.errors import MalformedAnswer
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import load_connections
from pipelines.extract.provider import ListingRequest
from pipelines.sandbox import Sandbox
from tests.support.home import Home, sandbox_settings
from tests.support.loopback import Answer, Asked, Loopback

PROPERTY = {"PropertySid": "S1", "Name": "One"}
ANSWERS = {
    "properties": {"Properties": [PROPERTY], "TotalCount": 1},
    "projects": {"Projects": [PROPERTY], "TotalCount": 1},
    "neither": {"Items": [PROPERTY], "TotalCount": 1},
    "null": {"Properties": None, "TotalCount": 1},
    "empty": {"Properties": [], "TotalCount": 0},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(projects={"fone_dynamics": 450}) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox, loopback: Loopback) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.connect("capped", "fone_dynamics", **sandbox_settings(sandbox)["fone_dynamics"], page_size=1000)
    for name, body in ANSWERS.items():
        base_url = loopback.serve(name, Answer(body))
        home.connect(name, "fone_dynamics", base_url=base_url, account_sid="A1", token="swordfish")
    return home


@pytest.fixture(scope="module")
def run(home: Home) -> Run:
    return home.run()


def test_pages_are_as_long_as_the_server_makes_them(run: Run, sandbox: Sandbox) -> None:
    (listing,) = [listing for listing in run.listings if listing.connection == "capped"]
    assert (listing.outcome, listing.pages, listing.records) == ("verified", 3, 450)
    assert sorted(line.query_string for line in sandbox.requests) == [
        "Results_Count=1000&Results_Skip=0",
        "Results_Count=1000&Results_Skip=200",
        "Results_Count=1000&Results_Skip=400",
    ]


@pytest.mark.usefixtures("light")
def test_without_a_total_records_are_added_and_none_removed(home: Home, loopback: Loopback) -> None:
    def answer(asked: Asked, *, count: int) -> Answer:
        start = int(asked.query["Results_Skip"])
        return Answer({"Properties": [{"PropertySid": f"S{n}"} for n in range(count)][start : start + 50]})

    counts = {f"untotalled_{count}": count for count in (0, 49, 50, 51, 120, 150)}
    for name, count in counts.items():
        base_url = loopback.serve(name, functools.partial(answer, count=count))
        home.connect(name, "fone_dynamics", base_url=base_url, account_sid="A1", token="swordfish")
    reason = "TotalCount should be an integer, not missing"
    found = {listing.connection: listing for listing in home.run(*counts).listings}
    assert {name: (one.outcome, one.message, one.new) for name, one in found.items()} == {
        name: ("unverified", reason, count) for name, count in counts.items()
    }
    for name in counts:
        loopback.serve(name, Answer({"Properties": []}))
    listings = home.run(*counts).listings
    assert [(one.outcome, one.removed, one.held_back) for one in listings] == [("unverified", 0, 0)] * 6


def test_the_list_has_either_name(run: Run) -> None:
    outcomes = {
        listing.connection: (listing.outcome, listing.records, listing.message)
        for listing in run.listings
        if listing.connection in ANSWERS
    }
    remedy = "check the settings of {} in .dlt/config.toml, or ask the provider"
    assert outcomes == {
        "properties": ("verified", 1, None),
        "projects": ("verified", 1, None),
        "neither": (
            "failed",
            0,
            f"page 1: the answer has neither Properties nor Projects: {remedy.format('neither')}",
        ),
        "null": ("failed", 0, f"page 1: expected an array, not null: {remedy.format('null')}"),
        "empty": ("verified", 0, None),
    }


def test_a_property_is_read_by_its_id(home: Home, sandbox: Sandbox) -> None:
    (connection,) = load_connections(home.path, ["capped"])
    read_one = connection.provider.read_one
    assert read_one is not None
    wanted = sandbox.store("fone_dynamics").records(7, 8)[0]
    with HttpClient(connection, time.monotonic() + 60) as api:
        ask = ListingRequest(connection.settings)
        assert json.loads(read_one(api, ask, str(wanted["PropertySid"]))) == wanted
        with pytest.raises(MalformedAnswer) as refusal:
            read_one(api, ask, "S? #")
    message = "Properties/S%3F%20%23 answered 400 (NotFound: The property does not exist.)"
    assert refusal.value.reason == message


@pytest.mark.parametrize("spelling", ["Property", "Project"])
def test_a_property_is_read_under_either_name(spelling: str, loopback: Loopback, tmp_path: Path) -> None:
    assert read_one_answered({spelling: PROPERTY}, loopback, tmp_path) == PROPERTY


def test_an_answer_without_a_property_is_refused(loopback: Loopback, tmp_path: Path) -> None:
    with pytest.raises(MalformedAnswer, match=r"^the answer has no Property: check the settings of one "):
        read_one_answered({"Properties": [PROPERTY]}, loopback, tmp_path)


def read_one_answered(body: object, loopback: Loopback, directory: Path) -> object:
    home = Home(directory)
    base_url = loopback.serve("one", Answer(body))
    home.connect("one", "fone_dynamics", base_url=base_url, account_sid="A1", token="swordfish")
    (connection,) = load_connections(home.path)
    assert connection.provider.read_one is not None
    with HttpClient(connection, time.monotonic() + 60) as api:
        return json.loads(connection.provider.read_one(api, ListingRequest(connection.settings), "S1"))
