"""The SQL models: found by folder, ordered by what they read, built, described and checked.

A file is a model, its folder a layer and its name the table's. Its head is the one place for its
description (`-- text`), grain (`-- grain: a, b`) and severity (`-- severity: warning`). A comment behind a
column describes that column; one without inherits the description of its namesake in a model that is read.
"""

import csv
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal

import duckdb

from pipelines.errors import ConfigurationError

_packaged = Path(__file__).parent / "sql"
SQL_ROOT = _packaged if _packaged.is_dir() else Path(__file__).parent.parent / "sql"

STATUSES = ("active", "inactive", "planned", "on_hold", "completed", "cancelled", "archived", "unknown")
ENTITIES = ("projects", "files")
SAMPLE_ROWS = 5

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Model:
    """One SQL file. `reads` holds the tables that it selects from, with their schema where one is written."""

    name: str
    sql: str
    description: str
    grain: tuple[str, ...] = ()
    severity: Severity = "error"
    reads: frozenset[str] = frozenset()
    columns: Mapping[str, str] = field(
        default_factory=dict
    )  # descriptions, by column; "" where there is none


@dataclass(frozen=True)
class Finding:
    """A check that returned rows: a broken promise, or something to know."""

    name: str
    severity: Severity
    description: str
    rows: int
    sample: tuple[tuple[object, ...], ...]


def build(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Make everything published anew from `raw.*` and the seeds, described, in one transaction."""
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("begin")
    _seed(connection, home)
    for path in sorted((SQL_ROOT / "functions").glob("*.sql")):
        connection.execute(path.read_text())
    staging, marts = read_models("staging", home), read_models("marts", home)
    for name, statement in _ordered(staging, marts):
        connection.execute(statement)
        if name in marts:
            connection.execute(_comments(name, marts))
    for path in sorted((SQL_ROOT / "macros").glob("*.sql")):
        connection.execute(path.read_text())
    connection.execute("commit")


def check(connection: duckdb.DuckDBPyConnection, home: Path) -> tuple[Finding, ...]:
    """What the checks found: nothing, where every promise is kept and there is nothing to know."""
    findings = []
    for model in read_models("checks", home).values():
        rows = connection.execute(model.sql).fetchall()
        if rows:
            sample = tuple(rows[:SAMPLE_ROWS])
            findings.append(Finding(model.name, model.severity, model.description, len(rows), sample))
    return tuple(findings)


def read_models(layer: str, home: Path) -> dict[str, Model]:
    """The models of a layer by name: the package's, and those of `home/sql`, which may replace them."""
    paths = (*sorted((SQL_ROOT / layer).glob("*.sql")), *sorted((home / "sql" / layer).glob("*.sql")))
    return {path.stem: read_model(path) for path in paths}


def read_model(path: Path) -> Model:
    """One file. Raises ConfigurationError where it is not one SQL query."""
    import sqlglot
    from sqlglot import exp

    sql = path.read_text()
    try:
        query = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.ParseError as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(f"{path} is not a query ({first})", "correct it") from None
    named = {cte.alias for cte in query.find_all(exp.CTE)}
    tables = {f"{table.db}.{table.name}".strip(".") for table in query.find_all(exp.Table)}
    columns = query.selects if isinstance(query, exp.Query) else []
    description, keys = _head(sql)
    return Model(
        name=path.stem,
        sql=sql,
        description=description,
        grain=tuple(keys["grain"].split(", ")) if "grain" in keys else (),
        severity="warning" if keys.get("severity") == "warning" else "error",
        reads=frozenset(tables - named),
        columns={
            column.alias_or_name: " ".join(text.strip() for text in column.comments or ())
            for column in columns
        },
    )


def _head(sql: str) -> tuple[str, dict[str, str]]:
    """The description at the top of a file, and its keys."""
    lines = list(itertools.takewhile(lambda line: line.startswith("--"), sql.splitlines()))
    texts = [line.removeprefix("--").strip() for line in lines]
    keys = dict(text.split(": ", 1) for text in texts if re.match(r"(grain|severity): ", text))
    return " ".join(text for text in texts if not re.match(r"(grain|severity): ", text)), keys


def _ordered(staging: Mapping[str, Model], marts: Mapping[str, Model]) -> Iterator[tuple[str, str]]:
    """Name and statement of everything to make, each after what it reads."""
    statements = {f"staging.{model.name}": _view(model.name, model.sql) for model in staging.values()}
    reads = {f"staging.{model.name}": model.reads for model in staging.values()}
    for entity in ENTITIES:
        union = [name for name in sorted(staging) if name.endswith(f"__{entity}")]
        parts = "\nunion all by name\n".join(f"select * from staging.{name}" for name in union)
        statements[f"staging.{entity}"] = _view(entity, parts)
        reads[f"staging.{entity}"] = frozenset(f"staging.{name}" for name in union)
    for model in marts.values():
        statements[model.name] = f"create or replace table {model.name} as\n{model.sql}"
        reads[model.name] = model.reads
    for name in TopologicalSorter(reads).static_order():
        if name in statements:
            yield name, statements[name]


def _view(name: str, query: str) -> str:
    return f"create or replace view staging.{name} as\n{query}"


def described_columns(name: str, marts: Mapping[str, Model]) -> dict[str, str]:
    """The description of each column of a mart: its own, or its namesake's in a mart that it reads."""
    model = marts[name]
    inherited: dict[str, str] = {}
    for read in sorted(model.reads & marts.keys()):
        inherited |= described_columns(read, marts)
    return {column: text or inherited.get(column, "") for column, text in model.columns.items()}


def _comments(name: str, marts: Mapping[str, Model]) -> str:
    about = [f"comment on table {name} is {_literal(marts[name].description)}"]
    about += [
        f'comment on column {name}."{column}" is {_literal(text)}'
        for column, text in described_columns(name, marts).items()
    ]
    return ";\n".join(about)


def _seed(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """The two tables that meaning is looked up in: Windows time zones, and the mapping of statuses."""
    from tzlocal.windows_tz import win_tz

    connection.execute("create schema if not exists seeds; create schema if not exists staging")
    zones = sorted(win_tz.items())
    _fill(connection, "windows_time_zones", ("windows_name", "time_zone"), zones)
    mapping: dict[tuple[str, str], str] = {}
    for path in (SQL_ROOT / "seeds" / "status_mapping.csv", home / "status_mapping.csv"):
        if path.exists():
            mapping |= _status_mapping(path)
    rows = [(provider, said, status) for (provider, said), status in sorted(mapping.items())]
    _fill(connection, "status_mapping", ("provider", "provider_status", "status"), rows)


def _status_mapping(path: Path) -> dict[tuple[str, str], str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        wanted = ["provider", "provider_status", "status"]
        if reader.fieldnames != wanted:
            raise ConfigurationError(
                f"{path} has other columns", f"its first line must be {','.join(wanted)}"
            )
        mapping = {}
        for row in reader:
            if row["status"] not in STATUSES:
                raise ConfigurationError(
                    f"{path} line {reader.line_num} has the status {row['status']!r}",
                    f"use one of {', '.join(STATUSES)}",
                )
            mapping[row["provider"], (row["provider_status"] or "").strip().lower()] = row["status"]
    return mapping


def _fill(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    names = ", ".join(columns)
    connection.execute(
        f"create or replace table seeds.{table} as select * from (values {values}) as rows({names})"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
