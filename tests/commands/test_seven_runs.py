"""Promises 4, 6, 10, 11, 12 and 14: seven runs at all five providers, compared with a model in plain Python.

Before each run, records of every provider are created, changed, removed and restored at random, except
before the second run, in which nothing has changed. Later runs leave connections out, or find a provider
down.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.commands.sync import Run
from pipelines.sandbox import PROVIDERS, RILLSOFT_CLIENT_IDS, Fault, Record, RecordId, Sandbox, Store
from pipelines.transform.build import build
from pipelines.warehouse.draft import Draft
from tests.support.home import FIRST_RUN, Home, Row

ID = {"fone_dynamics": "PropertySid", "matter": "originId"}
NAME = {"fone_dynamics": "Name", "evovoice": "fileName"}
VOLATILE = {"rillsoft": ("isReadOnly", "lockAt", "lockUserId", "lockUserName"), "evovoice": ("uri",)}
TABLES = ("projects", "projects_history", "project_changes", "files", "files_history")

DAY = timedelta(days=1)
CLOCK = (
    FIRST_RUN,
    FIRST_RUN + DAY,
    FIRST_RUN + DAY,
    FIRST_RUN + DAY + timedelta(microseconds=700),
    FIRST_RUN + DAY - timedelta(hours=1),
    datetime(1970, 1, 1, tzinfo=UTC),
    FIRST_RUN + 4 * DAY,
)
SAME, LEFT_OUT, DOWN = 1, 4, 5
ASKED = {LEFT_OUT: ("matter", "rillsoft")}
ANSWERING = ASKED | {DOWN: tuple(provider for provider in PROVIDERS if provider != "matter")}

Key = tuple[str, str | None, str]
"""Connection, scope and id of a record."""


def stores(sandbox: Sandbox) -> Iterator[tuple[str, str | None, Store]]:
    for provider in PROVIDERS:
        for client in RILLSOFT_CLIENT_IDS if provider == "rillsoft" else (None,):
            yield provider, client and str(client), sandbox.store(provider, client)


def held(sandbox: Sandbox) -> dict[Key, Record]:
    """Every record at the providers."""
    return {
        (provider, scope, str(record[ID.get(provider, "id")])): record
        for provider, scope, store in stores(sandbox)
        for record in store.records()
    }


def lasting(provider: str, record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in VOLATILE.get(provider, ())}


def merge(
    versions: dict[Key, list[Row]], listed: dict[Key, Record], answering: Collection[str], now: str
) -> None:
    """The model: applies to the known records what the providers that answer list."""
    for key in [key for key in versions.keys() | listed.keys() if key[0] in answering]:
        record, before = listed.get(key), versions.setdefault(key, [])
        current = before[-1] if before and before[-1]["valid_to"] is None else None
        if current and record and lasting(key[0], record) == lasting(key[0], current["payload"]):
            current |= {"payload": record, "last_seen_at": now}
            continue
        if current:
            current |= {"valid_to": now, "end_reason": "changed" if record else "removed"}
        if record:
            begun = {"payload": record, "valid_from": now, "last_seen_at": now}
            before.append(begun | {"valid_to": None, "end_reason": None})


def live_a_day(sandbox: Sandbox, chance: random.Random, gone: dict[Store, list[RecordId]]) -> None:
    """Change three records of each listing and a volatile field; remove, create and restore up to two."""
    for provider, _, store in stores(sandbox):
        ids = [record[ID.get(provider, "id")] for record in store.records()]
        for record_id in chance.sample(ids, 3):
            store.change(record_id, **{NAME.get(provider, "name"): f"Name {chance.randrange(3)}"})
        if provider in VOLATILE:
            store.change(chance.choice(ids), **{VOLATILE[provider][-1]: f"Moment {chance.random()}"})
        away = gone.setdefault(store, [])
        for _ in range(min(len(away), chance.randrange(3))):
            store.restore(away.pop(chance.randrange(len(away))))
        for record_id in chance.sample(ids, chance.randrange(3)):
            store.remove(record_id)
            away.append(record_id)
        for _ in range(chance.randrange(3)):
            store.add()


@dataclass(frozen=True)
class Played:
    """One of the runs: its result, the records at the providers, and those known afterwards."""

    run: Run
    started_at: str
    held: dict[Key, Record]
    expected: dict[Key, list[Row]]
    found: dict[Key, list[Row]]
    tables: dict[str, list[Row]]


def known(home: Home) -> dict[Key, list[Row]]:
    """The versions in raw.records."""
    rows = home.rows(
        "select connection, scope, record_id, payload, valid_from, last_seen_at, valid_to, end_reason "
        "from raw.records order by valid_from"
    )
    versions: dict[Key, list[Row]] = {}
    for row in rows:
        key = row.pop("connection"), row.pop("scope"), row.pop("record_id")
        versions.setdefault(key, []).append(row)
    return versions


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def played(home: Home) -> list[Played]:
    chance = random.Random(20261101)
    gone: dict[Store, list[RecordId]] = {}
    versions: dict[Key, list[Row]] = {}
    played = []
    with Sandbox(projects=20, files=20) as sandbox:
        home.connect_all(sandbox)
        for number, at in enumerate(CLOCK):
            if number not in (0, SAME):
                live_a_day(sandbox, chance, gone)
            if number == DOWN:
                sandbox.faults.add(Fault("matter", times=None))
            run = home.run(*ASKED.get(number, ()), at=at, full=True)
            sandbox.faults.clear()
            (started_at,) = (row["at"] for row in home.rows("select max(started_at) as at from runs"))
            merge(versions, held(sandbox), ANSWERING.get(number, PROVIDERS), started_at)
            tables = {table: home.rows(f"from {table} order by all") for table in TABLES}
            played.append(Played(run, started_at, held(sandbox), deepcopy(versions), known(home), tables))
    return played


@pytest.mark.parametrize("number", range(len(CLOCK)))
def test_a_run_stores_the_records_that_were_listed(number: int, played: list[Played]) -> None:
    assert played[number].found == played[number].expected


def test_the_played_runs_change_and_remove_records(played: list[Played]) -> None:
    histories = played[-1].expected.values()
    ends = Counter(version["end_reason"] for versions in histories for version in versions)
    returns = sum(
        before["valid_to"] < version["valid_from"]
        for versions in histories
        for before, version in pairwise(versions)
    )
    assert ends["changed"] > 60
    assert ends["removed"] > 20
    assert returns > 5


def test_promise_14_start_times_increase_even_if_the_clock_goes_back(played: list[Played]) -> None:
    second, later = FIRST_RUN + DAY, timedelta(milliseconds=1)
    assert [run.run.started_at for run in played] == [
        FIRST_RUN,
        *(second + times * later for times in range(5)),
        FIRST_RUN + 4 * DAY,
    ]


def projects(held: dict[Key, Record], answering: Collection[str]) -> list[Row]:
    """Key and name of each project at the providers that answer."""
    named = {}
    for (provider, scope, record_id), record in held.items():
        if provider == "evovoice":
            owner = "customer" if record["customerId"] else "account"
            named[f"{provider}:{record[f'{owner}Id']}"] = record[f"{owner}Name"]
        elif provider in answering:
            named[":".join(filter(None, (provider, scope, record_id)))] = record[NAME.get(provider, "name")]
    return [
        {"project_key": key, "name": named[key]} for key in sorted(named) if key.split(":")[0] in answering
    ]


@pytest.mark.parametrize("number", range(len(CLOCK)))
def test_promise_11_the_history_says_what_was_listed(number: int, played: list[Played], home: Home) -> None:
    answering = [*ANSWERING.get(number, PROVIDERS)]
    as_of = "select project_key, name from projects_as_of($1) where list_contains($2, provider) order by all"
    run = played[number]
    assert home.rows(as_of, run.started_at, answering) == projects(run.held, answering)


def without_sightings(rows: list[Row]) -> list[Row]:
    return [row | {"last_seen_at": None} for row in rows]


def test_promise_04_the_same_answers_change_nothing(played: list[Played]) -> None:
    before, same = played[SAME - 1], played[SAME]
    for table in TABLES:
        assert without_sightings(same.tables[table]) == without_sightings(before.tables[table])
    assert {(listing.new, listing.changed, listing.removed) for listing in same.run.listings} == {(0, 0, 0)}
    seen = {row["last_seen_at"] for row in same.tables["projects"] + same.tables["files"]}
    assert (seen, same.run.exit_code) == ({same.started_at}, 0)


def rows_of(provider: str, run: Played) -> list[Row]:
    return [
        row for table in ("projects", "files") for row in run.tables[table] if row["provider"] == provider
    ]


def test_connections_that_are_left_out_keep_their_rows(played: list[Played]) -> None:
    before, run = played[LEFT_OUT - 1], played[LEFT_OUT]
    assert {listing.connection for listing in run.run.listings} == {"matter", "rillsoft"}
    for provider in PROVIDERS:
        kept = rows_of(provider, run) == rows_of(provider, before)
        assert kept == (provider not in ASKED[LEFT_OUT])


def test_a_provider_that_is_down_keeps_its_rows_and_does_not_affect_others(played: list[Played]) -> None:
    before, run = played[DOWN - 1], played[DOWN]
    outcomes = {listing.connection: (listing.outcome, listing.message) for listing in run.run.listings}
    assert outcomes == dict.fromkeys(PROVIDERS, ("verified", None)) | {
        "matter": ("failed", "page 1: projects/get answered 500 after 5 attempts")
    }
    assert run.run.exit_code == 3
    for provider in PROVIDERS:
        kept = rows_of(provider, run) == rows_of(provider, before)
        assert kept == (provider == "matter")


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("raw.records", "connection, scope, record_id"),
        ("projects_history", "project_key"),
        ("files_history", "file_key"),
    ],
)
def test_promise_10_intervals_follow_one_another(table: str, key: str, home: Home) -> None:
    for row in home.rows(
        f"select list([valid_from, valid_to] order by valid_from) as intervals from {table} group by {key}"
    ):
        intervals = row["intervals"]
        assert all(start < end for start, end in intervals[:-1])
        assert all(end <= start for (_, end), (start, _) in pairwise(intervals))
        start, end = intervals[-1]
        assert end is None or start < end


def test_promise_12_closed_versions_never_change(played: list[Played]) -> None:
    for before, run in pairwise(played):
        for table in ("projects_history", "files_history"):
            closed = [row for row in before.tables[table] if not row["is_current"]]
            assert [row for row in closed if row not in run.tables[table]] == []


def test_promise_12_a_rebuild_from_the_facts_gives_the_same_tables(
    played: list[Played], home: Home, tmp_path: Path
) -> None:
    other = Home(tmp_path)
    with Draft(other.warehouse, 300) as draft:
        draft.attach()
        warehouse = draft.db
        warehouse.execute(f"attach '{home.warehouse}' as published (read_only)")
        for table in ("runs", "connections", "listings", "records", "quarantine"):
            warehouse.execute(f"insert into raw.{table} from published.raw.{table}")
        build(warehouse, other.path)
    assert {table: other.rows(f"from {table} order by all") for table in TABLES} == played[-1].tables
