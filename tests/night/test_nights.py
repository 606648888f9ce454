"""Nights over the sandbox: what is in the warehouse is what the providers listed, night by night."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pipelines import sync as sync_module
from pipelines.sandbox import RILLSOFT_CLIENT_IDS, Fault, Sandbox
from pipelines.sandbox.store import Record, Store
from tests.night.conftest import Home, outcomes

ID = {
    "fone_dynamics": "PropertySid",
    "matter": "originId",
    "rillsoft": "id",
    "evovoice": "id",
    "belltastic": "id",
}
NAME = {
    "fone_dynamics": "Name",
    "matter": "name",
    "rillsoft": "name",
    "evovoice": "fileName",
    "belltastic": "name",
}
VOLATILE = {"isReadOnly", "lockAt", "lockUserId", "lockUserName", "uri"}
ALL_PROVEN = dict.fromkeys(
    ["belltastic", "evovoice", "fone_dynamics", "matter", *(f"rillsoft {n}" for n in RILLSOFT_CLIENT_IDS)],
    "proven",
)

Key = tuple[str, str | None, str]


def stores(sandbox: Sandbox) -> Iterator[tuple[str, str | None, Store]]:
    for provider in ID:
        for client in RILLSOFT_CLIENT_IDS if provider == "rillsoft" else (None,):
            yield provider, client and str(client), sandbox.store(provider, client)


def listed(sandbox: Sandbox) -> dict[Key, Record]:
    """What a night should hear: every record of every listing."""
    return {
        (provider, scope, str(record[ID[provider]])): record
        for provider, scope, store in stores(sandbox)
        for record in store.records()
    }


def content(record: Record) -> dict[str, object]:
    return {name: value for name, value in record.items() if name not in VOLATILE}


def remembered(history: dict[Key, list[list]], now: datetime, tonight: dict[Key, Record]) -> None:
    """The model of history: close what is gone or different, begin what is new or different."""
    for key, versions in history.items():
        if versions[-1][1] is None and content(tonight.get(key, {})) != versions[-1][2]:
            versions[-1][1] = now
    for key, record in tonight.items():
        versions = history.setdefault(key, [])
        if not versions or versions[-1][1] is not None:
            versions.append([now, None, content(record)])


def shake(sandbox: Sandbox, chance: random.Random, gone: dict[tuple[str, str | None], list]) -> None:
    """A day at the providers: two changes in each listing; by chance a removal, a return, a creation."""
    for provider, scope, store in stores(sandbox):
        ids = [record[ID[provider]] for record in store.records()]
        away = gone.setdefault((provider, scope), [])
        for record_id in chance.sample(ids, 2):
            store.change(record_id, **{NAME[provider]: f"renamed {chance.randrange(3)}"})
        if away and chance.random() < 0.5:
            store.restore(away.pop(chance.randrange(len(away))))
        if chance.random() < 0.5:
            away.append(chance.choice(ids))
            store.remove(away[-1])
        if chance.random() < 0.5:
            store.add()


def test_promise_11_ten_nights_are_remembered_as_they_were_listed(home: Home, sandbox: Sandbox) -> None:
    chance = random.Random(11)
    history: dict[Key, list[list]] = {}
    nights = []
    gone: dict[tuple[str, str | None], list] = {}
    for _ in range(10):
        night = home.night(full=True)
        assert outcomes(night) == ALL_PROVEN
        nights.append((night.started_at, listed(sandbox)))
        remembered(history, night.started_at, nights[-1][1])
        shake(sandbox, chance, gone)
    rows = home.rows(
        "select connection, scope, record_id, valid_from, valid_to, payload "
        "from raw.records order by valid_from"
    )
    found: dict[Key, list[list]] = {}
    for connection, scope, record_id, valid_from, valid_to, payload in rows:
        versions = found.setdefault((connection, scope, record_id), [])
        versions.append([valid_from, valid_to, content(json.loads(payload))])
    assert found == history
    assert sum(len(versions) for versions in history.values()) > len(history) + 50
    for started_at, tonight in nights:
        expected = sorted(
            (f"{provider}:{scope}:{name}" if scope else f"{provider}:{name}", record[NAME[provider]])
            for (provider, scope, name), record in tonight.items()
            if provider != "evovoice"
        )
        sql = "select project_key, name from projects_as_of($1) where provider <> 'evovoice' order by all"
        assert home.rows(sql, started_at) == expected
        customers = {
            record["customerId"] or record["accountId"]
            for (provider, *_), record in tonight.items()
            if provider == "evovoice"
        }
        sql = "select project_id from projects_as_of($1) where provider = 'evovoice'"
        assert {row[0] for row in home.rows(sql, started_at)} == customers


def test_promise_4_the_same_answers_change_nothing(home: Home) -> None:
    home.night(full=True)
    tables = ["projects_history", "project_changes", "files_history"]
    first = [home.rows(f"from {table}") for table in tables]
    raw = home.rows("select * exclude (last_seen_at) from raw.records order by all")
    projects = home.rows("select * exclude (last_seen_at) from projects")
    second = home.night(full=True)
    assert {(listing.new, listing.changed, listing.removed) for listing in second.listings} == {(0, 0, 0)}
    assert [home.rows(f"from {table}") for table in tables] == first
    assert home.rows("select * exclude (last_seen_at) from raw.records order by all") == raw
    assert home.rows("select * exclude (last_seen_at) from projects") == projects
    assert home.rows("select distinct last_seen_at from projects") == [(second.started_at,)]


@pytest.mark.parametrize("back", [timedelta(0), timedelta(hours=1), timedelta(days=20000)])
def test_promise_14_nights_rise_when_the_clock_does_not(
    home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, back: timedelta
) -> None:
    first = home.night("matter").started_at

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return first - back

    monkeypatch.setattr(sync_module, "datetime", Clock)
    project = sandbox.store("matter").records(0, 1)[0]["originId"]
    sandbox.store("matter").change(project, name="Later")
    assert home.night("matter").started_at == first + timedelta(milliseconds=1)
    sql = "select valid_from, valid_to from projects_history where project_id = $1 order by version"
    second = first + timedelta(milliseconds=1)
    assert home.rows(sql, project) == [(first, second), (second, None)]
    assert first.tzinfo is not None
    assert first.astimezone(UTC) == first


def test_promise_6_a_provider_that_fails_is_alone(home: Home, sandbox: Sandbox) -> None:
    home.night()
    before = home.rows("from projects where provider = 'matter'")
    sandbox.faults.add(Fault("matter", times=None, status=500))
    sandbox.store("belltastic").change(1, name="Renamed")
    night = home.night()
    assert outcomes(night) == ALL_PROVEN | {"matter": "failed"}
    assert night.exit_code == 3
    assert home.rows("from projects where provider = 'matter'") == before
    assert home.rows("select name from projects where project_key = 'belltastic:1'") == [("Renamed",)]
    assert home.rows("select connection, outcome from connections where outcome <> 'proven'") == [
        ("matter", "failed")
    ]


def test_promise_9_what_looks_like_a_mistake_is_held_back(home: Home, sandbox: Sandbox) -> None:
    home.night()
    store = sandbox.store("belltastic")
    for record in store.records(0, 15):
        store.remove(record["id"])
    held = home.night("belltastic")
    assert [(listing.outcome, listing.held_back, listing.removed) for listing in held.listings] == [
        ("held_back", 15, 0)
    ]
    assert held.exit_code == 3
    wrong = home.night("belltastic", accept={"belltastic": 14})
    assert [listing.message for listing in wrong.listings] == [
        "15 of 30 known records are missing, 14 were accepted"
    ]
    assert home.rows("select count(*) from projects where provider = 'belltastic'") == [(30,)]
    right = home.night("belltastic", accept={"belltastic": 15})
    assert [(listing.outcome, listing.removed) for listing in right.listings] == [("proven", 15)]
    assert home.rows("select count(*) from projects where provider = 'belltastic'") == [(15,)]


def test_promise_9_a_few_go_at_once_and_an_empty_listing_never_does(home: Home, sandbox: Sandbox) -> None:
    home.night("belltastic")
    store = sandbox.store("belltastic")
    for record in store.records(0, 5):
        store.remove(record["id"])
    assert [(listing.outcome, listing.removed) for listing in home.night("belltastic").listings] == [
        ("proven", 5)
    ]
    sandbox.faults.add(
        Fault("belltastic", status=200, headers={"Content-Type": "application/json"}, body="[]")
    )
    assert [(listing.outcome, listing.held_back) for listing in home.night("belltastic").listings] == [
        ("held_back", 25)
    ]


def test_a_listing_that_moves_is_read_again(home: Home, sandbox: Sandbox) -> None:
    home.configure(
        (home.path / ".dlt/config.toml")
        .read_text()
        .replace("[sources.matter]", "[sources.matter]\npage_size = 10"),
        sandbox.secrets_toml(),
    )
    moves = iter([True, False, False, False])
    sandbox.before_request(
        lambda request: (
            sandbox.store("matter").remove(sandbox.store("matter").records(0, 1)[0]["originId"])
            if request.query.get("pageNumber") == "2" and next(moves, False)
            else None
        )
    )
    (listing,) = home.night("matter").listings
    assert (listing.outcome, listing.records, listing.pages, listing.requests) == ("proven", 29, 3, 6)
    sandbox.before_request(
        lambda request: (
            sandbox.store("matter").add() and None if request.query.get("pageNumber") == "2" else None
        )
    )
    (listing,) = home.night("matter").listings
    assert (listing.outcome, listing.removed) == ("unproven", 0)
    assert str(listing.message).startswith("its total changed while it was read: ")


def test_evovoice_is_asked_for_a_window_that_closes_nothing_outside_it(home: Home, sandbox: Sandbox) -> None:
    home.night("evovoice")
    files = sandbox.store("evovoice")
    old, new = files.records(0, 1)[0], files.records(len(files) - 1)[0]
    files.remove(old["id"])
    files.remove(new["id"])
    sandbox.traffic.clear()
    (listing,) = home.night("evovoice").listings
    (asked,) = {
        request.query["DateCreatedStart"] for request in sandbox.requests if request.path.endswith("/files")
    }
    newest = max(datetime.fromisoformat(str(record["dateCreated"])) for record in [*files.records(), new])
    assert datetime.fromisoformat(asked) == newest - timedelta(days=30)
    assert (listing.outcome, listing.removed) == ("proven", 1)
    sql = "select file_id from files where file_id in ($1, $2)"
    assert home.rows(sql, old["id"], new["id"]) == [(old["id"],)]
    (listing,) = home.night("evovoice", full=True).listings
    assert (listing.removed, home.rows(sql, old["id"], new["id"])) == (1, [])


def test_every_record_of_a_thousand_arrives(empty_home: Home) -> None:
    with Sandbox(seed=5, projects=1000, files=1000) as sandbox:
        empty_home.configure(sandbox.config_toml(), sandbox.secrets_toml())
        assert outcomes(empty_home.night()) == ALL_PROVEN
        expected = listed(sandbox)
    rows = empty_home.rows("select connection, scope, record_id, payload from raw.records")
    assert {(connection, scope, name): json.loads(text) for connection, scope, name, text in rows} == expected
    counts = empty_home.rows(
        "select provider, count(*) from projects where provider <> 'evovoice' group by 1 order by 1"
    )
    assert counts == [("belltastic", 1000), ("fone_dynamics", 1000), ("matter", 1000), ("rillsoft", 1000)]
    assert empty_home.rows("select count(*) from files") == [(1000,)]
