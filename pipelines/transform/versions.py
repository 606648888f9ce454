"""Models of the kind `versions of KEY`: a published version each time that a published column changed.

Such a model selects one row per version as received: the published columns, `valid_from`, `valid_to` and
`end_reason`. The template `sql/kinds/versions.sql` compares consecutive rows and collapses equal ones. Its
comparisons, and the macro that gives a column as text, are generated from the select list, so that a new
column is added in one place.
"""

import functools
from collections.abc import Iterable

import sqlglot
from sqlglot import exp

from pipelines.common.sql import literal, read_sql
from pipelines.transform.model import Model

PERIOD = ("valid_from", "valid_to", "end_reason")


def versions_query(model: Model, sql: str, columns: Iterable[str]) -> str:
    """The complete query of a model. `sql` is its select, and `columns` are all columns of the result."""
    published = [column for column in columns if column not in period_columns()]
    comparisons = (
        f"staging.if_changed({literal(column)}, {_compared(model, column)}, "
        f"{_compared(model, f'previous.{column}')}),"
        for column in compared_columns(model, published)
    )
    kept = [column for column in compared_columns(model, published) if column not in dict(model.compared_as)]
    assert model.versions_of
    return read_sql(
        "kinds/versions",
        typed=sql.strip(),
        key=model.versions_of,
        columns=",\n    ".join(published),
        comparisons="\n                ".join(comparisons),
        values=",\n                    ".join(f"{column} := {column}" for column in kept),
        kept=", ".join(kept),
    )


def compared_columns(model: Model, columns: Iterable[str]) -> list[str]:
    """The columns whose changes begin a version."""
    ignored = {model.versions_of, *model.not_compared, *PERIOD}
    return [column for column in columns if column not in ignored]


def cell_macro(model: Model, query: exp.Query) -> str:
    """SQL that creates `staging.MODEL_cell(version, column_name)`: the value of a compared column as text."""
    casts = {column.alias_or_name: column.unalias() for column in query.selects}
    branches = "\n".join(
        f"    when {literal(column)} then {_as_text(model, column, casts[column])}"
        for column in compared_columns(model, casts)
    )
    return (
        f"create or replace macro staging.{model.name}_cell(version, column_name) as\n"
        f"case column_name\n{branches}\nend"
    )


@functools.cache
def period_columns() -> dict[str, str]:
    """The columns that the template adds, with their descriptions."""
    sql = read_sql(
        "kinds/versions",
        typed="select 1 as one",
        key="one",
        columns="one",
        comparisons="",
        values="one := one",
        kept="one",
    )
    query = sqlglot.parse_one(sql, dialect="duckdb")
    assert isinstance(query, exp.Query)
    return {
        column.alias_or_name: " ".join(comment.strip() for comment in column.comments or ())
        for column in query.selects[1:]
    }


def _as_text(model: Model, column: str, value: exp.Expr) -> str:
    held = f"version.{column}"
    if column in dict(model.compared_as):
        return _compared(model, held)
    if isinstance(value, exp.Cast) and value.to.is_type("timestamptz"):
        return f"staging.timestamp_text({held})"
    return f"cast({held} as text)"


def _compared(model: Model, column: str) -> str:
    """The column as it is compared: by the macro that the model names, or itself."""
    macro = dict(model.compared_as).get(column.rpartition(".")[2])
    return f"{macro}({column})" if macro else column
