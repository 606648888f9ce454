"""The views and tables that the models create, in the order in which they read each other.

The order and the descriptions of columns come from the SQL. The comment behind a column describes it; a
column without one has the description of the column of that name in a table that the model reads.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.common.errors import ConfigurationError
from pipelines.transform.model import Kind, Model, read_models

if TYPE_CHECKING:  # sqlglot is imported late
    from sqlglot import exp


class Reference(NamedTuple):
    """A place in a query that names a table: the text between `start` and `end`."""

    table: str
    start: int
    end: int


@dataclass(frozen=True)
class Relation:
    """A view or table: its name, with the schema unless that is main, and the SQL of its model.

    `reads` are the names of the tables that it selects from, and `references` the places that name them.
    `columns` are its columns with the descriptions in its own SQL. `macro` is SQL that creates its macro.
    """

    name: str
    kind: Kind
    sql: str
    columns: Mapping[str, str]
    references: tuple[Reference, ...]
    model: Model | None = None
    macro: str | None = None
    reads: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", frozenset(reference.table for reference in self.references))

    @property
    def is_published(self) -> bool:
        """Whether it is in the schema main, where a user looks for tables."""
        return "." not in self.name

    @property
    def full_name(self) -> str:
        """Its name with the schema."""
        return f"main.{self.name}" if self.is_published else self.name

    def query(self, replaced: Mapping[str, str] | None = None) -> str:
        """The query to execute. `replaced` gives the table to read in place of another one."""
        sql = self.sql
        for table, start, end in reversed(self.references):
            sql = sql[:start] + (replaced or {}).get(table, sql[start:end]) + sql[end:]
        if self.model is None or not self.model.versions_of:
            return sql
        from pipelines.transform.versions import versions_query

        return versions_query(self.model, sql, self.columns)


def read_relations(home: Path) -> tuple[Relation, ...]:
    """A relation for each staging model, intermediate model, union and mart, each after those that it reads.

    Raises ConfigurationError if a model is not a query, or if models read each other.
    """
    staging, intermediate = (
        [_relation(f"staging.{name}", "view", model) for name, model in read_models(layer, home).items()]
        for layer in ("staging", "intermediate")
    )
    marts = [_relation(name, "table", model) for name, model in read_models("marts", home).items()]
    return _in_order((*staging, *intermediate, *_unions(staging, intermediate), *marts))


def described_columns(relations: Iterable[Relation]) -> dict[str, dict[str, str]]:
    """The description of each column of each relation, given in order; empty if there is none."""
    described: dict[str, dict[str, str]] = {}
    for relation in relations:
        inherited: dict[str, str] = {}
        for name in sorted(relation.reads & described.keys()):
            inherited |= described[name]
        described[relation.name] = {
            column: text or inherited.get(column, "") for column, text in relation.columns.items()
        }
    return described


@functools.cache  # a process that runs several times reads the same files again
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
    columns = {
        column.alias_or_name: " ".join(comment.strip() for comment in column.comments or ())
        for column in query.selects
    }
    macro = None
    if model.versions_of:
        from pipelines.transform.versions import PERIOD, cell_macro, period_columns

        macro = cell_macro(model, query)
        columns = {column: columns[column] for column in columns if column not in PERIOD}
        columns |= period_columns()
    for column in (*([model.incremental] if model.incremental else []), *model.refreshed):
        if column not in columns and "*" not in columns:
            raise ConfigurationError(
                f"{model.path} names the column {column} in its header and does not select it", "select it"
            )
    return Relation(name, model.creates or kind, model.sql, columns, _references(query), model, macro)


def _references(query: "exp.Query") -> tuple[Reference, ...]:
    """Every place that names a table, in order; not those that name a common table expression."""
    from sqlglot import exp

    own = {expression.alias for expression in query.find_all(exp.CTE)}
    found = []
    for table in query.find_all(exp.Table):
        name = f"{table.db}.{table.name}".strip(".")
        if table.name and name not in own:  # a table function has no name
            first, last = table.parts[0].meta, table.parts[-1].meta
            found.append(Reference(name, first["start"], last["end"] + 1))
    return tuple(sorted(found, key=lambda reference: reference.start))


def _place(error: Exception) -> str:
    """Where sqlglot found an error: line, column and text, without its explanation."""
    for place in getattr(error, "errors", ()):
        return f"line {place['line']}, column {place['col']}, at {place['highlight']}"
    return str(error).splitlines()[0]


def _unions(staging: Iterable[Relation], intermediate: Iterable[Relation]) -> Iterator[Relation]:
    """For each entity a view of the rows of all providers: `staging.ENTITY`.

    The models of an entity are named `stg_<provider>__<entity>`, or `int_<provider>__<entity>` if it is
    derived from what the provider lists. If some are derived, `staging.listed_ENTITY` unites the others.
    """
    listed, derived = _by_entity(staging, "stg"), _by_entity(intermediate, "int")
    for entity in dict.fromkeys((*listed, *derived)):
        yield _union(f"staging.{entity}", listed.get(entity, []) + derived.get(entity, []))
        if entity in listed and entity in derived:
            yield _union(f"staging.listed_{entity}", listed[entity])


def _by_entity(relations: Iterable[Relation], prefix: str) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for relation in relations:
        if named := re.fullmatch(rf"staging\.{prefix}_.+?__(.+)", relation.name):
            names.setdefault(named[1], []).append(relation.name)
    return names


def _union(name: str, parts: Iterable[str]) -> Relation:
    sql, references = "", []
    for part in parts:
        sql += ("\nunion all by name\n" if sql else "") + "select * from "
        references.append(Reference(part, len(sql), len(sql) + len(part)))
        sql += part
    return Relation(name, "view", sql, {}, tuple(references))


def _in_order(relations: Iterable[Relation]) -> tuple[Relation, ...]:
    known = {relation.name: relation for relation in relations}
    graph = {name: sorted(relation.reads & known.keys()) for name, relation in known.items()}
    try:
        return tuple(known[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigurationError(
            f"{', '.join(error.args[1])} read each other", "remove one of the references"
        ) from None
