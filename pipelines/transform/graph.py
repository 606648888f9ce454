"""The views and tables that the models make, in the order in which they read each other.

Both the order and the descriptions of columns are read from the SQL. The comment behind a column describes
it; a column without one has the description of its namesake in a table that the model reads.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

from pipelines.common.errors import ConfigurationError
from pipelines.transform.model import Model, read_models

Kind = Literal["view", "table"]


@dataclass(frozen=True)
class Relation:
    """A view or table: its name, with the schema where that is not main, and its query.

    `reads` holds the names of what it selects from, `columns` the descriptions that stand in its own text.
    """

    name: str
    kind: Kind
    query: str
    reads: frozenset[str]
    columns: Mapping[str, str]
    model: Model | None = None


def read_relations(home: Path) -> tuple[Relation, ...]:
    """A view for each staging model and each union of them, a table for each mart; each after what it reads.

    Raises ConfigurationError where a model is no query, or where some read each other.
    """
    staging = [
        _relation(f"staging.{name}", "view", model) for name, model in read_models("staging", home).items()
    ]
    marts = [_relation(name, "table", model) for name, model in read_models("marts", home).items()]
    return _in_order((*staging, *_unions(staging), *marts))


def described_columns(relations: Iterable[Relation]) -> dict[str, dict[str, str]]:
    """The description of each column of each relation, given in order; empty where there is none."""
    described: dict[str, dict[str, str]] = {}
    for relation in relations:
        inherited: dict[str, str] = {}
        for name in sorted(relation.reads & described.keys()):
            inherited |= described[name]
        described[relation.name] = {
            column: text or inherited.get(column, "") for column, text in relation.columns.items()
        }
    return described


@functools.cache  # the same files are read for every night of a process
def _relation(name: str, kind: Kind, model: Model) -> Relation:
    import sqlglot
    from sqlglot import exp

    if not model.name.isidentifier():
        raise ConfigurationError(f"{model.path} cannot name a table", "use letters, digits and underscores")
    try:
        query, *more = sqlglot.parse(model.sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise ConfigurationError(f"{model.path} is not SQL ({_place(error)})", "correct it") from None
    if more or not isinstance(query, exp.Query):
        raise ConfigurationError(
            f"{model.path} is not one query", "leave one select in it, without a semicolon"
        )
    tables = {f"{table.db}.{table.name}".strip(".") for table in query.find_all(exp.Table)}
    own = {expression.alias for expression in query.find_all(exp.CTE)}
    columns = {
        column.alias_or_name: " ".join(comment.strip() for comment in column.comments or ())
        for column in query.selects
    }
    for column in (*([model.incremental] if model.incremental else []), *model.refreshed):
        if column not in columns and "*" not in columns:
            raise ConfigurationError(
                f"{model.path} names the column {column} in its head and does not select it", "select it"
            )
    return Relation(name, kind, model.sql, frozenset(tables - own), columns, model)


def _place(error: Exception) -> str:
    """Where sqlglot did not understand: what it expected there it says in words of its own."""
    for place in getattr(error, "errors", ()):
        return f"line {place['line']}, column {place['col']}, at {place['highlight']}"
    return str(error).splitlines()[0]


def _unions(staging: Iterable[Relation]) -> Iterator[Relation]:
    """For each entity a view of all providers' rows: of the models named `stg_<provider>__<entity>`."""
    parts: dict[str, list[str]] = {}
    for relation in staging:
        if named := re.fullmatch(r"staging\.stg_.+?__(.+)", relation.name):
            parts.setdefault(named[1], []).append(relation.name)
    for entity, names in parts.items():
        query = "\nunion all by name\n".join(f"select * from {name}" for name in names)
        yield Relation(f"staging.{entity}", "view", query, frozenset(names), {})


def _in_order(relations: Iterable[Relation]) -> tuple[Relation, ...]:
    known = {relation.name: relation for relation in relations}
    graph = {name: sorted(relation.reads & known.keys()) for name, relation in known.items()}
    try:
        return tuple(known[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigurationError(f"{', '.join(error.args[1])} read each other", "let one read less") from None
