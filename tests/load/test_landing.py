"""Promise 5: every received record is landed in order, and a loss is detected."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.utils import TraceLogContext

from pipelines.common.errors import SyncError
from pipelines.config.dlt_runtime import use_home
from pipelines.extract.connections import Connection
from pipelines.extract.provider import ListingRequest, Page, Provider
from pipelines.extract.records import canonical_hash, digest
from pipelines.load.landing import Landing, land
from pipelines.load.listings import ROWS_PER_TABLE, Listings
from pipelines.load.merge import merge
from pipelines.load.plan import known_records
from tests.campaigns.play import in_memory
from tests.support.home import FIRST_RUN
from tests.support.scripted import scripted

PAGE = 400
RECORDS = 2 * ROWS_PER_TABLE + PAGE


def connection_of(name: str, *walks: list[Page]) -> Connection:
    """A connection whose listing gives these readings, one after the other."""
    waiting = iter(walks)

    def pages(_api: object, _ask: ListingRequest) -> Any:
        yield from next(waiting)

    return scripted(name, "belltastic", pages)


def pages_of(first: int, count: int, total: int) -> list[Page]:
    records = [f'{{"id": {record}}}'.encode() for record in range(first, first + count)]
    return [Page(tuple(records[at : at + PAGE]), total) for at in range(0, count, PAGE)]


def landed(connections: list[Connection], scratch: Path) -> Landing:
    return land(Listings(connections), scratch)


def files_of(landing: Path) -> str:
    return f"'{landing}/received/records/*.parquet'"


def test_records_land_in_the_order_received(tmp_path: Path) -> None:
    false_start = pages_of(0, RECORDS, RECORDS + 1)
    long = connection_of("long", false_start, pages_of(0, RECORDS, RECORDS))
    landing, listings = landed([long, connection_of("short", pages_of(7, 2, 2))], tmp_path)
    assert [(one.reading, one.records, one.unverified_reason) for one in listings] == [
        (1, RECORDS, None),
        (0, 2, None),
    ]
    rows = duckdb.sql(
        f"select listing, reading, position, record_id::int from {files_of(landing)} "
        "order by listing, reading, position"
    ).fetchall()
    expected = [(0, reading, at, at) for reading in range(2) for at in range(RECORDS)]
    assert rows == [*expected, (1, 0, 0, 7), (1, 0, 1, 8)]


def test_dlt_loads_records_alone_and_looks_for_no_earlier_state(tmp_path: Path) -> None:
    landing, _ = landed([connection_of("one", pages_of(0, 1, 1))], tmp_path)
    tables = {path.name for path in (landing / "received").iterdir() if path.is_dir()}
    assert tables == {"_dlt_loads", "_dlt_version", "records"}


def test_dlt_keeps_no_list_of_the_settings_and_secrets_that_it_has_read(tmp_path: Path) -> None:
    use_home(tmp_path)
    kept = Container()[TraceLogContext]
    before = len(kept.all_traces)
    landed([connection_of("one", pages_of(0, 1, 1))], tmp_path)
    assert len(kept.all_traces) == before


def test_tables_hold_five_thousand_rows_and_the_rest_of_their_last_page() -> None:
    pages = (4_999, 1, 3_000, 2_001, 1_000)
    one = connection_of(
        "one", [Page(tuple(b'{"id": %d}' % record for record in range(page))) for page in pages]
    )
    tables = Listings([one]).receive(one)
    assert [next(tables).num_rows for _ in range(4)] == [5_000, 5_001, 1_000, 0]


def test_connections_are_listed_side_by_side(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=30)

    def pages(_api: object, _ask: ListingRequest) -> Any:
        both.wait()
        yield Page((b'{"id": 1}',))

    _, listings = landed([scripted(name, "belltastic", pages) for name in ("one", "other")], tmp_path)
    assert [(one.records, one.unverified_reason) for one in listings] == [(1, None), (1, None)]


def test_importing_the_landing_does_not_import_dlt() -> None:
    imported = subprocess.check_output(
        [sys.executable, "-c", "import sys, pipelines.load.landing; print('dlt' in sys.modules)"],
        text=True,
        timeout=60,
    )
    assert imported == "False\n"


def test_texts_that_are_known_do_not_land_again(tmp_path: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    texts = (b'{"id": 1, "name": "A"}', b'{"id": 2}', b'{"id": 1, "name": "B"}')
    runs = (texts[:2], texts[:2], (*texts[:2], texts[0]), texts)
    for number, records in enumerate(runs):
        one = connection_of("one", *([Page(records)] for _ in range(4)))
        known = known_records(warehouse, [one], {})
        landing = land(Listings([one], known=known), tmp_path / str(number))
        landed = duckdb.sql(
            f"select payload from {files_of(landing.folder)} order by reading, position"
        ).fetchall()
        expected = [None if number and text in texts[:2] else text.decode() for text in records]
        if number == 3:  # an id came twice with different bytes, so the listing is read again, exactly
            expected += [text.decode() for text in records]
        assert [payload for (payload,) in landed] == expected
        merge(warehouse, landing, FIRST_RUN + number * timedelta(days=1), {})
    counts = warehouse.execute("select new, unchanged, repeated, quarantined from raw.listings").fetchall()
    assert counts == [(2, 0, 0, 0), (0, 2, 0, 0), (0, 2, 1, 0), (0, 1, 0, 2)]
    refused = warehouse.execute("select payload from raw.quarantine").fetchall()
    assert [text.encode() for (text,) in refused] == [texts[0], texts[2]]


def test_the_content_of_a_text_is_computed_once_per_run(
    tmp_path: Path, warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where its bytes differ, and of the known text once only."""
    worked_out: list[bytes] = []

    def counted(provider: Provider, text: bytes) -> str | None:
        worked_out.append(text)
        return canonical_hash(provider, text)

    monkeypatch.setattr("pipelines.load.merge.canonical_hash", counted)
    texts = [b'{"id": 1, "name": "A", "lockAt": %d}' % number for number in range(3)]
    changed = b'{"id": 1, "name": "B"}'
    respelled = b'{"name": "B", "id": 1}'
    expected = [
        (texts[0], [], "new"),
        (texts[0], [], "unchanged"),
        (texts[1], [texts[0], texts[1]], "unchanged"),
        (texts[2], [texts[2]], "unchanged"),
        (changed, [changed], "changed"),
        (respelled, [respelled], "unchanged"),
        (respelled, [], "unchanged"),
    ]
    for number, (text, needed, fate) in enumerate(expected):
        one = scripted("one", "rillsoft", lambda *_, text=text: iter([Page((text,))]), client_ids=("1",))
        known = known_records(warehouse, [one], {})
        landing = land(Listings([one], known=known), tmp_path / str(number))
        worked_out.clear()
        merge(warehouse, landing, FIRST_RUN + number * timedelta(days=1), {})
        assert sorted(worked_out) == sorted(needed)
        counts = warehouse.execute(f"select {fate} from raw.listings order by started_at").fetchall()
        assert counts[-1] == (1,)
    kept = "select payload::text, content_hash from raw.records order by valid_from"
    last = [(text.decode(), digest(text)) for text in (texts[2], respelled)]
    last[1] = (changed.decode(), digest(respelled))  # a version keeps its first spelling
    assert warehouse.execute(kept).fetchall() == last


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory() as warehouse:
        yield warehouse


def test_a_load_that_loses_a_record_is_not_merged(
    tmp_path: Path, warehouse: duckdb.DuckDBPyConnection
) -> None:
    landing = landed([connection_of("lossy", pages_of(0, 3, 3))], tmp_path)
    (file,) = (landing.folder / "received" / "records").iterdir()
    pq.write_table(pq.read_table(file).filter(pc.field("record_id") != "1"), file)
    with pytest.raises(SyncError) as fault:
        merge(warehouse, landing, FIRST_RUN, {})
    assert (fault.value.exit_code, fault.value.reason) == (1, "lossy sent 3 records, but 2 were loaded")
    assert warehouse.execute("from raw.records").fetchall() == []


def test_a_run_ends_at_the_given_time_or_now(tmp_path: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    landing = landed([connection_of("one", [])], tmp_path)
    first, second = FIRST_RUN, FIRST_RUN + timedelta(days=1)
    merge(warehouse, landing, first, {}, first + timedelta(hours=1))
    before = datetime.now(UTC)
    merge(warehouse, landing, second, {})
    ends = warehouse.execute("select finished_at from raw.runs order by started_at").fetchall()
    assert ends[0] == (first + timedelta(hours=1),)
    assert before <= ends[1][0] <= datetime.now(UTC)


def test_erased_records_with_one_pseudonym_are_counted_separately(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    files = connection_of("one")
    for record_id in ("f1", "f2"):
        warehouse.execute(
            """
            insert into raw.records by name
            select
                'evovoice' as provider, 'one' as connection, 'files' as entity, $1 as record_id,
                '{"customerId": "forgotten-1"}' as payload, 'forgotten' as content_hash,
                $2::timestamptz as valid_from, $2::timestamptz as last_seen_at
            """,
            [record_id, FIRST_RUN],
        )
    (known,) = known_records(warehouse, [files], {}).values()
    assert sorted(known.values()) == ["f1", "f2"]
