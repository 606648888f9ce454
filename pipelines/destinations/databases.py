"""Publishing to a database: dlt creates the tables and stages the rows, then SQL brings them into the tables.

Where the database has transactions, one of them changes every table. So a reader sees one run or the next,
and an interrupted publication leaves the tables as they were.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from pipelines.common.errors import ConfigurationError
from pipelines.common.sql import literal
from pipelines.destinations.changes import STORED, Changes
from pipelines.destinations.kinds import (
    HASH,
    INCOMING,
    KEY,
    PUBLICATIONS,
    Kind,
    Names,
    comment_statements,
    merge_statements,
    primary_key_statement,
)
from pipelines.destinations.publication import LastPublication, PublicationRow
from pipelines.destinations.session import ROWS_PER_BATCH, empty_table, staged_rows
from pipelines.destinations.target import Target

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.destinations.sql_client import SqlClientBase


def read_stored(pipeline: "Pipeline", target: Target, tables: Sequence[str]) -> dict[str, pa.Table | None]:
    """The keys and hashes of the rows in each table; None for a table that the destination lacks."""
    with pipeline.sql_client() as client:
        if not client.has_dataset():
            return dict.fromkeys(tables)
        return {table: _read_keys(client, target, table) for table in tables}


def _read_keys(client: "SqlClientBase[object]", target: Target, table: str) -> pa.Table | None:
    from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

    names = _names(client)
    query = f"select {names.column(KEY)}, {names.column(HASH)} from {names.table(table)}"
    try:
        with client.execute_query(query) as cursor:
            pages = iter(lambda: cursor.fetchmany(ROWS_PER_BATCH), [])
            batches = [
                pa.record_batch([list(column) for column in zip(*page, strict=True)], schema=STORED)
                for page in pages
            ]
    except DatabaseUndefinedRelation:
        return None
    except DatabaseException as error:
        if not re.search(rf"column.*{KEY}", str(error)):
            raise
        raise ConfigurationError(
            f"dataset {target.dataset} has a table {table} that Rollcall did not create",
            f"give [publish.{target.name}] a dataset for Rollcall alone",
        ) from None
    return pa.Table.from_batches(batches, schema=STORED)


def last_publication(pipeline: "Pipeline", target: Target) -> LastPublication | None:
    """The last row of `publications`; None if there is none."""
    del target
    with pipeline.sql_client() as client:
        names = _names(client)
        columns = ", ".join(map(names.column, ("run_started_at", "descriptions_hash")))
        order = names.column("published_at")
        rows = client.execute_sql(f"select {columns} from {names.table(PUBLICATIONS)} order by {order}")
    return LastPublication(*rows[-1]) if rows else None


def statements(
    pipeline: "Pipeline", target: Target, changes: Sequence[Changes], *, with_comments: bool
) -> tuple[str, ...]:
    """The SQL that `publish` would execute once the rows are staged."""
    with pipeline.sql_client() as client:
        comments = _comments(target.kind, _names(client), changes) if with_comments else ()
        return (*comments, *_merges(target.kind, _names(client), changes))


def publish(
    pipeline: "Pipeline",
    target: Target,
    changes: Sequence[Changes],
    row: PublicationRow,
    *,
    with_comments: bool,
) -> None:
    """Apply the changes to the tables, and add `row` to `publications`."""
    from dlt.destinations.exceptions import DatabaseUndefinedRelation
    from dlt.destinations.job_client_impl import SqlJobClientBase

    kind, changes = target.kind, (*changes, row(None))
    staged = [INCOMING + change.table.name for change in changes]
    # A publication that was killed may have left them. dlt creates tables only if its schema lacks them.
    with pipeline.destination_client() as client, contextlib.suppress(DatabaseUndefinedRelation):
        assert isinstance(client, SqlJobClientBase)
        client.drop_tables(*staged, delete_schema=True)
    with pipeline.sql_client() as sql:
        names = _names(sql)
        has_dataset = sql.has_dataset()
        lacking = [change for change in changes if not has_dataset or _is_lacking(sql, names, change)]
    created = [empty_table(change.table, parquet.read_schema(change.file), kind, None) for change in lacking]
    filled = [staged_rows(change.table, change.file, kind) for change in changes if change.is_any]
    pipeline.run([*created, *filled])
    with pipeline.sql_client() as sql:
        comments = _comments(kind, names, changes) if with_comments else ()
        for statement in (*comments, *_primary_keys(sql, kind, names, changes)):
            sql.execute_sql(statement)
        with sql.begin_transaction():
            for statement in _merges(kind, names, changes):
                sql.execute_sql(statement)
        sql.drop_tables(*staged)


def _is_lacking(client: "SqlClientBase[object]", names: Names, change: Changes) -> bool:
    """Whether the destination lacks the table, or a column of it."""
    from dlt.destinations.exceptions import DatabaseUndefinedRelation

    try:
        with client.execute_query(f"select * from {names.table(change.table.name)} where 1 = 0") as cursor:
            held = {column[0].lower() for column in cursor.description}
    except DatabaseUndefinedRelation:
        return True
    return not held.issuperset(column.lower() for column in change.table.json_columns)


def _comments(kind: Kind, names: Names, changes: Sequence[Changes]) -> Iterator[str]:
    for change in changes:
        table = change.table
        yield from comment_statements(kind, names, table.name, table.description, table.descriptions)


def _merges(kind: Kind, names: Names, changes: Sequence[Changes]) -> Iterator[str]:
    for change in changes:
        if change.is_any:
            yield from merge_statements(kind, names, change.table.name, change.table.json_columns)


def _primary_keys(
    client: "SqlClientBase[object]", kind: Kind, names: Names, changes: Sequence[Changes]
) -> list[str]:
    """The SQL for the primary keys that are missing."""
    if not kind.has_primary_keys:
        return []
    schema = client.fully_qualified_dataset_name(quote=False).rpartition(".")[-1]
    found = client.execute_sql(
        "select table_name from information_schema.table_constraints "
        f"where table_schema = {literal(schema)} and constraint_type = 'PRIMARY KEY'"
    )
    keyed = {str(row[0]).lower() for row in found or ()}
    tables = [change.table for change in changes if change.table.name.lower() not in keyed]
    return [primary_key_statement(names, table.name, table.key) for table in tables]


def _names(client: "SqlClientBase[object]") -> Names:
    return Names(client.make_qualified_table_name, client.escape_column_name)
