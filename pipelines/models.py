"""The models at work: everything published is built from `raw.*` and the seeds, described, and checked.

What a model is stands in `model_files`, how models depend on each other in `relations`.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.errors import ConfigurationError
from pipelines.model_files import SQL_ROOT, Model, Severity, read_models
from pipelines.relations import Relation, described_columns, read_relations
from pipelines.seeds import fill_seeds

__all__ = ["SQL_ROOT", "Finding", "Model", "build", "check", "read_models"]

SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Finding:
    """What a check returned: rows that break a promise or, as a warning, that a reader should know of.

    `sample` holds the first of them, with the values of `columns`.
    """

    name: str
    severity: Severity
    description: str
    rows: int
    columns: tuple[str, ...]
    sample: tuple[tuple[object, ...], ...]


def build(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Make everything published anew, in one transaction.

    Raises ConfigurationError where a model or the status mapping in the user's home cannot be used.
    """
    connection.execute("set TimeZone = 'UTC'")
    with _transaction(connection):
        # Nothing stays of a staging model that is no longer there.
        connection.execute("drop schema if exists staging cascade; create schema staging")
        fill_seeds(connection, home)
        for functions in read_models("functions", home).values():
            _run(connection, functions, functions.sql)
        _make_relations(connection, home)
        for macro in read_models("macros", home).values():
            _run(connection, macro, macro.sql)
            connection.execute(f"comment on macro table {macro.name} is {_literal(macro.description)}")


def _make_relations(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    described: dict[str, Mapping[str, str]] = {}
    for relation in read_relations(home):
        statement = f"create or replace {relation.kind} {relation.name} as\n{relation.query}"
        _run(connection, relation.model, statement)
        described[relation.name] = described_columns(relation, described)
        for comment in _comments(relation, described[relation.name]):
            connection.execute(comment)


def check(connection: duckdb.DuckDBPyConnection, home: Path) -> tuple[Finding, ...]:
    """What the checks found: nothing, where every promise is kept and there is nothing to know."""
    findings = []
    for model in read_models("checks", home).values():
        _run(connection, model, model.sql)
        columns = tuple(column[0] for column in connection.description)
        sample = tuple(connection.fetchmany(SAMPLE_ROWS))
        rows = len(sample) + sum(map(len, iter(lambda: connection.fetchmany(10_000), [])))
        if rows:
            findings.append(Finding(model.name, model.severity, model.description, rows, columns, sample))
    return tuple(findings)


def _comments(relation: Relation, columns: Mapping[str, str]) -> Iterator[str]:
    if relation.model is not None:
        yield f"comment on {relation.kind} {relation.name} is {_literal(relation.model.description)}"
    for column, text in columns.items():
        if text:
            yield f'comment on column {relation.name}."{column}" is {_literal(text)}'


@contextlib.contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _run(connection: duckdb.DuckDBPyConnection, model: Model | None, statement: str) -> None:
    """Execute a statement; what is wrong with a model of the user's is told as such."""
    try:
        connection.execute(statement)
    except duckdb.Error as error:
        if model is None or model.is_own:
            raise
        first_line = str(error).splitlines()[0]
        raise ConfigurationError(f"{model.path} does not run ({first_line})", "correct it") from None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
