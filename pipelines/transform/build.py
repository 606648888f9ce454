"""Building: everything published is built from `raw.*` and the seeds, described, and checked."""

from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path

import duckdb

from pipelines.common.errors import ConfigurationError
from pipelines.common.sql import identifier, literal, transaction
from pipelines.transform.checks import Finding, check, check_run, refuse_broken
from pipelines.transform.execute import execute
from pipelines.transform.graph import Relation, described_columns, read_relations
from pipelines.transform.incremental import (
    built_tables,
    find_affected,
    find_keys,
    last_build,
    note_build,
    read_affected,
    rebuild,
    refresh,
    relations_in,
)
from pipelines.transform.model import Model, read_models
from pipelines.transform.seeds import fill_seeds

__all__ = [
    "Finding",
    "Model",
    "build",
    "check",
    "check_run",
    "read_models",
    "refuse_broken",
    "update",
]


def build(connection: duckdb.DuckDBPyConnection, home: Path, *, comments: bool = True) -> None:
    """Build everything that is published, in one transaction; without `comments`, columns are not described.

    Raises ConfigurationError if a model or a mapping in the user's home cannot be used.
    """
    connection.execute("set TimeZone = 'UTC'")
    with transaction(connection):
        built_before = built_tables(connection)
        _refuse_replacing(connection, home)
        fill_seeds(connection, home)
        _stage(connection, home, comments=comments)
        _make(connection, home, affected=None, comments=comments)
        _drop_previous(connection, home, built_before)


def prepare(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Create what the marts of a first run read, before there are records."""
    with transaction(connection):
        fill_seeds(connection, home)
        _stage(connection, home)


def update(connection: duckdb.DuckDBPyConnection, home: Path, *, is_prepared: bool = False) -> bool:
    """Update everything that is published to what `build` would create, at the cost of the changes only.

    Everything is built if Rollcall, the models, the seeds or DuckDB have changed, or if many records have.
    Returns whether any record, or anything else that the tables are built from, has changed.
    """
    connection.execute("set TimeZone = 'UTC'")
    with transaction(connection):
        _refuse_replacing(connection, home)
        built_before = built_tables(connection)
        if not is_prepared:
            fill_seeds(connection, home)
        built_at = last_build(connection, home)
        affected = find_affected(connection, built_at) if built_at else None
        if built_at is None and not is_prepared:
            _stage(connection, home)
        _make(connection, home, affected)
        _drop_previous(connection, home, built_before)
    # Not within the transaction: DuckDB cannot commit one that creates, fills and drops a table.
    connection.execute("drop schema if exists affected cascade")
    return affected != 0


def _stage(connection: duckdb.DuckDBPyConnection, home: Path, *, comments: bool = True) -> None:
    """Create the functions and the staging views, and remove those that no longer exist."""
    connection.execute("drop schema if exists staging cascade; create schema staging")
    for functions in read_models("functions", home).values():
        execute(connection, functions, functions.sql)
    connection.execute("create view staging.records as from raw.records")
    relations = read_relations(home)
    described = described_columns(relations) if comments else {}
    for relation in relations:
        if relation.kind == "view" and not relation.is_published:
            _create(connection, relation, described)
        if relation.macro:
            connection.execute(relation.macro)


def _make(
    connection: duckdb.DuckDBPyConnection, home: Path, affected: int | None, *, comments: bool = True
) -> None:
    """Create every table and published view. If the number of `affected` records is given, update those that
    are incremental.
    """
    relations = read_relations(home)
    described = described_columns(relations) if comments else {}
    replaced = find_keys(connection, relations) if affected else {}
    if affected is None:
        _drop_of_other_kind(connection, relations)
    for relation in relations:
        key = relation.model and relation.model.incremental
        if relation.kind == "view":
            if relation.is_published and affected is None:
                _create(connection, relation, described)
            elif relation.is_published and affected:
                read_affected(connection, relation, replaced)
        elif not key or affected is None:
            _create(connection, relation, described)
        else:
            if affected:
                rebuild(connection, relation, key, replaced)
            refresh(connection, relation, key)
    for macro in read_models("macros", home).values():
        execute(connection, macro, macro.sql)
        connection.execute(f"comment on macro table {macro.name} is {literal(macro.description)}")
    note_build(connection, home, [relation.name for relation in relations if relation.is_published])


def _refuse_replacing(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Raise ConfigurationError if a mart has the name of a table that a user has created in the file."""
    built = built_tables(connection)
    held = relations_in(connection) if built else {}
    for relation in read_relations(home):
        if relation.is_published and relation.full_name in held and relation.name not in built:
            raise ConfigurationError(
                f"the warehouse holds a table {relation.name} that no run has made",
                "rename it in the file: Rollcall has a table of that name",
            )


def _drop_previous(connection: duckdb.DuckDBPyConnection, home: Path, built_before: Set[str]) -> None:
    """Drop what was built of marts that no longer exist. A user's own tables and views stay."""
    made = {relation.name for relation in read_relations(home)}
    if gone := sorted(built_before - made):
        held = relations_in(connection)
        for name in gone:
            if kind := held.get(f"main.{name}"):
                connection.execute(f"drop {kind} {identifier(name)}")


def _drop_of_other_kind(connection: duckdb.DuckDBPyConnection, relations: Sequence[Relation]) -> None:
    """Drop tables that are to become views, and views that are to become tables."""
    held = relations_in(connection)
    for relation in relations:
        if held.get(relation.full_name, relation.kind) != relation.kind:
            connection.execute(f"drop {held[relation.full_name]} {relation.full_name}")


def _create(
    connection: duckdb.DuckDBPyConnection, relation: Relation, described: Mapping[str, Mapping[str, str]]
) -> None:
    statement = f"create or replace {relation.kind} {relation.name} as\n{relation.query()}"
    execute(connection, relation.model, statement)
    if described and (comments := ";\n".join(_comments(relation, described[relation.name]))):
        connection.execute(comments)


def _comments(relation: Relation, columns: Mapping[str, str]) -> Iterator[str]:
    if relation.model is not None:
        yield f"comment on {relation.kind} {relation.name} is {literal(relation.model.description)}"
    for column, text in columns.items():
        if text:
            yield f'comment on column {relation.name}."{column}" is {literal(text)}'
