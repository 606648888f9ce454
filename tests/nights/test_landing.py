"""Promise 5: what is received is landed, each record at its place, and a loss is found out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.config import Connection
from pipelines.errors import SyncError
from pipelines.landing import ROWS_PER_TABLE, land
from pipelines.provider import Ask, Page
from pipelines.remember import remember
from tests.campaigns.play import in_memory
from tests.home import FIRST_NIGHT
from tests.scripted import scripted

PAGE = 400
RECORDS = 2 * ROWS_PER_TABLE + PAGE


def connection_of(name: str, *walks: list[Page]) -> Connection:
    """A connection whose listing gives these walks, one after the other."""
    waiting = iter(walks)

    def pages(_api: object, _ask: Ask) -> Any:
        yield from next(waiting)

    return scripted(name, "belltastic", pages)


def pages_of(first: int, count: int, total: int) -> list[Page]:
    records = [f'{{"id": {record}}}'.encode() for record in range(first, first + count)]
    return [Page(tuple(records[at : at + PAGE]), total) for at in range(0, count, PAGE)]


def landed(connections: list[Connection], scratch: Path) -> tuple[Path, Any]:
    return land(connections, {}, {}, scratch, 1e9, lambda *_: None)


def test_records_land_in_the_order_received(tmp_path: Path) -> None:
    false_start = pages_of(0, RECORDS, RECORDS + 1)
    long = connection_of("long", false_start, pages_of(0, RECORDS, RECORDS))
    landing, listings = landed([long, connection_of("short", pages_of(7, 2, 2))], tmp_path)
    assert [(one.reading, one.records, one.doubt) for one in listings] == [(1, RECORDS, None), (0, 2, None)]
    with duckdb.connect(str(landing)) as database:
        rows = database.execute(
            "select listing, reading, record_id::int from received.records "
            "order by listing, reading, position"
        ).fetchall()
    expected = [(0, reading, record) for reading in (0, 1) for record in range(RECORDS)]
    assert rows == [*expected, (1, 0, 7), (1, 0, 8)]


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory() as warehouse:
        yield warehouse


def test_a_load_that_loses_a_record_is_not_remembered(
    tmp_path: Path, warehouse: duckdb.DuckDBPyConnection
) -> None:
    landing, listings = landed([connection_of("lossy", pages_of(0, 3, 3))], tmp_path)
    with duckdb.connect(str(landing)) as database:
        database.execute("delete from received.records where record_id = '1'")
    with pytest.raises(SyncError) as fault:
        remember(warehouse, landing, listings, FIRST_NIGHT, {})
    assert (fault.value.exit_code, fault.value.reason) == (1, "lossy sent 3 records, 2 landed")
    warehouse.execute("rollback")
    assert warehouse.execute("from raw.records").fetchall() == []
