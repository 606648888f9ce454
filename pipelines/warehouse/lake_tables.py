"""What a lakehouse consists of: tables of rows that belong to connections, and views over them.

stored.*    rows of versions and of tables by key; a row that its connection's last listing confirmed has
            no `last_seen_at`, so that a run writes only what has changed
raw.*       facts, as in a file; `raw.records` is a view over `stored.records`
main.*      published: a view over `stored.*`, or the same SQL over the facts where it combines connections
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from pipelines.common.sql import identifier, literal, read_sql
from pipelines.transform.facts import facts_sql
from pipelines.transform.graph import described_columns, read_relations
from pipelines.transform.model import read_models
from pipelines.warehouse.catalog import LAKE, in_lake

SCHEMAS = ("main", "raw", "seeds", "staging", "stored")
RECORDS_KEY = ("connection", "scope", "entity", "record_id", "valid_from")


@dataclass(frozen=True)
class StoredTable:
    """A table of which a commit replaces the rows of some connections.

    `source` is its name in a draft, with the schema; `key` identifies a row.
    """

    schema: str
    name: str
    source: str
    key: tuple[str, ...]

    @property
    def in_lake(self) -> str:
        """Its full name in the lakehouse."""
        return in_lake(self.schema, self.name)

    @property
    def is_versioned(self) -> bool:
        """Whether it is behind a view, with a `last_seen_at` that follows from the listings."""
        return self.schema == "stored"


def stored_tables(home: Path) -> tuple[StoredTable, ...]:
    """The tables of which a commit replaces rows, each after the facts that it depends on."""
    return (
        StoredTable("raw", "listings", "raw.listings", ("started_at", "connection", "scope", "entity")),
        StoredTable("raw", "connections", "raw.connections", ("connection",)),
        StoredTable(
            "raw", "quarantine", "raw.quarantine", ("started_at", "connection", "scope", "entity", "position")
        ),
        StoredTable("raw", "forgotten", "raw.forgotten", ("pseudonym",)),
        StoredTable("stored", "records", "raw.records", RECORDS_KEY),
        *(
            StoredTable("stored", relation.model.name, relation.full_name, relation.model.grain)
            for relation in read_relations(home)
            if relation.model and relation.model.incremental
        ),
    )


Columns = Mapping[str, str]
"""The columns of a table and their types, in order."""


def columns_in(db: duckdb.DuckDBPyConnection, database: str) -> dict[str, Columns]:
    """The columns of every table of a database, by its name with the schema."""
    found = db.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = $1 order by column_index",
        [database],
    )
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in found.fetchall():
        columns.setdefault(table, {})[column] = kind
    return dict(columns)


def create_tables(
    db: duckdb.DuckDBPyConnection, wanted: Mapping[str, Columns], held: Mapping[str, Columns], home: Path
) -> None:
    """Create the tables that the lakehouse lacks, and add the columns that newer models have.

    `wanted` are the tables of the attached file `draft`, `held` those of the lakehouse.
    """
    if not held:
        for schema in SCHEMAS:
            db.execute(f"create schema if not exists {LAKE}.{schema}")
    places = {f"{table.schema}.{table.name}": table.source for table in stored_tables(home)}
    # `raw.records` is a view.
    places |= {name: name for name in wanted if name.startswith(("raw.", "seeds.")) and name != "raw.records"}
    for place, source in places.items():
        full_name = in_lake(*place.split("."))
        if place not in held:
            db.execute(f"create table {full_name} as from draft.{source} limit 0")
            if place.startswith("stored.") and "connection" in wanted[source]:
                db.execute(f"alter table {full_name} set partitioned by (connection)")
        else:
            for column in wanted[source].keys() - held[place].keys():
                kind = wanted[source][column]
                db.execute(f"alter table {full_name} add column {identifier(column)} {kind}")


def create_views(
    db: duckdb.DuckDBPyConnection, columns: Mapping[str, Columns], home: Path, *, has_views: bool
) -> None:
    """Create the views and macros again, if they are not those of these models."""
    statements = tuple(_statements(db, columns, home))
    digest = hashlib.sha256("\0".join(statements).encode()).hexdigest()
    made = in_lake("stored", "views")
    if has_views:
        if db.execute(f"select digest from {made}").fetchall() == [(digest,)]:
            return
        db.execute(f"delete from {made}")
    else:
        db.execute(f"create table {made} (digest text)")
    with in_database(db, LAKE):
        for statement in statements:
            db.execute(statement)
    db.execute(f"insert into {made} values ({literal(digest)})")


@contextlib.contextmanager
def in_database(db: duckdb.DuckDBPyConnection, name: str) -> Iterator[None]:
    """Let names without a database mean those of an attached one while the block runs."""
    previous = db.execute("select current_database()").fetchall()[0][0]
    db.execute(f"use {identifier(name)}")
    try:
        yield
    finally:
        db.execute(f"use {identifier(previous)}")


def with_last_seen(
    function: Literal["coalesce", "nullif"], rows: str, columns: Columns, *, listings: str
) -> str:
    """A query of `columns` of `rows`, called `one`. It fills `last_seen_at` or empties it.

    A row that its connection's last listing confirmed has the start of that listing. `coalesce` writes it
    where a stored row has null; `nullif` does the reverse.
    """
    selected = ", ".join(
        f"{function}(one.{name}, listed.last_listed_at) as {name}"
        if name == "last_seen_at"
        else f"one.{identifier(name)}"
        for name in columns
    )
    query = f"select {selected} from {rows} as one"
    if "last_seen_at" not in columns:
        return query
    last_listed = read_sql("queries/lake/last_listed", listings=listings)
    return f"{query} left join (\n{last_listed}\n) as listed using (connection)"


def _statements(db: duckdb.DuckDBPyConnection, columns: Mapping[str, Columns], home: Path) -> Iterator[str]:
    for parsed in db.extract_statements(facts_sql()):
        if "create or replace macro" in parsed.query:
            yield parsed.query
    for functions in read_models("functions", home).values():
        yield functions.sql
    stored = {table.source: table for table in stored_tables(home) if table.is_versioned}
    yield _view_of(stored["raw.records"], columns["raw.records"])
    yield read_sql("records")
    described = described_columns(models := read_relations(home))
    for relation in models:
        table = stored.get(relation.full_name)
        yield (
            _view_of(table, columns[table.source])
            if table
            else f"create or replace view {relation.name} as\n{relation.query()}"
        )
        if relation.macro:
            yield relation.macro
        if relation.model and relation.is_published:
            yield f"comment on view {relation.name} is {literal(relation.model.description)}"
    for macro in read_models("macros", home).values():
        yield macro.sql
    yield _descriptions(described, [one.name for one in models if one.is_published])


def _view_of(table: StoredTable, columns: Columns) -> str:
    """The view over a stored table, with the columns and their order as in a file."""
    rows = with_last_seen("coalesce", f"stored.{table.name}", columns, listings="raw.listings")
    return f"create or replace view {table.source.removeprefix('main.')} as {rows}"


def _descriptions(described: dict[str, dict[str, str]], published: list[str]) -> str:
    """A view with the descriptions of columns: DuckLake has no comments on the columns of views."""
    rows = ", ".join(
        f"({literal(table)}, {literal(column)}, {literal(text)})"
        for table in published
        for column, text in described[table].items()
        if text
    )
    return (
        "create or replace view staging.descriptions as "
        f"select * from (values {rows}) as one(table_name, column_name, comment)"
    )
