"""Promises 5, 6 and 8: when a listing is verified, and what happens if it is not.

There are two runs. In the first, all listings are complete; the scripted ones hold the properties A and B,
on a page each. In the second, the scripted ones follow their cases, and those of the sandbox change
meanwhile.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pipelines.commands.sync import ListingResult, Run
from pipelines.sandbox import PROVIDERS, RILLSOFT_CLIENT_IDS, RequestLine, Sandbox
from tests.support.home import Home, sandbox_settings
from tests.support.loopback import Answer, Asked, Loopback, Script

A, B, C = ({"PropertySid": sid, "Name": f"Property {sid}"} for sid in "ABC")
RENAMED = A | {"Name": "Renamed"}
NO_COUNT = "TotalCount should be an integer, not"
CIRCLES = "it repeats an earlier page: check the provider's paging"


@dataclass(frozen=True)
class Case:
    """What a listing contains in the second run, its total, and the expected result."""

    pages: list[list[object]]
    total: object
    outcome: str
    message: str | None = None
    requests: int = 1
    new: int = 0
    unchanged: int = 2
    repeated: int = 0
    quarantined: int = 0


CASES = {
    "whole": Case([[A], [B]], 2, "verified", requests=2),
    "total_as_text": Case([[A], [B]], "2", "verified", requests=2),
    "overlap": Case([[A, B], [B, C]], 3, "verified", requests=2, new=1, repeated=1),
    "low": Case([[A, B, C]], 2, "unverified", "the provider counts 2 records, but 3 were received", 8, new=1),
    "high": Case([[A], [B]], 3, "unverified", "the provider counts 3 records, but 2 were received", 12),
    "gap": Case([[A], [], [B]], 3, "unverified", "the provider counts 3 records, but 2 were received", 12),
    "null": Case([[A], [B]], None, "unverified", f"{NO_COUNT} null", 3),
    "negative": Case([[A], [B]], -2, "unverified", f"{NO_COUNT} -2", 3),
    "fraction": Case([[A], [B]], 2.0, "unverified", f"{NO_COUNT} 2.0", 3),
    "immense": Case([[A], [B]], "9" * 5000, "unverified", f'{NO_COUNT} "{"9" * 39}…', 3),
    "endless": Case(
        [[A], [B]], 10**15, "unverified", "page 103: 100 pages were empty: check the provider's paging", 103
    ),
    "same_page": Case([[A], [A], [A]], 3, "unverified", f"page 2: {CIRCLES}", 2, unchanged=1),
    "two_pages": Case([[A], [B], [A], [B]], 4, "unverified", f"page 3: {CIRCLES}", 3),
    "two_faces": Case(
        [[A, RENAMED, C]],
        2,
        "unverified",
        "1 id appeared twice with different content",
        requests=8,
        new=1,
        unchanged=0,
        quarantined=2,
    ),
    "nameless": Case(
        [[A, {}], [{"PropertySid": None}, {"PropertySid": 1.5}], ["é" * 30, C]],
        6,
        "unverified",
        "4 records have no readable id",
        requests=3,
        new=1,
        unchanged=1,
        quarantined=4,
    ),
}


def properties(pages: list[list[object]], total: object) -> Script:
    """Fone Dynamics with these pages, and empty ones after them."""

    def answer(asked: Asked) -> Answer:
        page = int(asked.query["Results_Skip"]) // len(pages[0])
        return Answer({"Properties": pages[page] if page < len(pages) else [], "TotalCount": total})

    return answer


def matter(page_count: str) -> Script:
    """Matter with seven projects in pages of three; `page_count` is the number of pages that it states."""
    projects = [{"originId": f"project {number}"} for number in range(7)]

    def answer(asked: Asked) -> Answer:
        start = 3 * (int(asked.query["pageNumber"]) - 1)
        search = {"numberOfElements": "7", "numberOfPages": page_count}
        return Answer(
            {
                "status": {"state": "SUCCESS"},
                "result": {"searchInfo": search, "data": projects[start : start + 3]},
            }
        )

    return answer


def move_on_page_two(sandbox: Sandbox, times: int) -> None:
    """Each time that a second page is requested, add a property and remove the first project."""
    matter, fone_dynamics = sandbox.store("matter"), sandbox.store("fone_dynamics")
    moves = {
        "matter": itertools.repeat(lambda: matter.remove(str(matter.records(0, 1)[0]["originId"])), times),
        "fone_dynamics": itertools.repeat(fone_dynamics.add, times),
    }

    def hook(request: RequestLine) -> None:
        if request.query.get("pageNumber") == "2" or request.query.get("Results_Skip") == "10":
            for move in itertools.islice(moves[request.provider], 1):
                move()

    sandbox.before_request(hook)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def run(home: Home, loopback: Loopback) -> Iterator[Run]:
    """The second run."""
    alone = {"max_connections": 1, "page_size": 10}
    for name in CASES:
        base_url = loopback.serve(name, properties([[A], [B]], 2))
        home.connect(name, "fone_dynamics", base_url=base_url, account_sid="A", token="swordfish", **alone)
    for pages in (2, 3, 4):
        base_url = loopback.serve(f"pages_{pages}", matter(str(pages)))
        home.connect(f"pages_{pages}", "matter", base_url=base_url, access_token="swordfish")
    with Sandbox(projects=25) as settling, Sandbox(projects=25) as restless:
        for name, sandbox in (("settling", settling), ("restless", restless)):
            for provider in ("fone_dynamics", "matter"):
                settings = sandbox_settings(sandbox)[provider]
                home.connect(f"{provider}_{name}", provider, **settings, **alone)
        home.run()
        for name, case in CASES.items():
            loopback.serve(name, properties(case.pages, case.total))
        move_on_page_two(settling, times=1)
        move_on_page_two(restless, times=100)
        yield home.run()


@pytest.fixture(scope="module")
def listings(run: Run) -> dict[str, ListingResult]:
    return {listing.connection: listing for listing in run.listings}


@pytest.mark.parametrize("name", CASES)
def test_a_listing_is_compared_with_its_own_totals(name: str, listings: dict[str, ListingResult]) -> None:
    case, listing = CASES[name], listings[name]
    assert (listing.outcome, listing.message, listing.requests) == (case.outcome, case.message, case.requests)
    assert (listing.new, listing.unchanged, listing.repeated, listing.quarantined) == (
        case.new,
        case.unchanged,
        case.repeated,
        case.quarantined,
    )


@pytest.mark.usefixtures("run")
def test_an_unverified_listing_closes_nothing(home: Home) -> None:
    known = "select record_id from raw.records where connection = $1 and valid_to is null order by all"
    for name, case in CASES.items():
        ids = "ABC" if case.new else "AB"
        assert home.rows(known, name) == [{"record_id": record_id} for record_id in ids]


def test_a_run_with_an_unverified_listing_says_so(run: Run) -> None:
    assert (run.outcome, run.exit_code) == ("partial", 3)


@pytest.mark.usefixtures("run")
def test_quarantined_records_are_kept_with_their_reason(home: Home) -> None:
    quarantine = "select connection, record_id, reason, payload from quarantine"
    twice = "it was received 2 times with different content"
    no_id = "its id, PropertySid, is"
    assert home.rows(f"{quarantine} where connection in ('nameless', 'two_faces') order by all") == [
        {"connection": connection, "record_id": record_id, "reason": reason, "payload": payload}
        for connection, record_id, reason, payload in (
            ("nameless", None, f'it is not an object but "{"é" * 19}\ufffd', f'"{"é" * 30}"'),
            ("nameless", None, f"{no_id} 1.5", '{"PropertySid": 1.5}'),
            ("nameless", None, f"{no_id} missing", '{"PropertySid": null}'),
            ("nameless", None, f"{no_id} missing", "{}"),
            ("two_faces", "A", twice, '{"PropertySid": "A", "Name": "Property A"}'),
            ("two_faces", "A", twice, '{"PropertySid": "A", "Name": "Renamed"}'),
        )
    ]


def test_a_number_of_pages_may_round_up_or_down(listings: dict[str, ListingResult]) -> None:
    assert {
        name: (listing.outcome, listing.records, listing.message)
        for name, listing in listings.items()
        if name.startswith("pages")
    } == {
        "pages_2": ("verified", 7, None),
        "pages_3": ("verified", 7, None),
        "pages_4": ("unverified", 7, "7 records do not match 4 pages"),
    }


@pytest.mark.parametrize(
    ("name", "outcome", "requests", "message", "counts"),
    [
        ("fone_dynamics_settling", "verified", 6, None, (1, 0, 25)),
        ("matter_settling", "verified", 9, None, (0, 1, 24)),
        ("fone_dynamics_restless", "unverified", 12, "28 and 29", (4, 0, 25)),
        ("matter_restless", "unverified", 12, "21 and 22", (0, 0, 21)),
    ],
)
def test_a_listing_that_moves_is_read_again_up_to_three_times(
    name: str,
    outcome: str,
    requests: int,
    message: str | None,
    counts: tuple[int, int, int],
    listings: dict[str, ListingResult],
) -> None:
    listing = listings[name]
    expected = message and f"its total changed while it was read: {message}"
    assert (listing.outcome, listing.requests, listing.message) == (outcome, requests, expected)
    assert (listing.new, listing.removed, listing.unchanged) == counts


def test_every_record_of_many_pages_arrives(home: Home) -> None:
    with Sandbox(projects=250, files=250) as sandbox:
        home.connect_all(sandbox, "_many")
        home.run(*(f"{provider}_many" for provider in PROVIDERS))
        sent = {
            json.dumps(record, sort_keys=True)
            for provider in PROVIDERS
            for scope in (RILLSOFT_CLIENT_IDS if provider == "rillsoft" else (None,))
            for record in sandbox.store(provider, scope).records()
        }
    rows = home.rows("select payload from raw.records where connection like '%_many'")
    assert {json.dumps(row["payload"], sort_keys=True) for row in rows} == sent
    assert len(rows) == len(sent) == 5 * 250
