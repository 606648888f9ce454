"""Delta tables: read, changed in one commit, described."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from pipelines.destinations.changes import Changes
from pipelines.destinations.kinds import DELETED, KEY
from pipelines.destinations.session import ROWS_PER_BATCH

if TYPE_CHECKING:
    from deltalake import DeltaTable


def read(table: "DeltaTable", columns: Sequence[str]) -> pa.Table:
    """All rows of some columns of a table."""
    return table.to_pyarrow_table(columns=list(columns))


def column_names(table: "DeltaTable") -> set[str]:
    """The names of a table's columns."""
    return {field.name for field in table.schema().fields}


def merge(table: "DeltaTable", change: Changes) -> None:
    """Apply changed rows to a table, in one commit."""
    values = {column: f'source."{column}"' for column in change.table.json_columns}
    file = parquet.ParquetFile(change.file)
    rows = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(ROWS_PER_BATCH))
    (
        table.merge(
            source=rows,
            predicate=f"target.{KEY} = source.{KEY}",
            source_alias="source",
            target_alias="target",
        )
        .when_matched_delete(predicate=f"source.{DELETED}")
        .when_matched_update(updates=values)
        .when_not_matched_insert(updates=values, predicate=f"not source.{DELETED}")
        .execute()
    )


def describe(table: "DeltaTable", change: Changes) -> None:
    """Write a table's description. Each column's would be a commit of its own, so they have none."""
    table.alter.set_table_description(change.table.description)


def version(table: "DeltaTable") -> int:
    """The number of a table's last commit."""
    table.update_incremental()
    return int(table.version())
