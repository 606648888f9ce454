"""A backup is a verified copy of one published run, and can replace the published file."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.commands.backup import backup
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path
from tests.campaigns.publications import publish_run
from tests.support.home import Home
from tests.support.loopback import Loopback

from .conftest import NAME, SCRIBBLER, list_project, rollcall
from .test_restore import DAMAGES

pytestmark = pytest.mark.usefixtures("light")

LAST = "20261102T020000Z"


@pytest.fixture
def _no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("_no_umask")
def test_a_backup_is_the_published_file_with_a_manifest(home: Home, tmp_path: Path) -> None:
    done = rollcall(home, "backup", str(tmp_path / "to" / "backups"))
    place = tmp_path / "to" / "backups" / LAST
    size = home.warehouse.stat().st_size
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        f"{place} now holds the run of 2026-11-02T02:00:00Z, {size / 1e6:,.1f} MB, verified\n"
    )
    copied = content(place)
    assert copied["warehouse.duckdb"] == home.warehouse.read_bytes()
    (versions,) = home.rows(
        "select rollcall_version, duckdb_version from runs order by started_at desc limit 1"
    )
    assert json.loads(copied.pop("manifest.json")) == {
        "file": "warehouse.duckdb",
        "bytes": size,
        "sha256": hashlib.sha256(home.warehouse.read_bytes()).hexdigest(),
        "run": {"started_at": "2026-11-02T02:00:00Z", "outcome": "complete", **versions},
    }
    made = [place.parents[1], place.parent, place, *place.iterdir()]
    assert {oct(path.stat().st_mode & 0o777) for path in made} == {"0o700", "0o600"}
    assert [path.name for path in place.parent.iterdir() if path.name != ".rollcall"] == [LAST]
    assert [path.suffix for path in (place.parent / ".rollcall").iterdir()] == [".lock"]


def test_the_result_can_be_printed_as_json(home: Home, tmp_path: Path) -> None:
    shown = json.loads(rollcall(home, "backup", str(tmp_path / "b"), "--json").stdout)
    assert shown.pop("run")["started_at"] == "2026-11-02T02:00:00Z"
    assert shown == {
        "folder": str(tmp_path / "b" / LAST),
        "file": "warehouse.duckdb",
        "bytes": home.warehouse.stat().st_size,
        "sha256": hashlib.sha256(home.warehouse.read_bytes()).hexdigest(),
        "existed": False,
    }


def test_the_same_run_is_backed_up_once_and_again_if_the_backup_decays(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    assert [backup(home.path, folder).existed for _ in range(2)] == [False, True]
    copy = folder / LAST / "warehouse.duckdb"
    decayed = bytearray(copy.read_bytes())
    decayed[-1] ^= 1
    copy.write_bytes(decayed)
    again = backup(home.path, folder)
    assert (again.folder.name, again.existed) == (f"{LAST}-02", False)
    assert backup(home.path, folder).folder == again.folder


def test_each_run_has_its_own_folder(home: Home, loopback: Loopback, tmp_path: Path) -> None:
    backup(home.path, tmp_path / "b")
    list_project(home, loopback, "Third")
    home.run()
    assert backup(home.path, tmp_path / "b").folder.name == "20261103T020000Z"


def test_a_backup_does_not_wait_for_a_run(home: Home, tmp_path: Path) -> None:
    with locked(home.warehouse):
        assert rollcall(home, "backup", str(tmp_path / "b")).exit_code == 0


def test_runs_that_are_published_meanwhile_are_never_mixed(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    publish_run(warehouse, 0)
    with duckdb.connect(str(warehouse)) as db:
        db.execute("insert into raw.runs values (now(), now(), 'complete', '-', '-')")
    last = 12
    runs = threading.Thread(target=lambda: [publish_run(warehouse, number) for number in range(1, last + 1)])
    runs.start()
    seen = []
    while not seen or runs.is_alive():
        made = backup(tmp_path, tmp_path / "backups")
        with duckdb.connect(str(made.folder / made.file), read_only=True) as copy:
            ((least, most),) = copy.execute("select min(run), max(run) from projects").fetchall()
        assert least == most
        seen.append(most)
    runs.join()
    assert seen == sorted(seen)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_not_backed_up(home: Home, tmp_path: Path, kind: str) -> None:
    home.warehouse.write_bytes(DAMAGES[kind](home.warehouse.read_bytes()))
    refused = rollcall(home, "backup", str(tmp_path / "b"))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"rollcall: {home.warehouse} ")
    assert "`rollcall restore`" in refused.stderr
    assert list((tmp_path / "b").glob("2*")) == []


def test_a_file_that_another_program_has_written_to_is_not_backed_up(home: Home, tmp_path: Path) -> None:
    subprocess.run([*SCRIBBLER, str(home.warehouse)], check=True, timeout=60)
    refused = rollcall(home, "backup", str(tmp_path / "b"))
    assert (refused.exit_code, "another program has written to" in refused.stderr) == (2, True)


def test_without_a_warehouse_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    refused = rollcall(Home(tmp_path), "backup", str(tmp_path / "b"))
    assert refused.stderr.startswith(
        f"rollcall: there is no warehouse at {tmp_path}/warehouse.duckdb yet. Run"
    )
    assert not (tmp_path / "b").exists()


def test_a_warehouse_without_a_run_is_not_backed_up(tmp_path: Path) -> None:
    publish_run(tmp_path / "warehouse.duckdb", 0)
    refused = rollcall(Home(tmp_path), "backup", str(tmp_path / "b"))
    assert refused.stderr.startswith(f"rollcall: there is no run in {tmp_path}/warehouse.duckdb yet. Run")
    assert list((tmp_path / "b").glob("2*")) == []


def test_a_backup_is_restored_in_its_home_and_in_an_empty_one(home: Home, tmp_path: Path) -> None:
    made = backup(home.path, tmp_path / "b")
    assert rollcall(home, "restore").exit_code == 0
    assert home.rows(NAME) == [{"name": "First"}]
    done = rollcall(home, "restore", str(made.folder))
    assert done.stdout.startswith("warehouse.duckdb is now the run of 2026-11-02 02:00; ")
    empty = Home(tmp_path / "empty")
    empty.path.mkdir()
    done = rollcall(empty, "restore", str(made.folder / made.file))
    assert done.stdout == "warehouse.duckdb is now the run of 2026-11-02 02:00\n"
    assert home.rows(NAME) == empty.rows(NAME) == [{"name": "Second"}]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "{folder} is not a backup. Name a folder with"),
        (
            lambda folder: (folder / "warehouse.duckdb").unlink(),
            "{folder} is not a backup. Name a folder with",
        ),
        (
            lambda folder: (folder / "manifest.json").write_text("[]"),
            "{folder} is not a backup. Name a folder",
        ),
        (
            lambda folder: os.truncate(folder / "warehouse.duckdb", 4096),
            "{folder}/warehouse.duckdb does not match its manifest. Take another backup",
        ),
    ],
)
def test_an_incomplete_backup_is_not_restored(spoil, message: str, home: Home, tmp_path: Path) -> None:
    folder = backup(home.path, tmp_path / "b").folder
    spoil(folder)
    before = home.warehouse.read_bytes()
    refused = rollcall(home, "restore", str(folder))
    assert (refused.exit_code, home.warehouse.read_bytes()) == (2, before)
    assert refused.stderr.startswith(f"rollcall: {message.format(folder=folder)}")


def names(home: Home) -> dict[str, str]:
    """The project's name in the published file, and in the file of each earlier run."""
    found = {}
    for path in sorted(home.path.glob("warehouse*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as db:
            ((found[path.name],),) = db.execute(NAME).fetchall()
    return found


def play(home: Home, loopback: Loopback, *named: str) -> None:
    for name in named:
        list_project(home, loopback, name)
        home.run()


def keep(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setenv("WAREHOUSE__KEEP", str(number))


def test_the_configured_number_of_earlier_runs_is_kept(
    home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(home, loopback, "Third", "Fourth", "Fifth")
    assert names(home) == {
        "warehouse.duckdb": "Fifth",
        "warehouse.previous.duckdb": "Fourth",
        "warehouse.previous-2.duckdb": "Third",
        "warehouse.previous-3.duckdb": "Second",
    }
    keep(monkeypatch, 2)
    play(home, loopback, "Sixth")
    assert list(names(home).values()) == ["Sixth", "Fourth", "Fifth"]
    keep(monkeypatch, 1)
    play(home, loopback, "Seventh")
    assert names(home) == {"warehouse.duckdb": "Seventh", "warehouse.previous.duckdb": "Sixth"}


def test_without_hard_links_only_the_published_file_is_copied(
    home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(home, loopback, "Third", "Fourth")

    def lacking(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", lacking)
    copies = []
    copyfile = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", lambda *paths: copies.append(paths[0]) or copyfile(*paths))
    play(home, loopback, "Fifth")
    assert home.warehouse in copies
    assert not {*home.path.glob("warehouse.previous*")} & {*copies}
    assert sorted(names(home).values()) == ["Fifth", "Fourth", "Second", "Third"]
    for number in (2, 1):  # as a killed run leaves them
        previous_path(home.warehouse, number).rename(previous_path(home.warehouse, number + 1))
    play(home, loopback, "Sixth")
    assert names(home) == {
        "warehouse.duckdb": "Sixth",
        "warehouse.previous.duckdb": "Fifth",
        "warehouse.previous-2.duckdb": "Fourth",
        "warehouse.previous-3.duckdb": "Third",
    }


def test_a_run_that_publishes_nothing_moves_no_earlier_run(home: Home, loopback: Loopback) -> None:
    play(home, loopback, "Third")
    before = names(home)
    home.run(dry_run=True)
    assert names(home) == before


@pytest.mark.parametrize("step", ["moved one", "moved all", "published the previous"])
def test_a_run_killed_while_it_moves_earlier_runs_loses_none(
    step: str, home: Home, loopback: Loopback
) -> None:
    play(home, loopback, "Third", "Fourth", "Fifth")
    places = [previous_path(home.warehouse, number) for number in (3, 2, 1)]
    moves = [(places[1], places[0]), (places[2], places[1]), (home.warehouse, places[2])]
    for newer, older in moves[: {"moved one": 1, "moved all": 2}.get(step, 3)]:
        older.unlink()
        older.hardlink_to(newer)
    play(home, loopback, "Sixth")
    assert sorted(names(home).values()) == ["Fifth", "Fourth", "Sixth", "Third"]
    assert names(home)["warehouse.previous.duckdb"] == "Fifth"


def test_each_earlier_run_is_listed_and_can_be_restored(home: Home, loopback: Loopback) -> None:
    play(home, loopback, "Third", "Fourth")
    previous_path(home.warehouse, 3).write_bytes(b"scribble" * 4096)
    for other in (
        "warehouse.previous-1.duckdb",
        "warehouse.previous-02.duckdb",
        "warehouse.previous-old.duckdb",
    ):
        (home.path / other).touch()
    listed = rollcall(home, "restore", "--list").stdout.splitlines()
    assert [line.split("  ")[0] for line in listed] == [
        "warehouse.previous.duckdb", "warehouse.previous-2.duckdb", "warehouse.previous-3.duckdb"
    ]  # fmt: skip
    assert listed[0].endswith(" MB  the run of 2026-11-03 02:00")
    assert listed[1].endswith(" MB  the run of 2026-11-02 02:00")
    assert f"{previous_path(home.warehouse, 3)} cannot be read" in listed[2]
    assert rollcall(home, "restore", "warehouse.previous-2.duckdb").exit_code == 0
    assert home.rows(NAME) == [{"name": "Second"}]
    (aside,) = [
        row
        for row in json.loads(rollcall(home, "restore", "--list", "--json").stdout)
        if ".replaced-" in row["file"]
    ]
    assert (aside["last_run"], aside["problem"]) == ("2026-11-04T02:00:00+00:00", None)
    assert rollcall(home, "restore", aside["file"]).exit_code == 0
    assert home.rows(NAME) == [{"name": "Fourth"}]


def test_a_home_without_earlier_runs_lists_none(home: Home) -> None:
    previous_path(home.warehouse).unlink()
    done = rollcall(home, "restore", "--list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "no earlier run found next to the warehouse\n"
    assert json.loads(rollcall(home, "restore", "--list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["restore", "warehouse.previous-7.duckdb"], "there is no file "),
        (["restore", "--list", "warehouse.previous.duckdb"], "--list takes no FILE"),
    ],
)
def test_a_wrong_argument_of_restore_is_one_line(arguments: list[str], message: str, home: Home) -> None:
    refused = rollcall(home, *arguments)
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert refused.stderr.startswith(f"rollcall: {message}")


def test_keeping_no_earlier_run_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(monkeypatch, 0)
    refused = rollcall(home, "sync")
    assert refused.exit_code == 2
    assert "keep of [warehouse] is 0. Set it to 1 or more: restore needs one" in refused.stderr


def test_forget_removes_the_earlier_runs(home: Home, loopback: Loopback) -> None:
    play(home, loopback, "Third", "Fourth")
    older = previous_path(home.warehouse, 2)
    older.with_name(f"{older.name}.wal").write_bytes(b"Third")
    done = rollcall(home, "forget", "belltastic:1", "--yes")
    assert done.exit_code == 0, done.stderr
    assert f"removed {older}\n" in done.stderr
    left = {path.name for path in home.path.glob("warehouse*")}
    assert left == {"warehouse.duckdb", "warehouse.previous.duckdb"}
