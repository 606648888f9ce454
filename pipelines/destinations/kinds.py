"""The destinations that Rollcall can publish to, and the SQL that differs between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.common.sql import literal

KEY, HASH, DELETED = "_rollcall_key", "_rollcall_hash", "_rollcall_deleted"
INCOMING = "_rollcall_incoming_"
PUBLICATIONS = "publications"
"""The table at the destination with a row for each publication."""


FileFormat = Literal["insert_values", "jsonl", "parquet"]
TableFormat = Literal["delta", "iceberg"]


@dataclass(frozen=True)
class Kind:
    """A kind of destination.

    `extra` brings its packages: `publish` of Rollcall, or dlt's own of the same name. `json` is the SQL that
    turns the staged text `{}` into the destination's JSON type; empty where JSON stays text. `creating` and
    `staging` are dlt's file formats for an empty table and for rows. `has_nul` says whether text may contain
    the character NUL.
    """

    name: str
    extra: str
    json: str = ""
    creating: FileFormat = "parquet"
    staging: FileFormat = "parquet"
    column_comment: str = "comment on column {table}.{column} is {text}"
    table_comment: str = "comment on table {table} is {text}"
    has_primary_keys: bool = False
    is_lake: bool = False
    has_nul: bool = True


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "postgres",
            "publish",
            json="cast({} as jsonb)",
            creating="insert_values",
            has_primary_keys=True,
            has_nul=False,
        ),
        Kind("duckdb", "publish", json="cast({} as json)"),
        Kind("motherduck", "dlt", json="cast({} as json)"),
        Kind(
            "snowflake",
            "dlt",
            json="parse_json({})",
            creating="jsonl",
            has_primary_keys=True,
        ),
        Kind(
            "bigquery",
            "dlt",
            json="parse_json({}, wide_number_mode => 'round')",
            creating="jsonl",
            column_comment="alter table {table} alter column {column} set options (description = {text})",
            table_comment="alter table {table} set options (description = {text})",
        ),
        Kind(
            "redshift",
            "dlt",
            json="json_parse({})",
            creating="insert_values",
            staging="insert_values",
            has_primary_keys=True,
            has_nul=False,
        ),
        Kind("databricks", "dlt"),
        Kind(
            "clickhouse",
            "dlt",
            column_comment="alter table {table} comment column {column} {text}",
            table_comment="alter table {table} modify comment {text}",
        ),
        Kind("filesystem", "publish", is_lake=True),
    )
}


@dataclass(frozen=True)
class Names:
    """How a destination writes the names of tables and columns: qualified and quoted."""

    table: Callable[[str], str]
    column: Callable[[str], str]


def merge_statements(kind: Kind, names: Names, table: str, columns: Mapping[str, bool]) -> Iterator[str]:
    """The SQL that merges the staged rows of a table into it. `columns` says of each whether it is JSON."""
    target, staged = names.table(table), names.table(INCOMING + table)
    key = names.column(KEY)
    targets = ", ".join(map(names.column, columns))
    values = ", ".join(
        kind.json.format(names.column(column)) if is_json and kind.json else names.column(column)
        for column, is_json in columns.items()
    )
    yield f"delete from {target} where {key} in (select {key} from {staged})"
    yield f"insert into {target} ({targets}) select {values} from {staged} where not {names.column(DELETED)}"


def primary_key_statement(names: Names, table: str, key: Sequence[str]) -> str:
    """The SQL that gives a table its primary key."""
    return f"alter table {names.table(table)} add primary key ({', '.join(map(names.column, key))})"


def comment_statements(
    kind: Kind, names: Names, table: str, description: str, columns: Mapping[str, str]
) -> Iterator[str]:
    """The SQL that describes a table and its columns, those without a description left out."""
    qualified = names.table(table)
    yield kind.table_comment.format(table=qualified, text=literal(description))
    for column, text in columns.items():
        if text:
            yield kind.column_comment.format(table=qualified, column=names.column(column), text=literal(text))
