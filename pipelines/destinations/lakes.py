"""Publishing to Delta and Iceberg tables on a file system or object storage.

dlt creates the tables and knows the credentials; each table then changes in one commit. There is no
transaction over several tables, so the row of `publications` names the version of each that belongs together.
"""

import contextlib
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from pipelines.destinations.changes import STORED, Changes
from pipelines.destinations.kinds import HASH, KEY, PUBLICATIONS
from pipelines.destinations.publication import LastPublication, PublicationRow
from pipelines.destinations.session import empty_table
from pipelines.destinations.target import Target

if TYPE_CHECKING:
    from dlt import Pipeline


def read_stored(pipeline: "Pipeline", target: Target, tables: Sequence[str]) -> dict[str, pa.Table | None]:
    """The keys and hashes of the rows in each table; None for a table that the destination lacks."""
    form = _form(target)
    return {
        name: None if table is None else form.read(table, (KEY, HASH)).cast(STORED)
        for name, table in _open_tables(pipeline, target, tables).items()
    }


def last_publication(pipeline: "Pipeline", target: Target) -> LastPublication | None:
    """The last row of `publications`; None if there is none."""
    table = _open_tables(pipeline, target, (PUBLICATIONS,))[PUBLICATIONS]
    columns = ("run_started_at", "descriptions_hash", "published_at")
    last = _form(target).read(table, columns).sort_by("published_at").to_pylist()[-1:]
    return LastPublication(last[0]["run_started_at"], last[0]["descriptions_hash"]) if last else None


def statements(
    pipeline: "Pipeline", target: Target, changes: Sequence[Changes], *, with_comments: bool
) -> tuple[str, ...]:
    """None: Delta and Iceberg tables are not changed by SQL."""
    del pipeline, target, changes, with_comments
    return ()


def publish(
    pipeline: "Pipeline",
    target: Target,
    changes: Sequence[Changes],
    row: PublicationRow,
    *,
    with_comments: bool,
) -> None:
    """Apply the changes to the tables, and add `row` to `publications`."""
    versions = _apply(pipeline, target, changes, with_comments=with_comments)
    _apply(pipeline, target, (row(versions),), with_comments=with_comments)


def _apply(
    pipeline: "Pipeline", target: Target, changes: Sequence[Changes], *, with_comments: bool
) -> dict[str, int]:
    """Change each table in one commit. Returns their versions after that."""
    form, names = _form(target), [change.table.name for change in changes]
    tables = _open_tables(pipeline, target, names)
    lacking = [
        change
        for change in changes
        if (table := tables[change.table.name]) is None
        or not form.column_names(table).issuperset(change.table.json_columns)
    ]
    if lacking:
        schemas = (parquet.read_schema(change.file) for change in lacking)
        pipeline.run(
            [
                empty_table(change.table, schema, target.kind, target.table_format)
                for change, schema in zip(lacking, schemas, strict=True)
            ]
        )
        tables = _open_tables(pipeline, target, names)
    for change in changes:
        if change.is_any:
            form.merge(tables[change.table.name], change)
        if with_comments:
            form.describe(tables[change.table.name], change)
    return {name: form.version(table) for name, table in tables.items()}


def _form(target: Target) -> ModuleType:
    from pipelines.destinations import delta, iceberg

    return delta if target.table_format == "delta" else iceberg


def _open_tables(pipeline: "Pipeline", target: Target, names: Sequence[str]) -> dict[str, Any]:
    """The tables as objects of deltalake or pyiceberg; None for one that does not exist."""
    from dlt.common.destination.client import SupportsOpenTables
    from dlt.common.destination.exceptions import DestinationUndefinedEntity
    from dlt.common.schema.utils import new_column, new_table

    opened: dict[str, Any] = dict.fromkeys(names)
    with pipeline.destination_client() as client:
        assert isinstance(client, SupportsOpenTables)
        for name in names:
            # dlt opens only a table that its schema has.
            client.schema.update_table(
                new_table(name, columns=[new_column(KEY, "text")], table_format=target.table_format)
            )
            with contextlib.suppress(DestinationUndefinedEntity):
                opened[name] = client.load_open_table(target.table_format, name)
    return opened
