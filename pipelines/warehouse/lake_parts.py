"""Parts of a run on a lakehouse: what a worker reads of it, and what a worker changes in it.

A part has the records of one connection, or those of one bucket of their keys. A worker writes what changes
in each table as Parquet files; one commit applies the files of all parts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines.common.sql import identifier, literal
from pipelines.warehouse.exchange import Exchange, copy_rows
from pipelines.warehouse.lake_changes import connection_of, find_changes
from pipelines.warehouse.lake_tables import Columns, StoredTable, stored_tables, with_last_seen

# Facts that a part reads and does not change, but for quarantined and forgotten records.
FACTS = ("runs", "operations", "connections", "listings", "salt", "forgotten", "renamed")
_FACTS_FOLDER = "facts"
# DuckDB buffers this many rows before it writes them to the files of their buckets.
ROWS_BUFFERED = 20_000
RECORD_KEY = "coalesce(scope || ':', '') || coalesce(record_id, '')"
"""SQL for the key of a record without its connection, as `project_key` has it."""


@dataclass(frozen=True)
class Held:
    """The rows of a stored table that a part has: a query, and its columns. An empty query has none."""

    query: str = ""
    columns: frozenset[str] = frozenset()

    def select(self, columns: Columns) -> str:
        """A query of `columns`, in this order. A lakehouse may lack those of newer models."""
        listed = ", ".join(
            f"{identifier(name) if name in self.columns else 'null'}::{kind} as {identifier(name)}"
            for name, kind in columns.items()
        )
        return f"select {listed} from ({self.query or 'select 1'}) as held {'' if self.query else 'limit 0'}"


class Changed(NamedTuple):
    """What a part changes in one table: files of new rows, and files of the keys of outdated ones."""

    fresh: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """A snapshot of the lakehouse, how many versions it has of each connection, and the columns of each
    table. Without a snapshot, nothing was ever published.
    """

    snapshot: int | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, Columns] = field(default_factory=dict)


Changes = Mapping[str, Changed]
"""What changes in each table, by its name in a draft."""


def write_facts(db: duckdb.DuckDBPyConnection, exchange: Exchange) -> None:
    """Write the facts that every part needs into the exchange."""
    folder = exchange.folder(_FACTS_FOLDER)
    for name in FACTS:
        copy_rows(db, f"from raw.{name} order by all", f"{folder}{name}.parquet")


def read_facts(db: duckdb.DuckDBPyConnection, exchange: Exchange, connection: str) -> None:
    """Fill the empty facts of a draft; of listings, those of one connection."""
    folder = exchange.folder(_FACTS_FOLDER)
    for name in FACTS:
        own = f"where connection = {literal(connection)}" if name == "listings" else ""
        db.execute(
            f"insert into raw.{name} by name from read_parquet({literal(f'{folder}{name}.parquet')}) "
            f"{own} order by all"
        )


def changed_tables(home: Path) -> tuple[StoredTable, ...]:
    """The tables whose rows parts change; the other facts are the run's own."""
    return tuple(
        table for table in stored_tables(home) if table.source not in ("raw.listings", "raw.connections")
    )


def held_in_lake(
    held: Mapping[str, Columns], tables: Iterable[StoredTable], connection: str
) -> dict[str, Held]:
    """The rows of one connection in the attached lakehouse, by the name of their table in a draft.

    `held` are the columns of the lakehouse's tables.
    """
    found = {}
    for table in tables:
        columns = held.get(f"{table.schema}.{table.name}", {})
        query = f"from {table.in_lake} where {connection_of(columns)} = {literal(connection)}"
        found[table.source] = Held(query, frozenset(columns)) if columns else Held()
    return found


def held_in_files(files: Sequence[str], columns: frozenset[str]) -> Held:
    """The rows in Parquet files that `write_buckets` has written."""
    return Held(f"from {read_files(files)}", columns) if files else Held()


def held_facts(exchange: Exchange) -> dict[str, Held]:
    """The facts that a part adds to: of forgotten records those from before, of quarantined ones none."""
    file = f"{exchange.folder(_FACTS_FOLDER)}forgotten.parquet"
    columns = frozenset(("pseudonym", "connection", "is_named", "forgotten_at"))
    return {"raw.forgotten": held_in_files((file,), columns), "raw.quarantine": Held()}


def read_files(files: Sequence[str]) -> str:
    """SQL that reads Parquet files, and takes nothing from their paths."""
    return f"read_parquet([{', '.join(map(literal, files))}], hive_partitioning = false)"


def write_buckets(
    db: duckdb.DuckDBPyConnection, query: str, key: str, buckets: int, folder: str
) -> dict[int, tuple[str, ...]]:
    """Write the rows of a query to Parquet files by a hash of the SQL `key`. Returns those of each bucket.

    Keys that differ only in Unicode composition are in one bucket, because models may treat them as one.
    """
    db.execute(f"set partitioned_write_flush_threshold = {ROWS_BUFFERED}")
    bucket = f"(hash(nfc_normalize({key})) % {buckets})::integer"
    (row,) = db.execute(
        f"copy (select *, {bucket} as bucket from ({query})) to {literal(folder)} "
        "(format parquet, compression zstd, partition_by (bucket), overwrite_or_ignore, return_files)"
    ).fetchall()
    found: dict[int, list[str]] = {}
    for file in row[1]:
        number = int(file.rpartition("bucket=")[2].partition("/")[0])
        found.setdefault(number, []).append(file)
    return {number: tuple(files) for number, files in found.items()}


def bucket_key(table: StoredTable, columns: frozenset[str]) -> str:
    """SQL for the key of a row without its connection; the rows of a record have the same in all tables."""
    if table.source == "raw.records":
        return RECORD_KEY
    return f"regexp_replace({'file_key' if 'file_key' in columns else 'project_key'}, '^[^:]*:', '')"


def take_records(db: duckdb.DuckDBPyConnection, held: Held, columns: Columns) -> None:
    """Fill the empty `raw.records` of a draft with known versions. Its listings are those before the run."""
    rows = with_last_seen("coalesce", f"({held.select(columns)})", columns, listings="raw.listings")
    db.execute(f"insert into raw.records {rows}")


def write_changes(
    db: duckdb.DuckDBPyConnection, table: StoredTable, columns: Columns, held: Held, folder: str
) -> Changed:
    """Write what is new and what is outdated in one table. The database `draft` has the rows of a part."""
    find_changes(db, table, columns, "true", held.select(columns))
    changed = {}
    for kind, listed in (("fresh", columns), ("stale", table.key)):
        file = f"{folder}{table.name}-{kind}.parquet"
        query = f"select {', '.join(map(identifier, listed))} from {kind}"
        changed[kind] = (file,) if not _is_empty(db, kind) and copy_rows(db, query, file) else ()
    return Changed(changed["fresh"], changed["stale"])


def _is_empty(db: duckdb.DuckDBPyConnection, table: str) -> bool:
    return not db.execute(f"select exists (from {table})").fetchall()[0][0]
