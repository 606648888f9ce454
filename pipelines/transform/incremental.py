"""Incremental updates: compute again only the rows that depend on records changed since the last build.

A build notes the SQL and seeds that it used, and the last run that it includes. An update computes a mart
that is incremental by a key for the affected keys only. It runs the same SQL over other tables: the affected
records in place of all, and the affected rows of other such marts. Columns that change with every run are
computed for all keys.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.common.sql import read_sql, set_variables
from pipelines.common.version import rollcall_version
from pipelines.transform.graph import Relation, read_relations
from pipelines.transform.model import Kind, read_models
from pipelines.transform.seeds import forget_seeds, seeds_source

# If more than this share of the records is affected, or if there are at most this many versions, a complete
# build costs no more, and it leaves the tables sorted.
MOST_AFFECTED = 0.2
FEW_VERSIONS = 20_000
RECORDS = "staging.records"
SCHEMA = "affected"  # exists during an update only


def note_build(db: duckdb.DuckDBPyConnection, made_of: str, tables: Sequence[str]) -> None:
    """Note the published `tables`, and a digest of the SQL and seeds that they were built from."""
    db.execute(
        "create or replace table staging.last_build as "
        "select $1 as made_of, (select max(started_at) from raw.runs) as built_at, $2::text[] as tables",
        [made_of, list(tables)],
    )


def forget_build(db: duckdb.DuckDBPyConnection) -> None:
    """Make the next update build everything, because the tables may have any content."""
    if "staging.last_build" in _tables(db):
        db.execute("update staging.last_build set made_of = ''")
    forget_seeds(db)


def last_build(
    db: duckdb.DuckDBPyConnection, home: Path, made_of: str, held: Collection[str]
) -> datetime | None:
    """The last run that the last build includes; None if a build would use other SQL or seeds now.

    `held` names what the database contains. If it is not None, the staging views and the macros are up to
    date as well.
    """
    built = {relation.full_name for relation in read_relations(home)}
    if not {"staging.last_build", *built}.issubset(held):  # one was dropped
        return None
    row = db.execute("select built_at from staging.last_build where made_of = $1", [made_of]).fetchone()
    return row[0] if row else None


def built_tables(db: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The tables that the last build created. All others belong to the user."""
    if "staging.last_build" not in _tables(db):
        return frozenset()
    rows = db.execute("select unnest(tables) from staging.last_build").fetchall()
    return frozenset(name for (name,) in rows)


def own_tables(db: duckdb.DuckDBPyConnection) -> list[str]:
    """The tables that a user has created in the file, in any schema."""
    built = {f"main.{name}" for name in built_tables(db)}
    return sorted(name for name in _tables(db) - built if not name.startswith(("raw.", "seeds.", "staging.")))


def relations_in(db: duckdb.DuckDBPyConnection) -> dict[str, Kind]:
    """Every table and view, by its name with the schema."""
    found = db.execute(
        "select schema_name || '.' || table_name, 'table' from duckdb_tables() "
        "where not internal and database_name = current_database() "
        "union all select schema_name || '.' || view_name, 'view' from duckdb_views() "
        "where not internal and database_name = current_database()"
    )
    return dict(found.fetchall())


def find_affected(db: duckdb.DuckDBPyConnection, built_at: datetime) -> int | None:
    """Find the records that changed since the run `built_at`, the last one that the build includes.

    Returns their number; None if building everything costs no more.
    """
    set_variables(db, built_at=built_at)
    db.execute("create schema affected")
    _run(db, "1_records")
    counts = db.execute(
        "select (select count(*) from affected.records), (select count(*) from raw.records)"
    ).fetchone()
    assert counts is not None
    affected, known = counts
    is_worth_it = not affected or (affected <= MOST_AFFECTED * known and known > FEW_VERSIONS)
    return affected if is_worth_it else None


def find_keys(db: duckdb.DuckDBPyConnection, relations: Sequence[Relation]) -> dict[str, str]:
    """Find the keys of the affected records, and the other records that their rows depend on.

    Returns the views of the affected records by the staging view that each replaces.
    """
    _run(db, "2_versions")
    replaced = {RECORDS: f"{SCHEMA}.staging_records"}
    for relation in relations:
        if relation.kind == "view" and not relation.is_published and relation.reads & replaced.keys():
            read_affected(db, relation, replaced)
    _run(db, "3_keys")
    return replaced


def read_affected(db: duckdb.DuckDBPyConnection, relation: Relation, replaced: dict[str, str]) -> None:
    """Create the view of the affected rows of a view, and add it to `replaced`."""
    view = _of_affected(relation)
    db.execute(f"create view {view} as\n{relation.query(replaced)}")
    replaced[relation.name] = view


def rebuild(db: duckdb.DuckDBPyConnection, relation: Relation, key: str, replaced: dict[str, str]) -> None:
    """Compute the rows of the affected keys again, and replace them in the table.

    `replaced` gives the relations to read in place of others: their affected rows. This table is added to it.
    """
    affected = _of_affected(relation)
    db.execute(f"create table {affected} as\n{relation.query(replaced)}")
    replaced[relation.name] = affected
    is_affected = f"{key} in (from {SCHEMA}.{key}s)"
    db.execute(f"delete from {relation.full_name} where {is_affected}")
    db.execute(f"insert into {relation.full_name} by name from {affected} where {is_affected}")


def refresh(db: duckdb.DuckDBPyConnection, relation: Relation, key: str) -> None:
    """Update the columns that change with every run."""
    columns = relation.model.refreshed if relation.model else ()
    if not columns:
        return
    db.execute(
        f"update {relation.full_name} as held "
        f"set {', '.join(f'{column} = fresh.{column}' for column in columns)} "
        f"from (\n{relation.query()}\n) as fresh where held.{key} = fresh.{key} "
        f"and ({' or '.join(f'held.{column} is distinct from fresh.{column}' for column in columns)})"
    )


def _of_affected(relation: Relation) -> str:
    return f"{SCHEMA}.{relation.name.replace('.', '_')}"


def _run(db: duckdb.DuckDBPyConnection, name: str) -> None:
    db.execute(read_sql(f"incremental/{name}"))


def _tables(db: duckdb.DuckDBPyConnection) -> set[str]:
    """Every table, by its name with the schema.

    Callers look here first: DuckDB 2 ends a transaction that reads a table that does not exist.
    """
    return {name for name, kind in relations_in(db).items() if kind == "table"}


def made_of(db: duckdb.DuckDBPyConnection, home: Path) -> str:
    """A digest of all that views, macros and published tables depend on, except records."""
    models = (
        f"{model.name}\n{model.sql}"
        for layer in ("functions", "kinds", "staging", "intermediate", "marts", "macros")
        for model in read_models(layer, home).values()
    )
    connections = repr(sorted(db.execute("from raw.connections").fetchall(), key=repr))
    texts = (rollcall_version(), duckdb.__version__, seeds_source(db) or "", connections, *models)
    return hashlib.sha256("\0".join((read_sql("records"), *texts)).encode()).hexdigest()
