"""Rows as Arrow, with their own types, a batch at a time.

No other module of the reading verbs imports pyarrow, which is slow to import.
"""

from collections.abc import Iterator
from typing import IO

import duckdb
import pyarrow as pa
from pyarrow import ipc

from pipelines.output.result import Chunk, Rows, json_as_text

BATCH = 16384
# A reader of Arrow gets DuckDB's errors as an OSError that begins like this.
_RAISED: dict[str, type[duckdb.Error]] = {
    "INTERRUPT Error": duckdb.InterruptException,
    "IO Error": duckdb.IOException,
    "Out of Memory Error": duckdb.OutOfMemoryException,
}


def write_arrow(rows: Rows, sink: IO[bytes], *, seekable: bool) -> Chunk:
    """Write the rows to `sink` in Arrow's file format, or its stream format if it is not `seekable`."""
    reader = _reader(rows)
    opened = ipc.new_file if seekable else ipc.new_stream
    written = 0
    with opened(sink, reader.schema) as writer:
        for batch in _batches(reader):
            with rows.warehouse.clock.stopped():
                writer.write_batch(batch)
            written += batch.num_rows
    return Chunk("", rows=written)


def _reader(rows: Rows) -> pa.RecordBatchReader:
    """A reader of the rows in batches, which does not keep them in memory in any version of DuckDB.

    DuckDB 2 keeps the result of `execute` in memory, and 1.5 that of `sql` with parameters. So a result with
    parameters goes into a temporary table first, which DuckDB can spill to disk.
    """
    sql = json_as_text(rows)
    if rows.parameters:
        rows.execute(f"create or replace temp table answer as {sql}")
        sql = "from temp.answer"
    return rows.warehouse.db.sql(sql).to_arrow_reader(BATCH)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except OSError as error:
            raise _RAISED.get(str(error).partition(":")[0], duckdb.Error)(str(error)) from None
        yield batch
