"""The warehouse file: its lock, its copy, its publication, and the problems that it reports."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.common.errors import RunInProgress, SyncError, WarehouseError
from pipelines.common.filesystem import DISK_ERRORS, FULL
from pipelines.config.tables import MEMORY_MB
from pipelines.warehouse import inspection
from pipelines.warehouse import publish as module
from pipelines.warehouse.draft import Draft, draft_path, open_draft
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path, wal_path
from pipelines.warehouse.publish import publish


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "w" / "all.duckdb"


@pytest.fixture
def scratch(warehouse: Path) -> Iterator[Path]:
    with locked(warehouse) as scratch:
        yield scratch


@pytest.mark.parametrize("place", ["lock", "folder"])
def test_promise_23_a_link_in_place_of_a_lock_is_refused(warehouse: Path, tmp_path: Path, place: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("mine")
    folder = warehouse.parent / ".rollcall"
    link = folder if place == "folder" else folder / "all.duckdb.lock"
    link.parent.mkdir(parents=True)
    link.symlink_to(other if place == "folder" else other / "file")
    with pytest.raises(WarehouseError, match="is a symbolic link, which is not followed"), locked(warehouse):
        pass
    assert (other / "file").read_text() == "mine"
    assert [path.name for path in other.iterdir()] == ["file"]


def test_the_lock_leaves_what_its_file_holds(warehouse: Path) -> None:
    lock = warehouse.parent / ".rollcall" / "all.duckdb.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("a note")
    with locked(warehouse):
        pass
    assert lock.read_text() == "a note"


def drafted(warehouse: Path, scratch: Path, rows: int = 1) -> Path:
    """A draft with that many runs, ready for publication."""
    with open_draft(warehouse, scratch, MEMORY_MB) as draft:
        draft.db.execute("create or replace table projects (name text)")
        draft.db.execute(
            "insert or replace into raw.runs select make_timestamptz(i), now(), 'complete', '1', '1' "
            "from range(1, $1 + 1) as _(i)",
            [rows],
        )
    return draft.path


def runs(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as db:
        (found,) = db.execute("select count(*) from raw.runs").fetchone() or ()
        return int(found)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_lock_is_held_and_what_dead_runs_left_is_removed(warehouse: Path) -> None:
    with locked(warehouse) as dead:
        (dead / "landing").mkdir()
        with pytest.raises(RunInProgress) as refused, locked(warehouse):
            pass
        assert refused.value.reason == f"another run is in progress for {warehouse}"
        assert refused.value.remedy == "wait for it to end, then try again"
        assert (dead.parent, mode(dead), mode(dead.parent)) == (warehouse.parent / ".rollcall", 0o700, 0o700)
        with locked(warehouse.with_name("other.duckdb")) as other:
            assert dead.exists()
            assert other.name.startswith("other.duckdb-run-")
    assert not dead.exists()
    dead.mkdir()
    with locked(warehouse) as scratch:
        assert not dead.exists()
        assert scratch.name.startswith("all.duckdb-run-")


@pytest.fixture
def _no_umask() -> Iterator[None]:
    previous = os.umask(0)
    yield
    os.umask(previous)


@pytest.mark.usefixtures("_no_umask")
def test_previous_and_published_take_turns(warehouse: Path, scratch: Path) -> None:
    publish(drafted(warehouse, scratch, 1), warehouse)
    assert (runs(warehouse), previous_path(warehouse).exists(), mode(warehouse)) == (1, False, 0o600)
    wal_path(warehouse).write_text("what another program left")
    publish(drafted(warehouse, scratch, 2), warehouse)
    assert (runs(warehouse), runs(previous_path(warehouse))) == (2, 1)
    wal_path(previous_path(warehouse)).write_text("what another program left")
    publish(drafted(warehouse, scratch, 3), warehouse, forgetting=True)
    assert (runs(warehouse), runs(previous_path(warehouse))) == (3, 3)
    assert warehouse.read_bytes() == previous_path(warehouse).read_bytes()
    assert mode(previous_path(warehouse)) == 0o600
    assert {path.name for path in warehouse.parent.iterdir()} == {
        ".rollcall",
        "all.duckdb",
        "all.previous.duckdb",
    }


def test_a_draft_is_synced_before_it_is_published(
    warehouse: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(drafted(warehouse, scratch), warehouse)
    candidate = drafted(warehouse, scratch)
    steps: list[tuple[str, str]] = []
    sync, replace = module.sync, Path.replace
    monkeypatch.setattr(module, "sync", lambda path: (steps.append(("sync", path.name)), sync(path)))
    monkeypatch.setattr(
        Path, "replace", lambda path, to: (steps.append(("replace", path.name)), replace(path, to))[1]
    )
    publish(candidate, warehouse, forgetting=True)
    assert steps == [
        ("sync", "all.duckdb"),
        ("sync", "previous"),
        ("replace", "previous"),
        ("replace", "all.duckdb"),
        ("sync", "w"),
    ]


def test_an_incomplete_draft_is_not_published(warehouse: Path, scratch: Path) -> None:
    candidate = drafted(warehouse, scratch)
    wal_path(candidate).write_text("what was not written out")
    with pytest.raises(WarehouseError) as refused:
        publish(candidate, warehouse)
    assert refused.value.reason == "all.duckdb was not written completely"
    assert refused.value.remedy == "run it again"
    wal_path(candidate).unlink()
    with duckdb.connect(str(candidate)) as db:
        db.execute("drop table projects")
    with pytest.raises(duckdb.CatalogException):
        publish(candidate, warehouse)
    assert not warehouse.exists()


def test_a_copy_is_rewritten_if_most_of_it_is_free(
    warehouse: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(drafted(warehouse, scratch, 300), warehouse)
    assert inspection.COMPACT_FROM_BYTES == 32 << 20
    with duckdb.connect(str(warehouse)) as connection:
        for table, rows in (("filler", 800_000), ("behind", 1_000)):
            connection.execute(f"create table {table} as select hash(i) as h from range({rows}) as _(i)")
            connection.execute("checkpoint")
        connection.execute("drop table filler")
    size = warehouse.stat().st_size
    copy = draft_path(warehouse, scratch)
    open_draft(warehouse, scratch, MEMORY_MB).db.close()
    assert (runs(copy), copy.stat().st_size) == (300, size)
    copy.unlink()
    monkeypatch.setattr(inspection, "COMPACT_FROM_BYTES", 1 << 20)
    with open_draft(warehouse, scratch, memory_mb=200) as draft:
        connection = draft.db
        assert connection.execute("select current_setting('memory_limit')").fetchone() == ("190.7 MiB",)
        assert connection.execute(
            "select database_name from duckdb_databases() where not internal and path is not null"
        ).fetchall() == [("draft",)]
        assert connection.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)
    assert (runs(copy), copy.stat().st_size < size / 2) == (300, True)
    assert [path.name for path in scratch.iterdir()] == [copy.name]


@pytest.mark.parametrize("number", DISK_ERRORS)
def test_errors_caused_by_the_disk_name_the_disk(warehouse: Path, number: int) -> None:
    of_disk = OSError(number, os.strerror(number))
    caused, last = RuntimeError("what came of it"), ValueError("and of that")
    caused.__cause__, last.__context__ = of_disk, caused
    with pytest.raises(SyncError) as failure, locked(warehouse):
        raise last
    reason = f"cannot write to the disk of {warehouse.parent} ({os.strerror(number)})"
    if number in FULL:
        assert re.fullmatch(
            re.escape(reason) + r": [\d,]+ MB are free on /\S*, a run may need 256 MB", failure.value.reason
        )
        assert failure.value.remedy == "free some space, then run it again; the published warehouse is intact"
    else:
        assert failure.value.reason == reason
        assert failure.value.remedy == "repair the disk, then run it again; the published warehouse is intact"
    assert list((warehouse.parent / ".rollcall").glob("*-run-*")) == []


def test_only_a_lack_of_memory_is_reported_as_one(warehouse: Path) -> None:
    with pytest.raises(SyncError) as failure, locked(warehouse):
        raise duckdb.OutOfMemoryException("no more")
    assert failure.value.reason == "DuckDB needs more memory than is available"
    assert (
        failure.value.remedy
        == "add memory, or drop long fields with drop_fields; the published warehouse is intact"
    )
    for error in (WarehouseError(os.strerror(errno.EIO)), KeyError("a fault of its own")):
        with pytest.raises(type(error)) as passed, locked(warehouse):
            raise error
        assert passed.value is error


def test_a_directory_without_write_permission_is_refused(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int]] = []
    closed = warehouse.parent

    def access(path: Path, how: int) -> bool:
        asked.append((path, how))
        return path != closed

    monkeypatch.setattr(os, "access", access)
    folder = warehouse.parent / ".rollcall"
    with locked(warehouse):
        assert asked == [(folder, os.W_OK | os.X_OK)]
    for closed in (warehouse.parent, folder):
        with pytest.raises(WarehouseError) as refused, locked(warehouse):
            pass
        assert asked[-1] == (closed, os.W_OK | os.X_OK)
        assert refused.value.reason == f"{closed} is not writable"
        assert refused.value.remedy == "run this as its owner, on a disk that is not read-only"


def test_a_scratch_directory_that_cannot_be_removed_does_not_stop_a_run(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        with locked(warehouse) as first:
            pass
        with locked(warehouse) as second:
            assert first.exists()
    with locked(warehouse):
        assert not first.exists()
        assert not second.exists()


@pytest.mark.parametrize(
    ("processors", "memory_mb", "threads"),
    [(8, 299, 1), (8, 300, 2), (8, 100, 1), (2, 4_000, 2), (None, 4_000, 1)],
)
def test_a_thread_has_a_processor_and_150_mb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int | None, memory_mb: int, threads: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    with Draft(tmp_path / "draft.duckdb", memory_mb) as draft:
        assert draft.db.execute("select current_setting('threads')").fetchone() == (threads,)


@pytest.mark.parametrize(
    ("records", "allowed", "threads"),
    [(0, 2, 1), (98_303, 2, 1), (98_304, 2, 2), (196_607, 9, 2), (10_000_000, 2, 2), (10_000_000, 1, 1)],
)
def test_the_number_of_threads_depends_on_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: int, allowed: int, threads: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: allowed)
    with Draft(tmp_path / "draft.duckdb", memory_mb=10_000) as draft:
        draft.use_threads(records)
        assert draft.db.execute("select current_setting('threads')").fetchone() == (threads,)


def test_threads_share_a_table_in_small_groups_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "it's a draft.duckdb"
    with Draft(path, MEMORY_MB) as draft:
        draft.attach()
        draft.db.execute("create table numbers as from range(50_000) as _(number)")
    with duckdb.connect(str(path), read_only=True) as shell:
        groups = shell.execute(
            "select row_group_id, sum(count) from pragma_storage_info('numbers') "
            "where segment_type = 'BIGINT' group by all order by all"
        ).fetchall()
    assert groups == [(0, 12_288), (1, 12_288), (2, 12_288), (3, 12_288), (4, 848)]


def test_memory_is_doubled_as_long_as_the_machine_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000 << 8}
    monkeypatch.setattr(os, "sysconf", machine.__getitem__)
    allowed: list[str] = []

    def work(db: duckdb.DuckDBPyConnection, enough: int) -> str:
        allowed.append(db.execute("select current_setting('memory_limit')").fetchall()[0][0])
        if len(allowed) == enough:
            return "done"
        raise duckdb.OutOfMemoryException("no more")

    with Draft(tmp_path / "a.duckdb", 250) as draft:
        assert draft.run(lambda db: work(db, 2)) == "done"
        assert allowed == ["238.4 MiB", "476.8 MiB"]
        allowed.clear()
        with pytest.raises(duckdb.OutOfMemoryException):
            draft.run(lambda db: work(db, 9))
    assert allowed == ["476.8 MiB", "953.6 MiB"]
