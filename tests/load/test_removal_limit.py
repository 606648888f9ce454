"""Promise 9: removals that look like a mistake are held back until an operator accepts the exact number."""

import pytest

from pipelines.commands.sync import Run
from pipelines.common.errors import ConfigurationError, UsageError
from tests.support.home import Home
from tests.support.light import light
from tests.support.loopback import Answer, Asked, Loopback, Script

# How many projects a listing has in the first run, and how many from then on.
LISTINGS = {
    "five_of_twenty": (20, 15),
    "six_of_twenty": (20, 14),
    "ten_of_a_hundred": (100, 90),
    "eleven_of_a_hundred": (100, 89),
    "all_of_three": (3, 0),
    "half": (20, 10),
    "half_again": (20, 10),
    "half_allowed": (20, 10),
}
CLIENTS = {"1": (20, 10), "2": (12, 6), "3": (9, 8), "4": (9, 1)}
TWO_CONTENTS = "1 id appeared twice with different content"


def belltastic(count: int) -> Answer:
    return Answer([{"id": number} for number in range(count)])


def rillsoft(run: int) -> Script:
    """The clients' projects in the first run (0) or later (1); then client 4 has one with two contents."""

    def answer(asked: Asked) -> Answer:
        client = asked.path.split("/")[1]
        projects: list[dict[str, object]] = [{"id": number} for number in range(CLIENTS[client][run])]
        if (client, run) == ("4", 1):
            projects.append({"id": 0, "name": "Other"})
        return Answer({"status": "success", "details": projects})

    return answer


def outcomes(run: Run) -> dict[str, tuple[str, int, int, str | None]]:
    """By connection and scope: the outcome, how many were removed and held back, and the message."""
    return {
        f"{listing.connection}{listing.scope or ''}": (
            listing.outcome,
            listing.removed,
            listing.held_back,
            listing.message,
        )
        for listing in run.listings
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def held(home: Home, loopback: Loopback) -> Run:
    """The second run, in which projects are missing."""
    for name, (count, _) in LISTINGS.items():
        limit = {"removal_limit": 0.5} if name == "half_allowed" else {}
        base_url = loopback.serve(name, belltastic(count))
        home.connect(name, "belltastic", base_url=base_url, api_token="user_1", **limit)
    base_url = loopback.serve("client", rillsoft(0))
    home.connect("client", "rillsoft", base_url=base_url, access_token="swordfish", client_ids=[*CLIENTS])
    with light():
        home.run()
    for name, (_, count) in LISTINGS.items():
        loopback.serve(name, belltastic(count))
    loopback.serve("client", rillsoft(1))
    with light():
        return home.run()


@pytest.fixture(scope="module")
def accepted(home: Home, held: Run) -> Run:
    """The third run, which accepts the exact numbers, except for `half_again`."""
    numbers = {"all_of_three": 3, "client": 16, "half": 10, "half_again": 9}
    with light():
        return home.run(*numbers, accept=numbers)


def test_promise_09_removals_that_look_like_a_mistake_are_held_back(held: Run) -> None:
    assert (held.outcome, held.exit_code) == ("partial", 3)
    # An id that appears twice with different bytes is read again, to compare the contents.
    twice = {listing.scope for listing in held.listings if listing.requests == 2}
    assert ({listing.requests for listing in held.listings if not listing.retries}, twice) == ({1, 2}, {"4"})
    assert outcomes(held) == {
        "five_of_twenty": ("verified", 5, 0, None),
        "six_of_twenty": ("held_back", 0, 6, "6 of 20 known records are missing"),
        "ten_of_a_hundred": ("verified", 10, 0, None),
        "eleven_of_a_hundred": ("held_back", 0, 11, "11 of 100 known records are missing"),
        "all_of_three": ("held_back", 0, 3, "3 of 3 known records are missing"),
        "half": ("held_back", 0, 10, "10 of 20 known records are missing"),
        "half_again": ("held_back", 0, 10, "10 of 20 known records are missing"),
        "half_allowed": ("verified", 10, 0, None),
        "client1": ("held_back", 0, 10, "10 of 20 known records are missing, 16 in all scopes"),
        "client2": ("held_back", 0, 6, "6 of 12 known records are missing, 16 in all scopes"),
        "client3": ("verified", 1, 0, None),
        "client4": ("unverified", 0, 0, TWO_CONTENTS),
    }


def test_only_the_exact_number_is_accepted(accepted: Run, home: Home) -> None:
    assert accepted.exit_code == 3
    assert outcomes(accepted) == {
        "all_of_three": ("verified", 3, 0, None),
        "client1": ("verified", 10, 0, None),
        "client2": ("verified", 6, 0, None),
        "client3": ("verified", 0, 0, None),
        "client4": ("unverified", 0, 0, TWO_CONTENTS),
        "half": ("verified", 10, 0, None),
        "half_again": ("held_back", 0, 10, "10 of 20 known records are missing, 9 were accepted"),
    }
    listed = home.rows(
        "select connection, count(*) as projects from raw.records where valid_to is null group by all"
    )
    assert {row["connection"]: row["projects"] for row in listed} == {
        "client": 33,
        "eleven_of_a_hundred": 100,
        "five_of_twenty": 15,
        "half": 10,
        "half_again": 20,
        "half_allowed": 10,
        "six_of_twenty": 20,
        "ten_of_a_hundred": 90,
    }


@pytest.mark.usefixtures("accepted")
def test_accepted_removals_need_a_connection_of_the_run(home: Home) -> None:
    with pytest.raises(UsageError) as refusal:
        home.run("half", accept={"half_again": 10})
    assert refusal.value.reason == "--accept-removals names half_again, which is not in this run"


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize(("name", "before"), [("half", "belltastic"), ("client", "rillsoft")])
def test_a_connection_stays_with_its_provider(name: str, before: str, home: Home) -> None:
    home.connect(name, "matter", base_url="https://matter.example.com", access_token="swordfish")
    with pytest.raises(ConfigurationError) as refusal:
        home.run(name)
    assert refusal.value.reason == f"connection {name} was of {before} and is now of matter"
