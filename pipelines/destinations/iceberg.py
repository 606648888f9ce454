"""Iceberg tables: read, changed in one commit, described."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import compute, parquet

from pipelines.destinations.changes import STORED, Changes
from pipelines.destinations.kinds import DELETED, KEY

if TYPE_CHECKING:
    from pyiceberg.table import Table


def read(table: "Table", columns: Sequence[str]) -> pa.Table:
    """All rows of some columns of a table."""
    return table.scan(selected_fields=tuple(columns)).to_arrow()


def column_names(table: "Table") -> set[str]:
    """The names of a table's columns."""
    return set(table.schema().column_names)


def merge(table: "Table", change: Changes) -> None:
    """Apply changed rows to a table: delete those that are replaced, then append."""
    from pyiceberg.expressions import In, Reference

    rows = parquet.read_table(change.file)
    stored = (STORED.empty_table() if change.stored is None else change.stored)[KEY]
    replaced = rows.filter(compute.is_in(rows[KEY], value_set=stored))[KEY].to_pylist()
    added = rows.filter(compute.invert(rows[DELETED]))
    known = table.schema().as_arrow()
    schema = pa.schema([known.field(name) for name in known.names if name in change.table.json_columns])
    with table.transaction() as transaction:
        if replaced:
            transaction.delete(In(term=Reference(KEY), values=set(replaced)))
        if added.num_rows:
            transaction.append(added.select(schema.names).cast(schema))


def describe(table: "Table", change: Changes) -> None:
    """Write the descriptions of a table and its columns."""
    with table.transaction() as transaction:
        transaction.set_properties(comment=change.table.description)
        with transaction.update_schema() as update:
            for column, text in change.table.descriptions.items():
                if text:
                    update.update_column(column, doc=text)


def version(table: "Table") -> int:
    """The id of a table's current snapshot; 0 while it has none."""
    snapshot = table.current_snapshot()
    return snapshot.snapshot_id if snapshot else 0
