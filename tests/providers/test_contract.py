"""What every provider must do: found by its name, tested against its simulated version.

There are two runs. The first goes well; in the second, every listing of a connection meets the trouble that
the connection is named after, as many `times` as it says, or always.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from pipelines.commands.sync import ListingResult, Run
from pipelines.extract.provider import find_providers
from pipelines.sandbox import Fault, Record, Sandbox
from pipelines.warehouse.publish import publish
from tests.support.home import Home, Row, sandbox_settings
from tests.support.loopback import Answer, Asked, Loopback, Script

PROVIDERS = find_providers(Path())
RECORDS = 12
PAGE_SIZES = {"small_pages": 5, "large_pages": 100}
JSON = {"Content-Type": "application/json"}
ECHO = {"status": {"code": "SECRET"}, "message": "SECRET", "ResponseStatus": {"Message": "SECRET"}}

TROUBLES: dict[str, dict[str, Any]] = {
    "unauthorized": {"status": 401},
    "echo": {"status": 400, "body": json.dumps(ECHO)},
    "down": {"status": 500},
    "limited": {"status": 429, "headers": {"Retry-After": "0"}, "times": 2},
    "cut_short": {"status": 200, "headers": JSON | {"Content-Length": "99"}, "body": "[", "times": 1},
    "login_page": {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>Log in</html>"},
    "plain_text": {"status": 200, "headers": {"Content-Type": "text/plain"}, "body": "[]"},
    "not_json": {"status": 200, "headers": JSON, "body": "[}"},
    "redirect": {"status": 302, "headers": {"Location": "/elsewhere"}},
}


@dataclass(frozen=True)
class Runs:
    """Both runs, the versions known after each, and the files that held a secret while one ran."""

    sandboxes: Mapping[str, Sandbox]
    loopback: Loopback
    first: Run
    second: Run
    versions: tuple[list[Row], list[Row]]
    leaks: list[Path]

    def listings(self, provider: str, trouble: str) -> list[ListingResult]:
        """How the second run's listings of a connection went: one, or at Rillsoft one for each client."""
        name = f"{provider}_{trouble}"
        return [listing for listing in self.second.listings if listing.connection == name]

    def known(self, provider: str, trouble: str) -> tuple[list[Row], list[Row]]:
        """The versions of a connection's records after every run."""
        name = f"{provider}_{trouble}"
        before, after = ([row for row in rows if row["connection"] == name] for rows in self.versions)
        return before, after

    def asked(self, provider: str, trouble: str) -> list[str]:
        """The requests of the second run for a connection's listings."""
        sent = self.sandboxes[trouble].requests
        return [str(line) for line in sent if line.provider == provider and line.method == "GET"]


def backwards(found: Any) -> Any:
    """An answer with its list of records in the other order."""
    if isinstance(found, list):
        return found[::-1]
    return {key: backwards(part) for key, part in found.items()} if isinstance(found, dict) else found


def passed_on(base_url: str, *, turned: bool) -> Script:
    """What the server at `base_url` answers, with its records `turned` into the other order or not."""

    def answer(asked: Asked) -> Answer:
        headers = {name: value for name, value in asked.headers.items() if name != "Host"}
        given = requests.request(
            asked.method,
            f"{base_url}/{asked.path}",
            params=asked.query,
            headers=headers,
            data=asked.body,
            timeout=10,
        )
        kept = {name: given.headers[name] for name in ("Content-Type", "Set-Cookie") if name in given.headers}
        return Answer(backwards(given.json()) if turned else given.content, given.status_code, kept)

    return answer


def connect(home: Home, trouble: str, sandbox: Sandbox, loopback: Loopback) -> None:
    for provider, settings in sandbox_settings(sandbox).items():
        name = f"{provider}_{trouble}"
        if trouble == "reversed":
            script = passed_on(settings["base_url"], turned=False)
            settings["base_url"] = loopback.serve(name, script)
        if trouble in PAGE_SIZES and any(key.name == "page_size" for key in PROVIDERS[provider].settings):
            settings["page_size"] = PAGE_SIZES[trouble]
        home.connect(name, provider, **settings)


def make_trouble(trouble: str, sandbox: Sandbox, loopback: Loopback) -> None:
    for provider, settings in sandbox_settings(sandbox).items():
        if trouble == "reversed":
            loopback.serve(f"{provider}_{trouble}", passed_on(settings["base_url"], turned=True))
        elif trouble in TROUBLES:
            fault = {"times": None} | TROUBLES[trouble]
            (secret,) = secrets(provider, settings)
            fault["body"] = fault.get("body", "").replace("SECRET", secret)
            sandbox.faults.add(Fault(provider, match="^GET", **fault))


def secrets(provider: str, settings: Mapping[str, str]) -> list[str]:
    return [settings[key.name] for key in PROVIDERS[provider].settings if key.secret]


def files_with_secrets(home: Path, sandbox: Sandbox) -> Iterator[Path]:
    configured = sandbox_settings(sandbox).items()
    canaries = [secret.encode() for connection in configured for secret in secrets(*connection)]
    for path in home.rglob("*"):
        if path.is_file() and path.parent != home / ".dlt":
            content = path.read_bytes()
            yield from (path for canary in canaries if canary in content)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Runs]:
    home = Home(tmp_path_factory.mktemp("home"))
    leaks: list[Path] = []

    def search_and_publish(draft: Path, *place: Any) -> tuple[str, ...]:
        leaks.extend(files_with_secrets(home.path, sandboxes["down"]))
        return publish(draft, *place)

    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        def stand_in(records: int) -> Sandbox:
            return stack.enter_context(Sandbox(projects=records, files=records))

        healthy = stand_in(RECORDS)
        sandboxes = dict.fromkeys(("reversed", *PAGE_SIZES), healthy) | {"empty": stand_in(0)}
        sandboxes |= {trouble: stand_in(RECORDS) for trouble in TROUBLES}
        for trouble, sandbox in sandboxes.items():
            connect(home, trouble, sandbox, loopback)
        patch.setattr("pipelines.warehouse.file_store.publish", search_and_publish)
        first = home.run()
        before = home.rows("from raw.records order by all")
        for trouble, sandbox in sandboxes.items():
            make_trouble(trouble, sandbox, loopback)
            sandbox.traffic.clear()
        second = home.run(full=True)
        after = home.rows("from raw.records order by all")
        yield Runs(sandboxes, loopback, first, second, (before, after), leaks)


def each_provider(test):
    return pytest.mark.parametrize("provider", PROVIDERS)(test)


def test_the_first_run_is_verified(runs: Runs) -> None:
    assert runs.first.outcome == "complete"
    assert runs.first.exit_code == 0


@pytest.mark.parametrize("pages", PAGE_SIZES)
@each_provider
def test_every_record_is_listed_once(provider: str, pages: str, runs: Runs) -> None:
    held: list[Record] = []
    for listing in runs.listings(provider, pages):
        held += runs.sandboxes[pages].store(provider, listing.scope and int(listing.scope)).records()
        assert listing.outcome == "verified"
    before, after = runs.known(provider, pages)
    assert sorted(json.dumps(row["payload"]) for row in before) == sorted(map(json.dumps, held))
    assert len(before) == RECORDS
    assert [row | {"last_seen_at": None} for row in after] == [row | {"last_seen_at": None} for row in before]


@each_provider
def test_an_empty_account_is_verified(provider: str, runs: Runs) -> None:
    listings = runs.listings(provider, "empty")
    assert {(listing.outcome, listing.records, listing.removed) for listing in listings} == {
        ("verified", 0, 0)
    }


@each_provider
def test_another_order_of_records_is_not_a_change(provider: str, runs: Runs) -> None:
    listings = runs.listings(provider, "reversed")
    assert {(listing.outcome, listing.changed, listing.new) for listing in listings} == {("verified", 0, 0)}
    assert sum(listing.unchanged for listing in listings) == RECORDS


@pytest.mark.parametrize(
    ("trouble", "requests", "message"),
    [
        ("unauthorized", 1, "answered 401: check the credentials of"),
        ("echo", 1, "***"),
        ("down", 5, "answered 500"),
        ("login_page", 1, "got text/html"),
        ("plain_text", 1, "got text/plain"),
        ("not_json", 1, "[}"),
        ("redirect", 1, "answered 302, a redirect, which is never followed: correct base_url"),
    ],
)
@each_provider
def test_a_listing_that_fails_keeps_its_rows(
    provider: str, trouble: str, requests: int, message: str, runs: Runs
) -> None:
    listings = runs.listings(provider, trouble)
    assert {(listing.outcome, listing.records) for listing in listings} == {("failed", 0)}
    assert all(message in str(listing.message) for listing in listings)
    before, after = runs.known(provider, trouble)
    assert (after, len(after)) == (before, RECORDS)
    sign_ins = 2 if PROVIDERS[provider].sign_in and trouble == "unauthorized" else 1
    asked = (
        2 if trouble == "unauthorized" and len(listings) > 1 else len(listings)
    )  # no more requests with one token
    assert len(runs.asked(provider, trouble)) == requests * sign_ins * asked


@pytest.mark.parametrize(("trouble", "retries"), [("limited", 2), ("cut_short", 1)])
@each_provider
def test_a_temporary_failure_is_retried_until_verified(
    provider: str, trouble: str, retries: int, runs: Runs
) -> None:
    listings = runs.listings(provider, trouble)
    assert {listing.outcome for listing in listings} == {"verified"}
    assert sum(listing.unchanged for listing in listings) == RECORDS
    assert sum(listing.retries for listing in listings) == retries


@each_provider
def test_requests_say_who_asks_and_change_nothing(provider: str, runs: Runs) -> None:
    asked = runs.loopback.asked[f"{provider}_reversed"]
    assert {one.headers["User-Agent"].split("/")[0] for one in asked} == {"rollcall"}
    assert {one.method for one in asked} == {"GET"} | ({"POST"} if PROVIDERS[provider].sign_in else set())
    assert {one.path for one in asked if one.method == "POST"} <= {"auth/credentials"}


def test_secrets_are_in_no_file_and_no_message(runs: Runs) -> None:
    assert runs.leaks == []
    canaries = [one for item in sandbox_settings(runs.sandboxes["echo"]).items() for one in secrets(*item)]
    messages = [str(listing.message) for listing in runs.second.listings]
    assert [canary for canary in canaries for message in messages if canary in message] == []
