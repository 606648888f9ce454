"""How a night is published, and what readers see of it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import ConfigurationError, NightRunning, PublicationRefused
from pipelines.sandbox import Sandbox
from pipelines.warehouse import former_of, locked
from tests.night.conftest import Home

READER = """
import sys, duckdb
warehouse = duckdb.connect(sys.argv[1], read_only=True)
print(warehouse.execute("select count(*) from nights").fetchone()[0], flush=True)
sys.stdin.readline()
print(warehouse.execute("select count(*) from nights").fetchone()[0], flush=True)
"""


def test_promise_19_a_reader_keeps_its_night_and_holds_nothing_up(home: Home) -> None:
    home.night("belltastic")
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(home.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "1\n"
    home.night("belltastic")
    assert reader.communicate("\n")[0] == "1\n"
    assert home.rows("select count(*) from nights") == [(2,)]
    with duckdb.connect(str(former_of(home.warehouse)), read_only=True) as former:
        assert former.execute("select count(*) from nights").fetchall() == [(1,)]


def test_promise_22_files_are_private_whatever_the_umask(home: Home) -> None:
    os.umask(0)
    home.night("belltastic")
    home.night("belltastic")
    made = [
        home.warehouse,
        former_of(home.warehouse),
        *(home.path / ".rollcall").rglob("*"),
        home.path / ".rollcall",
    ]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert modes == {
        "warehouse.duckdb": 0o600,
        "warehouse.former.duckdb": 0o600,
        "warehouse.duckdb.lock": 0o600,
        ".rollcall": 0o700,
    }


def test_promise_22_open_secrets_are_refused(home: Home) -> None:
    secrets = home.path / ".dlt" / "secrets.toml"
    secrets.chmod(0o640)
    with pytest.raises(ConfigurationError) as refusal:
        home.night()
    assert (refusal.value.reason, refusal.value.remedy) == (
        f"{secrets} can be read by others",
        f"run: chmod 600 {secrets}",
    )


def test_promise_19_a_second_night_leaves_at_once(home: Home, sandbox: Sandbox) -> None:
    with locked(home.warehouse), pytest.raises(NightRunning):
        home.night()
    assert sandbox.requests == []


def test_promise_2_the_scratch_of_a_dead_night_is_removed(home: Home) -> None:
    dead = home.path / ".rollcall" / "warehouse.duckdb-night-dead"
    dead.mkdir(parents=True)
    (dead / "landing.duckdb").write_text("half")
    home.night("belltastic")
    assert [path.name for path in (home.path / ".rollcall").iterdir()] == ["warehouse.duckdb.lock"]


def test_a_check_that_finds_something_stops_publication(home: Home) -> None:
    home.night("belltastic")
    before = home.warehouse.read_bytes()
    checks = home.path / "sql" / "checks"
    checks.mkdir(parents=True)
    (checks / "no_projects.sql").write_text(
        "-- There must be no project.\nselect project_key from projects\n"
    )
    with pytest.raises(PublicationRefused) as refusal:
        home.night("belltastic")
    assert refusal.value.reason == (
        "1 checks failed, first no_projects with 30 rows (There must be no project.)"
    )
    assert home.warehouse.read_bytes() == before


def test_the_file_is_whole_and_readable_by_older_shells(home: Home) -> None:
    home.night("belltastic")
    assert not Path(f"{home.warehouse}.wal").exists()
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        tags = warehouse.execute(
            "select tags from duckdb_databases() where database_name = 'warehouse'"
        ).fetchall()
    assert str(tags[0][0]["storage_version"]).startswith("v1.4.0")


def test_promise_20_secrets_stay_where_they_were_put(home: Home, sandbox: Sandbox) -> None:
    import tomllib

    secrets = {
        text for table in tomllib.loads(sandbox.secrets_toml())["sources"].values() for text in table.values()
    }
    home.night()
    texts = [
        path.read_bytes() for path in home.path.rglob("*") if path.is_file() and path.name != "secrets.toml"
    ]
    assert [secret for secret in secrets for text in texts if secret.encode() in text] == []
