"""Promise 29: a home that has published before begins a new history only if asked to."""

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.commands.first_run import TEXT
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback


@pytest.fixture
def home(home: Home, loopback: Loopback) -> Home:
    """A home before its first run."""
    base_url = loopback.serve("belltastic", Answer([{"id": 1, "name": "One"}]))
    home.connect("belltastic", base_url=base_url, api_token="user_1")
    return home


@pytest.fixture
def disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mount point of the disk with the warehouse."""
    disk = home.path / "disk"
    monkeypatch.setenv("WAREHOUSE__PATH", str(disk / "all.duckdb"))
    return disk


def rollcall(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home.path), *arguments])


@pytest.mark.usefixtures("light")
def test_promise_29_a_disk_that_is_not_mounted_begins_no_new_history(home: Home, disk: Path) -> None:
    assert rollcall(home, "sync").exit_code == 0
    assert (home.path / ".rollcall" / "published").read_text() == TEXT
    disk.rename(home.path / "unmounted")
    disk.mkdir()
    for options in ([], ["--dry-run"], ["belltastic"]):
        refused = rollcall(home, "sync", *options)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr == (
            f"rollcall: there is no warehouse at {disk / 'all.duckdb'}, but this home has published one "
            "before. Mount its disk or put it back; to begin a new history, run: rollcall sync --first-run\n"
        )
    examined = rollcall(home, "doctor")
    assert examined.exit_code == 2
    assert "but this home has published one before" in " ".join(examined.stdout.split())
    assert not (disk / "all.duckdb").exists()
    disk.joinpath(".rollcall", "all.duckdb.lock").unlink()
    disk.joinpath(".rollcall").rmdir()
    disk.rmdir()
    (home.path / "unmounted").rename(disk)
    assert rollcall(home, "sync").exit_code == 0


@pytest.mark.usefixtures("light")
def test_a_new_history_begins_only_if_asked_for(home: Home, disk: Path) -> None:
    assert rollcall(home, "sync", "--first-run").exit_code == 0
    (disk / "all.duckdb").unlink()
    assert rollcall(home, "sync").exit_code == 2
    assert rollcall(home, "sync", "--first-run").exit_code == 0
    assert rollcall(home, "sync", "--first-run").exit_code == 0
    runs = rollcall(home, "query", "select count(*) as runs from runs", "--json")
    assert json.loads(runs.stdout) == [{"runs": 2}]


@pytest.mark.usefixtures("light")
def test_a_run_that_published_nothing_leaves_no_mark(home: Home) -> None:
    (home.path / ".dlt" / "secrets.toml").unlink()
    assert rollcall(home, "sync").exit_code == 2
    assert not (home.path / ".rollcall" / "published").exists()


@pytest.mark.usefixtures("without_dlt")
def test_a_dry_run_has_published_nothing(home: Home) -> None:
    assert rollcall(home, "sync", "--dry-run").exit_code == 0
    assert not (home.path / ".rollcall" / "published").exists()
    assert rollcall(home, "sync").exit_code == 0


@pytest.mark.usefixtures("light")
def test_a_previous_run_is_offered_first(home: Home) -> None:
    for _ in range(2):
        home.run()
    home.warehouse.unlink()
    assert "Run `rollcall restore`" in rollcall(home, "sync", "--first-run").stderr
    assert rollcall(home, "restore").exit_code == 0
    assert rollcall(home, "sync").exit_code == 0


@pytest.mark.usefixtures("light")
def test_promise_20_a_mark_that_cannot_be_written_is_a_note(
    home: Home, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text = Path.write_text

    def refuse(path: Path, *arguments: str, **options: str) -> int:
        if path.name == "published":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return write_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", refuse)
    done = rollcall(home, "sync")
    assert (done.exit_code, done.stderr, disk.joinpath("all.duckdb").exists()) == (0, "", True)
    assert (
        f"Note: cannot write {home.path / '.rollcall' / 'published'} (Read-only file system): "
        "a missing warehouse will go unnoticed\n"
    ) in done.stdout
