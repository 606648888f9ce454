"""A published file that cannot be used is noticed, and the previous run's file can be published again."""

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipelines.commands.doctor import doctor
from pipelines.common.errors import WarehouseError
from pipelines.warehouse import publish as warehouse_module
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path, wal_path
from tests.cli.test_reading import READING, _checksum
from tests.support.home import Home
from tests.support.loopback import Loopback

from .conftest import NAME, SCRIBBLER, list_project, rollcall


def flip_rows(content: bytes) -> bytes:
    """Flip one bit in each block of rows, and none in the blocks that are read when the file is opened."""
    flipped = bytearray(content)
    for offset in range(3 * 4096 + 1000, len(flipped), 1 << 18):
        flipped[offset] ^= 4
    return bytes(flipped)


def of_another_version(content: bytes) -> bytes:
    header = bytearray(content[8:4096])
    header[4] = 250
    return _checksum(bytes(header)) + bytes(header) + content[4096:]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "cut by a third": lambda content: content[: len(content) * 2 // 3],
    "cut to its heads": lambda content: content[: 3 * 4096],
    "flipped": flip_rows,
    "of a newer storage version": of_another_version,
    "no database": lambda content: b"scribble" * 4096,
}


def damage(home: Home, kind: str) -> bytes:
    """Damage the published file. Returns its new content."""
    damaged = DAMAGES[kind](home.warehouse.read_bytes())
    home.warehouse.write_bytes(damaged)
    return damaged


def asides(home: Home) -> list[Path]:
    return [path for path in home.path.iterdir() if ".replaced-" in path.name]


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_noticed_and_the_previous_run_can_be_restored(home: Home, kind: str) -> None:
    damaged = damage(home, kind)
    previous = previous_path(home.warehouse)
    offer = f"un `rollcall restore` to put the previous run's file back, {previous}\n"

    for verb in READING if kind == "cut short" else READING[:1]:  # they open the file in one place
        refused = rollcall(home, *verb)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr.startswith(f"rollcall: {home.warehouse} ")
        assert refused.stderr.endswith(offer)
        assert refused.stderr.count("\n") == 1
    with pytest.raises(WarehouseError, match=re.escape(offer.strip())):
        home.run()
    (check,) = (one for one in doctor(home.path).checks if one.name == "warehouse")
    assert (check.outcome, check.remedies[0].endswith(offer.strip())) == ("failed", True)
    assert home.warehouse.read_bytes() == damaged

    done = rollcall(home, "restore")
    (aside,) = asides(home)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        f"warehouse.duckdb is now the run of 2026-11-01 02:00; the replaced file is kept as {aside.name}\n"
    )
    assert (home.rows(NAME), aside.read_bytes()) == ([{"name": "First"}], damaged)
    assert oct(home.warehouse.stat().st_mode)[-3:] == "600"
    assert rollcall(home, "status").exit_code == 0


@pytest.mark.usefixtures("without_dlt")
def test_the_next_run_continues_from_the_restored_one(home: Home, loopback: Loopback) -> None:
    assert rollcall(home, "restore").exit_code == 0
    list_project(home, loopback, "Third")
    home.run()
    history = "select version, name, valid_from from projects_history order by version"
    assert home.rows(history) == [
        {"version": 1, "name": "First", "valid_from": "2026-11-01 02:00:00+00"},
        {"version": 2, "name": "Third", "valid_from": "2026-11-03 02:00:00+00"},
    ]


def test_damage_that_a_run_would_not_read_stops_it_too(home: Home) -> None:
    """A run reads only a few of the blocks that it copies."""
    with duckdb.connect(str(home.warehouse)) as db:
        db.execute("create table raw.notes as select hash(range) as note from range(100000)")
    content = bytearray(home.warehouse.read_bytes())
    for offset in range(3 * 4096 + 1000, len(content), 1 << 18):
        content[offset] ^= 4
        home.warehouse.write_bytes(content)
        content[offset] ^= 4
        with contextlib.suppress(duckdb.Error):
            assert home.rows("select count(*) as n from raw.records") == [{"n": 2}]
            assert home.rows(NAME) == [{"name": "Second"}]
            break
    with pytest.raises(WarehouseError, match="computed checksum"):
        home.run()
    result = rollcall(home, "query", "select bit_xor(note) from raw.notes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{home.warehouse} cannot be read (" in result.stderr
    assert "Corrupt database file" in result.stderr
    assert "`rollcall restore`" in result.stderr


def test_a_write_ahead_log_of_another_program_is_noticed_and_left_out(home: Home) -> None:
    subprocess.run([*SCRIBBLER, str(home.warehouse)], check=True, timeout=60)
    written = wal_path(home.warehouse).read_bytes()
    for verb in READING:
        refused = rollcall(home, *verb)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr == (
            f"rollcall: another program has written to {home.warehouse} and left warehouse.duckdb.wal "
            "behind. Run `rollcall sync`, which discards it, or `rollcall restore`\n"
        )
    assert rollcall(home, "restore").exit_code == 0
    (aside,) = [path for path in asides(home) if path.suffix == ".duckdb"]
    assert (wal_path(home.warehouse).exists(), wal_path(aside).read_bytes()) == (False, written)
    assert home.rows(NAME) == [{"name": "First"}]


@pytest.mark.usefixtures("light")
def test_a_write_ahead_log_of_a_linked_file_is_noticed_too(home: Home) -> None:
    """The log belongs to the previous file: DuckDB itself refuses one that does not fit."""
    subprocess.run([*SCRIBBLER, str(home.warehouse)], check=True, timeout=60)
    log = wal_path(home.warehouse)
    shutil.copyfile(previous_path(home.warehouse), home.warehouse)
    assert log.exists()
    assert "another program has written to" in rollcall(home, "status").stderr
    home.run()
    assert not log.exists()


def test_the_result_can_be_printed_as_json(home: Home) -> None:
    restored = json.loads(rollcall(home, "restore", "--json").stdout)
    (aside,) = asides(home)
    assert restored == {
        "warehouse": str(home.warehouse),
        "source": str(previous_path(home.warehouse)),
        "last_run": "2026-11-01T02:00:00+00:00",
        "aside": str(aside),
    }


def test_the_previous_file_is_offered_if_nothing_is_published(home: Home) -> None:
    home.warehouse.unlink()
    offer = "`rollcall restore`"
    assert offer in rollcall(home, "status").stderr
    with pytest.raises(WarehouseError, match="but the previous run's file exists: run `rollcall restore`"):
        home.run()
    done = rollcall(home, "restore")
    assert (done.exit_code, done.stdout) == (0, "warehouse.duckdb is now the run of 2026-11-01 02:00\n")
    assert home.rows(NAME) == [{"name": "First"}]


def test_restore_without_a_previous_file_needs_a_file(home: Home) -> None:
    previous_path(home.warehouse).unlink()
    before = home.warehouse.read_bytes()
    refused = rollcall(home, "restore")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"rollcall: there is no previous run's file at {previous_path(home.warehouse)}. "
        "Name a file to publish\n"
    )
    assert (home.warehouse.read_bytes(), asides(home)) == (before, [])


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_previous_file_is_not_restored(home: Home, kind: str) -> None:
    previous, before = previous_path(home.warehouse), home.warehouse.read_bytes()
    previous.write_bytes(DAMAGES[kind](previous.read_bytes()))
    refused = rollcall(home, "restore")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"rollcall: {previous} cannot be read (")
    assert refused.stderr.endswith(f"Put a copy of your own at {home.warehouse}\n")
    assert refused.stderr.count("\n") == 1
    assert (home.warehouse.read_bytes(), asides(home)) == (before, [])


def test_a_second_restore_has_nothing_to_restore(home: Home) -> None:
    os.umask(0)
    assert rollcall(home, "restore").exit_code == 0
    assert os.umask(0o077) == 0o077  # it sets a private umask
    refused = rollcall(home, "restore")
    assert (refused.exit_code, len(asides(home))) == (2, 1)
    assert refused.stderr == (
        f"rollcall: {home.warehouse} is already the same as {previous_path(home.warehouse)}. "
        "There is nothing to restore\n"
    )


def test_restoring_during_a_run_is_refused(home: Home) -> None:
    with locked(home.warehouse):
        refused = rollcall(home, "restore")
    assert (refused.exit_code, home.rows(NAME)) == (5, [{"name": "Second"}])


def test_a_restored_file_is_synced_before_it_is_published(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, list[str]]] = []

    def sync(path: Path) -> None:
        synced.append((path.name, [row["name"] for row in home.rows(NAME)]))

    monkeypatch.setattr(warehouse_module, "sync", sync)
    assert rollcall(home, "restore").exit_code == 0
    assert synced == [("warehouse.duckdb", ["Second"]), ("home", ["First"])]


def test_a_failure_after_the_restore_is_a_note(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(path: Path) -> None:
        if path == home.path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(warehouse_module, "sync", sync)
    restored = rollcall(home, "restore")
    assert (restored.exit_code, home.rows(NAME)) == (0, [{"name": "First"}])
    assert "a power failure may lose it" in restored.stderr
