"""Promises 1, 2, 19 and 23: readers see one complete run; a run leaves private files only."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from pipelines.commands import sync
from pipelines.common.errors import PublicationRefused, RunInProgress, SyncError, WarehouseError
from pipelines.load.landing import Landing
from pipelines.load.listings import Listings
from pipelines.transform import build as models
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

READER = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as warehouse:
    for _ in sys.stdin:
        print(*warehouse.execute("select name from projects").fetchone(), flush=True)
"""
WRITER = """
import os, sys, duckdb
warehouse = duckdb.connect(sys.argv[1])
warehouse.execute("update projects_history set name = 'Scribbled'")
os._exit(0)
"""
NAME = "select name from projects"


def list_project(home: Home, loopback: Loopback, name: str) -> None:
    """Let the provider list its only project under this name."""
    base_url = loopback.serve("belltastic", Answer([{"id": 1, "name": name}]))
    home.connect("belltastic", base_url=base_url, api_token="user_1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Home]:
    """A home after a first run, with leftovers of a dead run; no umask protects its files."""
    previous = os.umask(0)
    home = Home(tmp_path_factory.mktemp("home"))
    list_project(home, loopback, "First")
    home.run()
    dead = home.path / ".rollcall" / "warehouse.duckdb-run-dead"
    dead.mkdir()
    (dead / "landing").mkdir()
    yield home
    os.umask(previous)


@pytest.fixture(scope="module")
def read(home: Home, loopback: Loopback) -> list[str]:
    """What a reader of the first run reads before and after the second run."""
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(home.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write("\n")
    reader.stdin.flush()
    before = reader.stdout.readline()
    list_project(home, loopback, "Second")
    home.run()
    after, _ = reader.communicate("\n")
    return [before, after]


def test_a_reader_keeps_the_run_that_it_opened(read: list[str], home: Home) -> None:
    assert read == ["First\n", "First\n"]
    assert home.rows(NAME) == [{"name": "Second"}]
    with duckdb.connect(str(previous_path(home.warehouse)), read_only=True) as previous:
        assert previous.execute(NAME).fetchall() == [("First",)]


@pytest.mark.usefixtures("read")
def test_promise_23_only_private_files_are_left(home: Home) -> None:
    left = {
        str(path.relative_to(home.path)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in home.path.rglob("*")
        if ".dlt" not in path.parts
    }
    assert left == {
        ".rollcall": "0o700",
        ".rollcall/published": "0o600",
        ".rollcall/warehouse.duckdb.lock": "0o600",
        ".rollcall/warehouse.duckdb.fingerprint": "0o600",
        "warehouse.duckdb": "0o600",
        "warehouse.previous.duckdb": "0o600",
    }


def test_the_file_is_one_that_older_shells_open(home: Home) -> None:
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        query = "select tags['storage_version'] from duckdb_databases() where database_name = 'warehouse'"
        assert warehouse.execute(query).fetchall() == [("v1.4.0+",)]


def test_a_second_run_exits_at_once(home: Home, loopback: Loopback) -> None:
    asked = len(loopback.asked["belltastic"])
    with locked(home.warehouse), pytest.raises(RunInProgress) as refusal:
        home.run()
    assert (refusal.value.exit_code, len(loopback.asked["belltastic"])) == (5, asked)


def test_a_check_that_finds_rows_stops_the_publication(home: Home) -> None:
    before = home.warehouse.read_bytes()
    check = home.path / "sql" / "checks" / "names_are_short.sql"
    check.parent.mkdir(parents=True)
    check.write_text(
        "-- No name is longer than three letters.\nselect name from projects where len(name) > 3\n"
    )
    with pytest.raises(PublicationRefused) as refusal:
        home.run()
    check.unlink()
    assert (refusal.value.exit_code, home.warehouse.read_bytes()) == (4, before)
    assert refusal.value.reason == (
        "checks failed: 1; first names_are_short, rows: 1 (No name is longer than three letters.)"
    )


def test_a_write_ahead_log_of_another_program_is_discarded(home: Home, loopback: Loopback) -> None:
    subprocess.run([sys.executable, "-c", WRITER, str(home.warehouse)], check=True)
    log = home.warehouse.with_name("warehouse.duckdb.wal")
    assert log.exists()
    list_project(home, loopback, "Third")
    home.run()
    assert (log.exists(), home.rows(NAME)) == (False, [{"name": "Third"}])


def test_a_warehouse_that_cannot_be_read_stops_the_run(home: Home) -> None:
    published = home.warehouse.read_bytes()
    home.warehouse.write_bytes(b"scribble" * 4096)
    with pytest.raises(WarehouseError) as refusal:
        home.run()
    home.warehouse.write_bytes(published)
    previous = previous_path(home.warehouse)
    assert refusal.value.remedy == f"run `rollcall restore` to put the previous run's file back, {previous}"
    assert str(home.warehouse) in refusal.value.reason


def test_a_run_takes_more_memory_only_if_it_needs_it(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    list_project(home, loopback, "First")
    monkeypatch.setenv("WAREHOUSE__MEMORY_MB", "10")
    with monkeypatch.context() as small:
        small.setattr(os, "sysconf", lambda _name: 1 << 12)
        with pytest.raises(SyncError) as failure:
            home.run()
    assert failure.value.reason == "DuckDB needs more memory than is available"
    assert list((tmp_path / ".rollcall").glob("*run*")) == []
    assert home.run().outcome == "complete"
    assert home.rows("select name from projects") == [{"name": "First"}]


def test_the_views_of_a_first_run_are_made_once_however_many_connections_begin(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    list_project(home, loopback, "First")
    made: list[bool] = []
    prepare, land = models.prepare, sync.land

    def counted(db: duckdb.DuckDBPyConnection, place: Path) -> None:
        made.append(True)
        prepare(db, place)

    def from_many(listings: Listings, scratch: Path) -> Landing:
        (connection,) = listings.connections
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: listings.progress(connection, None, 1, 1), range(500)))
        return land(listings, scratch)

    monkeypatch.setattr(models, "prepare", counted)
    monkeypatch.setattr(sync, "land", from_many)
    home.run()
    assert (made, home.rows(NAME)) == ([True], [{"name": "First"}])
