"""Opening the published warehouse: every problem is one line, and nothing is left behind."""

import math
import resource
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from pipelines.common import limits as bounds
from pipelines.warehouse.paths import previous_path
from pipelines.warehouse.reader import open_warehouse

from .conftest import Cli

READING = (
    ("query", "from projects"),
    ("describe", "projects"),
    ("status",),
    ("changes",),
    ("history", "matter:17"),
    ("export",),
)


@pytest.mark.parametrize("verb", READING, ids=" ".join)
def test_a_home_without_a_warehouse_says_what_to_do(tmp_path: Path, verb: tuple[str, ...]) -> None:
    result = Cli(tmp_path)(*verb, code=2)
    assert result.stdout == ""
    assert result.stderr == (
        f"rollcall: there is no warehouse at {tmp_path}/warehouse.duckdb yet. "
        "Run `rollcall sync`, or `rollcall demo` to see one\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", READING, ids=" ".join)
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"not a database" * 1000,
        lambda content: content[:4096],
        lambda content: content[:8] + b"\0\0\0\0" + content[12:],
        lambda content: content[:5000] + b"\xff" * 100 + content[5100:],
    ],
    ids=["empty", "other", "cut", "header", "flipped"],
)
def test_a_damaged_warehouse_is_refused(home: Path, verb: tuple[str, ...], damage) -> None:
    warehouse = home / "warehouse.duckdb"
    warehouse.write_bytes(damage(warehouse.read_bytes()))
    result = Cli(home)(*verb, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"rollcall: {warehouse} cannot be read (")
    assert "). There is no previous run's file: put a copy of your own there, or move " in result.stderr
    assert result.stderr.count("\n") == 1

    previous_path(warehouse).touch()
    remedy = f"Run `rollcall restore` to put the previous run's file back, {previous_path(warehouse)}\n"
    assert Cli(home)(*verb, code=2).stderr.endswith(remedy)


def test_bits_flipped_in_rows_are_detected(home: Path) -> None:
    warehouse = home / "warehouse.duckdb"
    content = bytearray(warehouse.read_bytes())
    for offset in range(3 * 4096 + 8, len(content), 4096):
        content[offset] ^= 0xFF
    warehouse.write_bytes(content)
    for verb in READING:
        result = Cli(home)(*verb, code=2)
        assert result.stderr.startswith(f"rollcall: {warehouse} cannot be read (")


def _checksum(block: bytes) -> bytes:
    sum_ = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        sum_ ^= word * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    return struct.pack("<Q", sum_)


def test_a_warehouse_of_a_newer_duckdb(home: Path) -> None:
    warehouse = home / "warehouse.duckdb"
    content = bytearray(warehouse.read_bytes())
    content[12] = 250  # the version of the storage, in a block of 4 KiB that begins with its checksum
    content[:8] = _checksum(content[8:4096])
    warehouse.write_bytes(content)
    assert Cli(home)("status", code=2).stderr == (
        f"rollcall: {warehouse} was written by a newer DuckDB than {duckdb.__version__}. "
        "Upgrade the package duckdb\n"
    )


def test_a_directory_at_the_path_of_the_warehouse_is_refused(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").mkdir()
    assert Cli(tmp_path)("status", code=2).stderr == (
        f"rollcall: {tmp_path}/warehouse.duckdb is a directory. Let path of [warehouse] name a file in it\n"
    )


def test_a_file_that_another_program_writes_to_is_refused(home: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('ready', flush=True); input()"
    command = [sys.executable, "-c", code, str(home / "warehouse.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        result = Cli(home)("status", code=2)
        writer.communicate("\n")
    assert result.stderr == (
        f"rollcall: another program has {home}/warehouse.duckdb open for writing (PID {writer.pid}). "
        "Close it there; to read it during a run, open it read-only\n"
    )


def test_a_warehouse_that_lacks_a_table_cannot_be_read(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("drop table connections")
    result = Cli(home)("status", code=2)
    assert result.stderr.startswith(
        f"rollcall: tables of {home}/warehouse.duckdb are missing, or are those of another version "
        "(Catalog Error: Table with name connections"
    )
    assert result.stderr.endswith("Run `rollcall sync`, which builds them again from the history\n")


def test_readers_keep_the_run_that_they_opened(home: Path) -> None:
    warehouse = home / "warehouse.duckdb"
    newer = home / "newer.duckdb"
    shutil.copyfile(warehouse, newer)
    with duckdb.connect(str(newer)) as db:
        db.execute("delete from projects_history")
    with open_warehouse(warehouse) as opened:
        newer.replace(warehouse)
        assert opened.db.execute("select count(*) from projects").fetchall() == [(6,)]
    assert Cli(home)("query", "select count(*) as n from projects", "--format", "csv").stdout == "n\n0\n"


def test_limits_of_the_process_are_restored(published: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with open_warehouse(published / "warehouse.duckdb") as opened:
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
        assert list(opened.workspace.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert not opened.workspace.exists()


def test_the_time_limit_pauses_while_the_reader_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(bounds, "time", SimpleNamespace(monotonic=lambda: now))
    clock = bounds.Clock(60)
    now += 10
    assert clock.left() == 50
    with clock.stopped():
        now += 3600
        assert clock.left() == 50
    now += 5
    assert clock.left() == 45
    assert bounds.Clock(None).left() == math.inf
