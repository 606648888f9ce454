"""Building all published tables from `raw.*` and the seeds, and describing them."""

from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path

import duckdb

from pipelines.common.errors import ConfigurationError
from pipelines.common.sql import identifier, literal, read_sql, transaction
from pipelines.transform.checks import Finding, check, check_run, refuse_broken
from pipelines.transform.execute import execute
from pipelines.transform.graph import Relation, described_columns, read_relations
from pipelines.transform.incremental import (
    built_tables,
    find_affected,
    find_keys,
    last_build,
    made_of,
    note_build,
    read_affected,
    rebuild,
    refresh,
    relations_in,
)
from pipelines.transform.model import Kind, Model, read_models
from pipelines.transform.seeds import SEEDS, fill_seeds

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


def build(db: duckdb.DuckDBPyConnection, home: Path, *, comments: bool = True) -> None:
    """Build everything that is published, in one transaction. `comments` describes tables and columns.

    Raises ConfigurationError if a model or a mapping in the user's home cannot be used.
    """
    db.execute("set TimeZone = 'UTC'")
    with transaction(db):
        built_before = built_tables(db)
        _refuse_replacing(home, built_before, relations_in(db))
        fill_seeds(db, home)
        _stage(db, home, comments=comments)
        _build_marts(db, home, comments=comments)
        _create_macros(db, home)
        _note_build(db, home, made_of(db, home))
        _drop_previous(db, home, built_before)


def prepare(db: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Create what the marts of a first run read, before there are records."""
    with transaction(db):
        fill_seeds(db, home)
        _stage(db, home)


def update(db: duckdb.DuckDBPyConnection, home: Path, *, is_prepared: bool = False) -> bool:
    """Update everything that is published to what `build` would create, computing only what has changed.

    Builds everything if Rollcall, the models, the seeds or DuckDB have changed, or many records have. With
    `is_prepared`, `prepare` has run. Returns whether anything that the tables are built from has changed.
    """
    db.execute("set TimeZone = 'UTC'")
    with transaction(db):
        built_before, held = built_tables(db), relations_in(db)
        _refuse_replacing(home, built_before, held)
        if not is_prepared:
            fill_seeds(db, home)
        sources = made_of(db, home)
        built_at = last_build(db, home, sources, held)
        affected = find_affected(db, built_at) if built_at else None
        if built_at is None and not is_prepared:
            _stage(db, home)
        if affected is None:
            _build_marts(db, home)
        else:
            _update_marts(db, home, affected)
        if built_at is None:
            _create_macros(db, home)
        _note_build(db, home, sources)
        _drop_previous(db, home, built_before)
    # Not within the transaction: DuckDB cannot commit one that creates, fills and drops a table.
    db.execute("drop schema if exists affected cascade")
    return affected != 0


def _stage(db: duckdb.DuckDBPyConnection, home: Path, *, comments: bool = True) -> None:
    """Create the schema `staging` again: its functions and views."""
    db.execute("drop schema if exists staging cascade; create schema staging")
    for functions in read_models("functions", home).values():
        execute(db, functions, functions.sql)
    db.execute(read_sql("records"))
    relations = read_relations(home)
    described = described_columns(relations) if comments else {}
    for relation in relations:
        if relation.kind == "view" and not relation.is_published:
            _create(db, relation, described)
        if relation.macro:
            db.execute(relation.macro)


def _build_marts(db: duckdb.DuckDBPyConnection, home: Path, *, comments: bool = True) -> None:
    """Create every table and every published view."""
    relations = read_relations(home)
    described = described_columns(relations) if comments else {}
    _drop_of_other_kind(db, relations)
    for relation in relations:
        if relation.kind == "table" or relation.is_published:
            _create(db, relation, described)


def _update_marts(db: duckdb.DuckDBPyConnection, home: Path, affected: int) -> None:
    """Update incremental tables for `affected` changed records. Create the others again, if need be."""
    relations = read_relations(home)
    described = described_columns(relations)
    replaced = find_keys(db, relations) if affected else {}
    unchanged = set(SEEDS)
    for relation in relations:
        model = relation.model
        if relation.kind == "view":
            if relation.is_published and affected:
                read_affected(db, relation, replaced)
        elif model and model.incremental:
            if affected:
                rebuild(db, relation, model.incremental, replaced)
            elif not model.refreshed:
                unchanged.add(relation.name)
            refresh(db, relation, model.incremental)
        elif model and model.is_own and relation.reads <= unchanged:
            unchanged.add(relation.name)
        else:
            _create(db, relation, described)


def _create_macros(db: duckdb.DuckDBPyConnection, home: Path) -> None:
    for macro in read_models("macros", home).values():
        execute(db, macro, macro.sql)
        db.execute(f"comment on macro table {macro.name} is {literal(macro.description)}")


def _note_build(db: duckdb.DuckDBPyConnection, home: Path, sources: str) -> None:
    note_build(db, sources, [relation.name for relation in read_relations(home) if relation.is_published])


def _refuse_replacing(home: Path, built: Set[str], held: Mapping[str, Kind]) -> None:
    """Raise ConfigurationError if a mart has the name of a table that a user has created in the file."""
    for relation in read_relations(home) if built else ():
        if relation.is_published and relation.full_name in held and relation.name not in built:
            raise ConfigurationError(
                f"the warehouse holds a table {relation.name} that no run has made",
                "rename it in the file: Rollcall has a table of that name",
            )


def _drop_previous(db: duckdb.DuckDBPyConnection, home: Path, built_before: Set[str]) -> None:
    """Drop what was built of marts that no longer exist. A user's own tables and views stay."""
    made = {relation.name for relation in read_relations(home)}
    if gone := sorted(built_before - made):
        held = relations_in(db)
        for name in gone:
            if kind := held.get(f"main.{name}"):
                db.execute(f"drop {kind} {identifier(name)}")


def _drop_of_other_kind(db: duckdb.DuckDBPyConnection, relations: Sequence[Relation]) -> None:
    """Drop tables that are to become views, and views that are to become tables."""
    held = relations_in(db)
    for relation in relations:
        if held.get(relation.full_name, relation.kind) != relation.kind:
            db.execute(f"drop {held[relation.full_name]} {relation.full_name}")


def _create(
    db: duckdb.DuckDBPyConnection, relation: Relation, described: Mapping[str, Mapping[str, str]]
) -> None:
    statement = f"create or replace {relation.kind} {relation.name} as\n{relation.query()}"
    execute(db, relation.model, statement)
    if described and (comments := ";\n".join(_comments(relation, described[relation.name]))):
        db.execute(comments)


def _comments(relation: Relation, columns: Mapping[str, str]) -> Iterator[str]:
    if relation.model is not None:
        yield f"comment on {relation.kind} {relation.name} is {literal(relation.model.description)}"
    for column, text in columns.items():
        if text:
            yield f'comment on column {relation.name}."{column}" is {literal(text)}'
