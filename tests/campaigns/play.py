"""Histories played through the real reading, landing, merge and models, beside a model in plain Python.

A night costs a third of a second however many connections it has, so the histories are connections of one
warehouse, and go through their nights side by side. What a provider answers is given without HTTP.
"""

import functools
import itertools
import random
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines import models
from pipelines.config import COMMON, Connection
from pipelines.landing import Known, receive
from pipelines.listing import Listing
from pipelines.models import SQL_ROOT
from pipelines.provider import Ask, Page, Settings, find_providers
from pipelines.remember import known_ids, next_start, remember
from pipelines.sync import _windows
from tests.campaigns.histories import (
    CLOCK,
    RECORDS,
    SCOPES,
    Answer,
    History,
    Night,
    Row,
    State,
    answer_of,
    content,
    created_at,
    published,
    text_of,
)

TABLES = ("projects", "projects_history", "project_changes", "files", "files_history", "connections")
KNOWN_PROVIDERS = find_providers(Path("/nonexistent"))
Rows = list[tuple[Any, ...]]
Land = Callable[..., tuple[Path, tuple[Listing, ...]]]
Versions = dict[str, list[Row]]
"""The versions of each record of a listing, by its id."""


def remembered(
    provider: str, versions: Versions, came: dict[str, str | None], gone: Collection[str], now: int
) -> None:
    """The model of history: close what is gone; begin what is new or says something else; note what came."""
    current = {name: past[-1] for name, past in versions.items() if past[-1]["valid_to"] is None}
    for name in gone:
        current[name] |= {"valid_to": now, "end_reason": "removed"}
    for name, text in came.items():
        before = current.get(name)
        if before and (text is None or content(provider, text) == content(provider, before["payload"])):
            before |= {"payload": text or before["payload"], "last_seen_at": now}
        elif text is not None:
            if before:
                before |= {"valid_to": now, "end_reason": "changed"}
            begun = {"payload": text, "valid_from": now, "valid_to": None, "end_reason": None}
            versions.setdefault(name, []).append(begun | {"last_seen_at": now})


@dataclass(frozen=True)
class Variation:
    """What must make no difference to what is published."""

    page_size: int = 3
    shuffled: bool = False
    spelling: int | None = None
    faults: tuple[str, ...] = ()
    """In the place of none, by turns."""
    backwards: bool = False
    """The connections the other way round."""


@dataclass
class Played:
    """A history under way: what its provider has, and what the model knows, by scope."""

    name: str
    history: History
    variation: Variation
    has: dict[str | None, dict[int, State]] = field(default_factory=dict)
    known: dict[str | None, Versions] = field(default_factory=dict)
    answers: dict[str | None, Answer] = field(default_factory=dict)
    outcomes: Rows = field(default_factory=list)
    nights: dict[int, set[tuple[str, str | None]]] = field(default_factory=dict)
    """Key and name of the projects listed after each night; a name only where a project is a record."""

    def __post_init__(self) -> None:
        for scope in self.scopes:
            self.has[scope] = dict.fromkeys(range(RECORDS), State())
            self.known[scope] = {}

    @property
    def provider(self) -> str:
        return self.history.provider

    @property
    def scopes(self) -> tuple[str | None, ...]:
        return SCOPES.get(self.provider, (None,))

    def connection(self) -> Connection:
        """A connection whose provider is the real one, but for the pages."""

        def pages(_api: object, ask: Ask) -> Iterator[Page]:
            return self.answers[ask.scope].pages()

        provider = replace(KNOWN_PROVIDERS[self.provider], pages=pages)
        settings = {setting.name: setting.default for setting in (*COMMON, *provider.settings)}
        if self.scopes != (None,):
            settings["client_ids"] = self.scopes
        return Connection(self.name, self.provider, provider, Settings(settings))

    def live(self, night: Night) -> None:
        """What happens at the provider before a night."""
        for scope, (record, state) in itertools.product(self.scopes, night.edits):
            if state is None:
                self.has[scope].pop(record, None)
            else:
                self.has[scope][record] = state

    def answer(self, number: int, since: datetime | None) -> None:
        """Say what each listing will be answered in a night."""
        night = self.history.nights[number]
        for at, scope in enumerate(self.scopes):
            listed = {
                f"{record}": text_of(self.provider, record, self.spelt(state))
                for record, state in sorted(self.has[scope].items())[night.hides :]
                if since is None or created_at(record) >= since
            }
            fault = night.faults[at]
            if self.variation.faults:
                fault = self.variation.faults[number % len(self.variation.faults)]
            if self.variation.shuffled:
                names = random.Random(number).sample(list(listed), len(listed))
                listed = {name: listed[name] for name in names}
            self.answers[scope] = answer_of(self.provider, listed, fault, self.variation.page_size)

    def spelt(self, state: State) -> State:
        spelling = self.variation.spelling
        return state if spelling is None else replace(state, spelling=spelling)

    def missing(self, scope: str | None, since: datetime | None) -> tuple[list[str], bool]:
        """What a proven listing lacks of what is known, and whether that looks like a mistake."""
        answer = self.answers[scope]
        current = [name for name, past in self.known[scope].items() if past[-1]["valid_to"] is None]
        asked = [name for name in current if since is None or created_at(int(name)) > since]
        absent = [name for name in asked if name not in answer.came]
        suspicious = len(absent) > max(5, 0.1 * len(asked)) or (not answer.received and bool(asked))
        return (absent, suspicious) if answer.is_proven else ([], False)

    def suspicious(self, since: datetime | None) -> int:
        """How many removals an operator would have to accept."""
        return sum(
            len(absent) for absent, odd in (self.missing(scope, since) for scope in self.scopes) if odd
        )

    def remember(self, since: datetime | None, accepted: int | None, now: int) -> None:
        """What the night should make of the answers."""
        limit = self.suspicious(since)
        for scope in self.scopes:
            answer = self.answers[scope]
            gone, odd = self.missing(scope, since)
            held = odd and accepted != limit
            remembered(self.provider, self.known[scope], answer.came, () if held else gone, now)
            outcome = "failed" if answer.walks == [[]] else "held_back" if held else "unproven"
            outcome = "proven" if answer.is_proven and not held else outcome
            removed, held_back = (0, len(gone)) if held else (len(gone), 0)
            self.outcomes.append((now, scope, outcome, answer.received, removed, held_back))

    def listed(self) -> set[tuple[str, str | None]]:
        """Key and name of each project that is listed now."""
        now = {
            (scope, name): past[-1]["payload"]
            for scope, versions in self.known.items()
            for name, past in versions.items()
            if past[-1]["valid_to"] is None
        }
        if self.provider == "evovoice":
            return {(f"{self.name}:C{int(name) % 4}", None) for _, name in now}
        return {
            (self.key(scope, name), published(self.provider, text)[0]) for (scope, name), text in now.items()
        }

    def key(self, scope: str | None, name: str) -> str:
        return ":".join(filter(None, (self.name, scope, name)))

    def raw(self) -> Rows:
        """What `raw.records` should hold."""
        return [
            (scope, name, *version.values())
            for scope, versions in self.known.items()
            for name, past in sorted(versions.items())
            for version in past
        ]

    def versions(self) -> Rows:
        """What the published history should hold: versions in a row that say the same are one."""
        rows: Rows = []
        for scope, versions in self.known.items():
            for name, past in versions.items():
                merged: Rows = []
                for version in past:
                    said = published(self.provider, version["payload"])
                    start, end = version["valid_from"], version["valid_to"]
                    change = "created"
                    if merged:
                        *_, before, _, former, _, _ = merged[-1]
                        change = "changed" if former == start else "returned"
                    if change == "changed" and before == said:
                        start, change = merged[-1][3], merged.pop()[6]
                    key = self.key(scope, name)
                    merged.append((key, len(merged) + 1, said, start, end, version["end_reason"], change))
                rows += merged
        return sorted(rows)


def land_directly(
    connections: Sequence[Connection],
    windows: dict[str, datetime],
    known: Known,
    scratch: Path,
    deadline: float,
    progress: Callable[..., None],
) -> tuple[Path, tuple[Listing, ...]]:
    """What `land` does, in the form that dlt leaves, without dlt: it takes a third of a second and more."""
    finished: dict[int, Listing] = {}
    numbers = itertools.count()
    tables: list[pa.Table] = []
    for connection in connections:
        scopes = {next(numbers): scope for scope in connection.provider.scopes(connection.settings)}
        since = windows.get(connection.name)
        tables += receive(connection, scopes, known, deadline, progress, finished, since)
    landing = scratch / "landing.duckdb"
    with duckdb.connect(str(landing)) as database:
        database.register("tables", pa.concat_tables(tables))
        database.execute("create schema received; create table received.records as from tables")
    return landing, tuple(finished[number] for number in range(next(numbers)))


class World:
    """A warehouse in memory, and the histories that its connections go through."""

    def __init__(
        self,
        histories: Sequence[History],
        variation: Variation = Variation(),
        land: Land = land_directly,
    ) -> None:
        self.played = [
            Played(f"{history.provider}_{number}", history, variation)
            for number, history in enumerate(histories)
        ]
        self.variation = variation
        self.land = land
        self.starts: list[int] = []
        self.warehouse = in_memory()
        self.home = Path("/nonexistent")

    def nights(self) -> Iterator[Callable[[], None]]:
        """Play night after night; gives what plays the same night again."""
        for number, now in enumerate(CLOCK):
            asked = []
            for played in self.played:
                if number < len(played.history.nights):
                    night = played.history.nights[number]
                    played.live(night)
                    if night.is_asked:
                        asked.append(played)
            if asked:
                again = functools.partial(self.night, asked, number, now)
                again()
                yield again

    def night(self, asked: Sequence[Played], number: int, now: datetime) -> None:
        """One night, as `sync` does it, up to its facts; and what the model makes of it."""
        connections = [played.connection() for played in asked]
        if self.variation.backwards:
            connections.reverse()
        started_at = next_start(self.warehouse, now)
        whole = {played.name for played in asked if played.history.nights[number].is_full}
        windows = _windows(self.warehouse, [one for one in connections if one.name not in whole], started_at)
        known = known_ids(self.warehouse, connections, windows)
        accepted: dict[str, int] = {}
        for played in asked:
            played.answer(number, windows.get(played.name))
            accepts = played.history.nights[number].accepts
            if accepts is not None:
                accepted[played.name] = played.suspicious(windows.get(played.name)) + accepts
        with tempfile.TemporaryDirectory() as scratch:
            deadline = time.monotonic() + 600
            landing, listings = self.land(
                connections, windows, known, Path(scratch), deadline, lambda *_: None
            )
            remember(self.warehouse, landing, listings, started_at, accepted)
        start = round(started_at.timestamp() * 1e6)
        self.starts.append(start)
        for played in asked:
            played.remember(windows.get(played.name), accepted.get(played.name), start)
        for played in self.played:
            played.nights[start] = played.listed()

    def publish(self) -> None:
        """Bring all that is published up to date, and have it checked."""
        models.update(self.warehouse, self.home)
        broken = [found for found in models.check(self.warehouse, self.home) if found.severity == "error"]
        assert broken == []

    def rewritten(self) -> Rows:
        """Versions that were closed when this was last asked, and are no longer there as they were."""
        gone: Rows = []
        for table, closed in CLOSED.items():
            name = f"closed_{table.replace('.', '_')}"
            if len(self.starts) > 1:
                gone += self.rows(f"from {name} except all from {table}")
            self.warehouse.execute(f"create or replace temp table {name} as from {table} where {closed}")
        return gone

    def rows(self, query: str, *parameters: object) -> Rows:
        return self.warehouse.execute(query, parameters).fetchall()

    def differing(self) -> set[History]:
        """The histories that are not remembered, or not published, as the model says."""
        differing = set()
        for query, expect in COMPARED:
            found: dict[str, Rows] = {played.name: [] for played in self.played}
            for name, *row in self.rows(query):
                found[name].append(tuple(row))
            differing |= {played.history for played in self.played if found[played.name] != expect(played)}
        for start in self.starts:
            listed: dict[str, set[tuple[str, str | None]]] = {played.name: set() for played in self.played}
            for name, key, project in self.rows(AS_OF, start):
                listed[name].add((key, project))
            differing |= {one.history for one in self.played if listed[one.name] != one.nights[start]}
        return differing

    def tables(self) -> dict[str, Rows]:
        """Everything that is published of projects and files."""
        return {table: self.rows(f"from {table} order by all") for table in TABLES}

    def rebuilt(self) -> "World":
        """The same, built anew from nothing but the facts."""
        other = World([])
        for (table,) in self.rows("select table_name from duckdb_tables() where schema_name = 'raw'"):
            facts = self.warehouse.execute(f"from raw.{table}").to_arrow_table()
            other.warehouse.register("facts", facts)
            other.warehouse.execute(f"insert into raw.{table} by name from facts")
        other.publish()
        return other


INSTANTS = "epoch_us(valid_from), epoch_us(valid_to), end_reason"
COMPARED: tuple[tuple[str, Callable[[Played], Rows]], ...] = (
    (
        "select connection, epoch_us(started_at), scope, outcome, records, removed, held_back "
        "from raw.listings order by started_at, scope",
        lambda played: played.outcomes,
    ),
    (
        f"select connection, scope, record_id, payload::text, {INSTANTS}, epoch_us(last_seen_at) "
        "from raw.records order by scope, record_id, valid_from",
        Played.raw,
    ),
    (
        f"select connection, project_key, version, (name, provider_status), {INSTANTS}, change "
        "from projects_history where provider <> 'evovoice' union all "
        f"select connection, file_key, version, (file_name, type), {INSTANTS}, change "
        "from files_history order by 2, 3",
        Played.versions,
    ),
)
AS_OF = """
    select connection, project_key, if(provider = 'evovoice', null, name)
    from projects_as_of(make_timestamptz($1))
"""
CLOSED = {
    "raw.records": "valid_to is not null",
    "projects_history": "not is_current",
    "files_history": "not is_current",
}


def in_memory() -> duckdb.DuckDBPyConnection:
    """An empty warehouse. With one thread DuckDB is quicker at what is small."""
    warehouse = duckdb.connect(config={"threads": 1})
    warehouse.execute("set TimeZone = 'UTC'")
    warehouse.execute((SQL_ROOT / "raw.sql").read_text())
    return warehouse
