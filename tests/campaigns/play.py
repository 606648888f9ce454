"""Histories played through the real reader, landing, merge and models, compared with a model in Python.

A run takes a third of a second regardless of the number of connections. So each history is a connection of
one warehouse, and all play their runs together. The answers of a provider are given without HTTP.
"""

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.load.landing import Landing
from pipelines.load.listings import Listings
from pipelines.load.merge import merge
from pipelines.load.plan import known_records
from pipelines.load.windows import windows_due
from pipelines.transform import build as models
from pipelines.transform.facts import facts_sql
from pipelines.warehouse.runs import next_start
from tests.campaigns.histories import CLOCK, History
from tests.campaigns.model import AS_DRAWN, Played, Rows, Variation

TABLES = ("projects", "projects_history", "project_changes", "files", "files_history", "connections")
Land = Callable[[Listings, Path], Landing]


def land_directly(listings: Listings, scratch: Path) -> Landing:
    """What `land` does, in the form that dlt leaves, without dlt: it takes a third of a second and more."""
    tables = [table for connection in listings.connections for table in listings.receive(connection)]
    files = scratch / "landing" / "received" / "records"
    files.mkdir(parents=True)
    pq.write_table(pa.concat_tables(tables), files / "all.parquet")
    return Landing(scratch / "landing", listings.results)


class World:
    """A warehouse in memory, and the histories of its connections."""

    def __init__(
        self,
        histories: Sequence[History],
        variation: Variation = AS_DRAWN,
        land: Land = land_directly,
    ) -> None:
        self.played = [
            Played(f"{history.provider}_{number}", history, variation)
            for number, history in enumerate(histories)
        ]
        self.variation = variation
        self.land = land
        self.starts: list[int] = []
        self.has_looked = False
        self.warehouse = in_memory()
        self.home = Path("/nonexistent")

    def runs(self) -> Iterator[Callable[[], None]]:
        """Play run after run. Yields a function that plays the same run again."""
        for number, now in enumerate(CLOCK):
            asked = []
            for played in self.played:
                if number < len(played.history.runs):
                    run = played.history.runs[number]
                    played.live(run)
                    if run.is_asked:
                        asked.append(played)
            if asked:
                again = functools.partial(self.run, asked, number, now)
                again()
                yield again

    def run(self, asked: Sequence[Played], number: int, now: datetime) -> None:
        """Play one run, as `sync` does, up to its facts, and apply it to the model."""
        connections = [played.connection() for played in asked]
        if self.variation.backwards:
            connections.reverse()
        started_at = next_start(self.warehouse, now)
        whole = {played.name for played in asked if played.history.runs[number].is_full}
        windows = windows_due(
            self.warehouse, [one for one in connections if one.name not in whole], started_at
        )
        known = known_records(self.warehouse, connections, windows)
        accepted: dict[str, int] = {}
        for played in asked:
            played.answer(number, windows.get(played.name))
            accepts = played.history.runs[number].accepts
            if accepts is not None:
                accepted[played.name] = played.suspicious(windows.get(played.name)) + accepts
        with tempfile.TemporaryDirectory() as scratch:
            landing = self.land(Listings(connections, windows, known), Path(scratch))
            merge(self.warehouse, landing, started_at, accepted)
        start = round(started_at.timestamp() * 1e6)
        self.starts.append(start)
        for played in asked:
            played.merge(windows.get(played.name), accepted.get(played.name), start)
        for played in self.played:
            played.runs[start] = played.listed()

    def publish(self) -> None:
        """Update all published tables, and run the checks."""
        models.update(self.warehouse, self.home)
        broken = [found for found in models.check(self.warehouse, self.home) if found.severity == "error"]
        assert broken == []

    def rewritten(self) -> Rows:
        """Versions that were closed at the last call, and have changed or disappeared since."""
        gone: Rows = []
        for table, closed in CLOSED.items():
            name = f"closed_{table.replace('.', '_')}"
            if self.has_looked:
                gone += self.rows(f"from {name} except all from {table}")
            self.warehouse.execute(f"create or replace temp table {name} as from {table} where {closed}")
        self.has_looked = True
        return gone

    def rows(self, query: str, *parameters: object) -> Rows:
        return self.warehouse.execute(query, parameters).fetchall()

    def differing(self) -> set[History]:
        """The histories whose facts or published rows differ from the model."""
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
            differing |= {one.history for one in self.played if listed[one.name] != one.runs[start]}
        return differing

    def tables(self) -> dict[str, Rows]:
        """All published rows of projects and files."""
        return {table: self.rows(f"from {table} order by all") for table in TABLES}

    def rebuilt(self) -> "World":
        """The same tables, rebuilt from the facts alone."""
        other = World([])
        for (table,) in self.rows("select table_name from duckdb_tables() where schema_name = 'raw'"):
            facts = self.warehouse.sql(f"from raw.{table}").to_arrow_table()
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
    """An empty warehouse. With one thread, DuckDB is faster for few rows."""
    warehouse = duckdb.connect(config={"threads": 1})
    warehouse.execute("set TimeZone = 'UTC'")
    warehouse.execute(facts_sql())
    return warehouse
