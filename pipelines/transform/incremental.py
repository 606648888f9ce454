"""What an update need not work out again: all but what the records that changed since the last build touch.

A build leaves behind what it was made of and up to which run. A mart whose head names the column it is
incremental by is then built of the affected keys alone, by the same SQL: it reads the affected records only,
and of other such marts the affected keys. What changes with every night it works out for all keys.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.common.sql import SQL_ROOT
from pipelines.common.version import rollcall_version
from pipelines.transform.graph import Relation, read_relations
from pipelines.transform.model import read_models

# Building everything costs no more, and leaves tables in order, where more than this share of records is
# affected, or no more than this many versions are known.
MOST_AFFECTED = 0.2
FEW_VERSIONS = 20_000


def read_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the staging models read every record."""
    connection.execute("create or replace view staging.records as from raw.records")


def read_affected(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the staging models read the affected records only, all versions of them."""
    connection.execute(
        """
        create or replace view staging.records as
        select record.* from raw.records as record
        where exists (
            from affected.records as affected
            where
                affected.connection = record.connection
                and affected.scope is not distinct from record.scope
                and affected.entity = record.entity
                and affected.record_id = record.record_id
        )
        """
    )


def note_build(connection: duckdb.DuckDBPyConnection, home: Path, tables: Sequence[str]) -> None:
    """Leave behind what the published `tables` are, and what they have been made of."""
    connection.execute(
        "create or replace table staging.last_build as "
        "select $1 as made_of, (select max(started_at) from raw.runs) as built_at, $2::text[] as tables",
        [_made_of(connection, home), list(tables)],
    )


def forget_build(connection: duckdb.DuckDBPyConnection) -> None:
    """Have everything built again, where there is a build at all: nobody knows what the tables hold."""
    if "staging.last_build" in _tables(connection):
        connection.execute("update staging.last_build set made_of = ''")


def built_tables(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The tables that the last build made. What else there is, is a user's own."""
    if "staging.last_build" not in _tables(connection):
        return frozenset()
    rows = connection.execute("select unnest(tables) from staging.last_build").fetchall()
    return frozenset(name for (name,) in rows)


def find_affected(connection: duckdb.DuckDBPyConnection, home: Path) -> int | None:
    """Find the records affected since the last build; None where everything is to be built anew."""
    built_at = _last_build(connection, home)
    if built_at is None:
        return None
    connection.execute("set variable built_at = $1::timestamptz", [built_at])
    connection.execute("create schema affected")
    _run(connection, "1_records")
    counts = connection.execute(
        "select (select count(*) from affected.records), (select count(*) from raw.records)"
    ).fetchone()
    assert counts is not None
    affected, known = counts
    is_worth_it = not affected or (affected <= MOST_AFFECTED * known and known > FEW_VERSIONS)
    return affected if is_worth_it else None


def find_keys(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the keys of the affected records, and whatever else these are worked out from."""
    read_affected(connection)
    _run(connection, "2_keys")
    read_all(connection)


def rebuild(connection: duckdb.DuckDBPyConnection, relation: Relation, key: str) -> None:
    """Put the rows of the affected keys, worked out anew, in the place of those that were."""
    read_affected(connection)
    connection.execute("set search_path = 'affected,main'")
    connection.execute(f"create table affected.{relation.name} as\n{relation.query}")
    connection.execute("set search_path = 'main'")
    read_all(connection)
    is_affected = f"{key} in (from affected.{key}s)"
    connection.execute(f"delete from main.{relation.name} where {is_affected}")
    connection.execute(
        f"insert into main.{relation.name} by name from affected.{relation.name} where {is_affected}"
    )


def refresh(connection: duckdb.DuckDBPyConnection, relation: Relation, key: str) -> None:
    """Bring the columns up to date that change with every night; only these are worked out for it."""
    columns = relation.model.refreshed if relation.model else ()
    if not columns:
        return
    connection.execute(
        f"update main.{relation.name} as held "
        f"set {', '.join(f'{column} = fresh.{column}' for column in columns)} "
        f"from (\n{relation.query}\n) as fresh where held.{key} = fresh.{key} "
        f"and ({' or '.join(f'held.{column} is distinct from fresh.{column}' for column in columns)})"
    )


def _run(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute((SQL_ROOT / "incremental" / f"{name}.sql").read_text())


def _last_build(connection: duckdb.DuckDBPyConnection, home: Path) -> datetime | None:
    """The run of the last build, where that was made of what this one is made of."""
    published = {f"main.{relation.name}" for relation in read_relations(home) if relation.kind == "table"}
    if not _tables(connection) >= {"staging.last_build", *published}:  # somebody has dropped one
        return None
    row = connection.execute(
        "select built_at from staging.last_build where made_of = $1", [_made_of(connection, home)]
    ).fetchone()
    return row[0] if row else None


def own_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The tables that a user has put into the file, in whatever schema."""
    built = {f"main.{name}" for name in built_tables(connection)}
    return sorted(
        name for name in _tables(connection) - built if not name.startswith(("raw.", "seeds.", "staging."))
    )


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Every table with its schema: asking first, for DuckDB 2 ends a transaction in which one is missed."""
    found = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where not internal and database_name = current_database()"
    )
    return {name for (name,) in found.fetchall()}


def _made_of(connection: duckdb.DuckDBPyConnection, home: Path) -> str:
    """A digest of all that the published tables and the staging views depend on beside the records."""
    texts = [
        f"{model.name}\n{model.sql}"
        for layer in ("functions", "staging", "marts")
        for model in read_models(layer, home).values()
    ]
    for table in (
        "seeds.status_mapping",
        "seeds.client_mapping",
        "seeds.windows_time_zones",
        "raw.connections",
    ):
        texts.append(repr(sorted(connection.execute(f"from {table}").fetchall(), key=repr)))
    return hashlib.sha256("\0".join([rollcall_version(), duckdb.__version__, *texts]).encode()).hexdigest()
