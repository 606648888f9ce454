"""Every kind of fault: what is published after it, and the message.

There are two runs for each provider, with a connection for each fault. In the first run the server answers
correctly; in the second it does what the connection is named after.

The suite plays a fault of the transport at one provider, and any other at one provider with pages and at one
without, each in turn. `make campaign-faults` plays every fault at every provider.
"""

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from pipelines.cli.run_view import attention
from pipelines.commands.sync import ListingResult, Run
from pipelines.sandbox.world import World
from tests.extract.faults import body
from tests.extract.faults.cases import ALL, EXPECTED, PAGED, PATH, RECORDS, UNPAGED, Case
from tests.extract.faults.hostile import TOTAL, Authority, Hostile
from tests.extract.faults.invariants import broken_promises
from tests.extract.faults.listing import LISTING
from tests.extract.faults.transport import TRANSPORT
from tests.support.home import Home, Row
from tests.support.light import light

CASES: Mapping[str, Case] = {**TRANSPORT, **body.BODY, **LISTING}


def places() -> Iterator[tuple[str, str]]:
    """Each provider that a case is played at, and the case."""
    for number, (name, case) in enumerate(CASES.items()):
        kinds = (ALL,) if name in TRANSPORT else (PAGED, UNPAGED)
        for able in ([provider for provider in kind if provider in case.of] for kind in kinds):
            if os.environ.get("FAULTS") == "all":
                yield from ((provider, name) for provider in able)
            elif able:
                yield able[number % len(able)], name


PLAYED = sorted(places())
COUNTS = ("new", "changed", "removed", "unchanged", "repeated", "quarantined", "held_back")


@dataclass(frozen=True)
class Runs:
    """Both runs of a provider: what was published after each, and the server that was asked."""

    home: Home
    server: Hostile
    first: Run
    second: Run
    base_urls: Mapping[str, str]
    current: tuple[dict[str, list[Row]], dict[str, list[Row]]]

    def listing(self, name: str) -> ListingResult:
        (listing,) = [listing for listing in self.second.listings if listing.connection == name]
        return listing

    def known(self, name: str) -> tuple[list[Row], list[Row]]:
        """The rows of a connection after every run."""
        before, after = self.current
        return before[name], after.get(name, [])


@functools.cache
def world(records: int) -> World:
    """That many records for each provider; at Rillsoft, for each of its three clients."""
    return World(seed=1, projects=dict.fromkeys(ALL, records) | {"rillsoft": 3 * records}, files=records)


def settings(provider: str, case: Case, server: Hostile, name: str) -> dict[str, object]:
    """What a user configures for the account that plays a case."""
    given = server.open(name, provider, world(case.known))
    if provider == "rillsoft":
        given["client_ids"] = [11]
    if provider in PAGED:
        given["page_size"] = 5 if case.known == RECORDS else 100
    return given | {"ca_file": str(server.authority.file), "max_retries": 1}


def play(provider: str, home: Home, server: Hostile) -> Runs:
    cases = {name: case for name, case in CASES.items() if (provider, name) in PLAYED}
    accounts = {name: settings(provider, case, server, name) for name, case in cases.items()}
    home.connect_each(provider, accounts)
    with light():  # these tests do not read the published tables
        first = home.run(full=True)
    before = by_connection(home)
    base_urls = {}
    for name, case in cases.items():
        server.accounts[name].turn(case.fault)
        place = str(accounts[name]["base_url"]).split(f"/{name}", 1)[1]
        base_urls[name] = server.base_url(name, place, case.certificate)
        accounts[name] |= {"base_url": base_urls[name], **case.settings}
    home.connect_each(provider, accounts)
    with light():
        second = home.run(full=True)
    return Runs(home, server, first, second, base_urls, (before, by_connection(home)))


def by_connection(home: Home) -> dict[str, list[Row]]:
    """The current versions of each connection's records."""
    found: dict[str, list[Row]] = {}
    for row in home.rows("select *, payload::text as text from raw.records where valid_to is null"):
        found.setdefault(row["connection"], []).append(row)
    return found


@pytest.fixture(scope="module")
def play_once(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Runs]]:
    with ExitStack() as stack:

        def played(provider: str) -> Runs:
            server = stack.enter_context(Hostile(authority))
            return play(provider, Home(tmp_path_factory.mktemp(provider)), server)

        yield functools.cache(played)


@pytest.fixture
def runs(provider: str, play_once: Callable[[str], Runs]) -> Runs:
    return play_once(provider)


each_case = pytest.mark.parametrize(("provider", "name"), PLAYED)
each_provider = pytest.mark.parametrize("provider", ALL)


@each_case
def test_a_fault_gives_the_expected_listing(runs: Runs, name: str) -> None:
    case, listing = CASES[name], runs.listing(name)
    values = {
        "path": PATH[listing.provider],
        "first_path": "auth/credentials" if listing.provider == "evovoice" else PATH[listing.provider],
        "connection": name,
        "expected": EXPECTED[listing.provider],
        "base_url": runs.base_urls[name],
        "count": TOTAL.get(listing.provider, ("",))[-1].replace("t", "T", listing.provider == "evovoice"),
        **body.TOLD_BY[listing.provider],
    }
    message = case.message and case.message.format(**values)
    if message and message.endswith("…") and listing.message:
        assert listing.message.startswith(message[:-1])
        message = listing.message
    if case.is_timed and listing.message:  # on a busy machine the login may take too long too
        message = message and message.replace(PATH[listing.provider], listing.message.split()[2])
    assert (listing.outcome, listing.message) == (case.outcome, message)
    counts = {count: getattr(listing, count) for count in COUNTS if getattr(listing, count)}
    kept = {} if case.outcome == "failed" else {"unchanged": case.known}
    assert counts == {count: number for count, number in (kept | case.counts).items() if number}
    asked = [one for one in runs.server.accounts[name].asked if one.method == "GET"]
    assert case.requests in {None, len(asked)} or case.is_timed
    assert case.retries in {None, listing.retries}


def version(row: Row) -> tuple[object, ...]:
    return row["record_id"], row["valid_from"]


@each_provider
def test_promise_07_records_are_kept_as_sent(runs: Runs) -> None:
    for name in runs.base_urls:
        before, after = runs.known(name)
        sent = b"\n".join(runs.server.accounts[name].sent).decode(errors="replace")
        texts = {row["text"] for row in before}
        assert [row["text"] for row in after if row["text"] not in texts and row["text"] not in sent] == []
        counts = CASES[name].counts
        kept = {version(row) for row in after}
        lost = [row for row in before if version(row) not in kept]
        assert (name, len(lost)) == (name, counts.get("changed", 0) + counts.get("removed", 0))
        assert (name, len(after)) == (name, len(before) + counts.get("new", 0) - counts.get("removed", 0))


@each_provider
def test_promises_05_08_and_10_hold_with_every_fault(runs: Runs) -> None:
    assert runs.first.outcome == "complete"
    assert (runs.second.outcome, runs.second.exit_code) == ("partial", 3)
    assert broken_promises(runs.home) == []


@each_provider
def test_promise_17_a_failure_is_one_line(runs: Runs) -> None:
    for line in attention(runs.second):
        assert line.isprintable()
        assert len(line) < 700


@each_provider
def test_promises_22_and_26_only_gets_and_a_login_reach_the_host_configured(runs: Runs) -> None:
    asked = [one for account in runs.server.accounts.values() for one in account.asked]
    posts = {one.path for one in asked if one.method == "POST"}
    assert {one.method for one in asked} <= {"GET", "POST"}
    assert posts == ({"/evovoice/auth/credentials"} if asked[0].provider == "evovoice" else set())
    assert runs.server.strays == []
