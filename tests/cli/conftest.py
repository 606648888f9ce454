"""A small published warehouse, built by the models from rows of facts, and the command line over it.

There are three runs. At matter, project 17 changes twice, 18 disappears and returns, 19 is new in the last
run, and 20 disappears in it. belltastic has 17 and 5, and failed in the last run. evovoice has a file that
is renamed. Names contain what a spreadsheet or a terminal would interpret.
"""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.common import limits as bounds
from pipelines.transform import build as models
from pipelines.transform.facts import facts_sql
from pipelines.warehouse import reader
from tests.support.made_once import made_once

RUNS = ("2026-11-01 02:00:00+00", "2026-11-02 02:00:00+00", "2026-11-03 02:00:00+00")

Payload = dict[str, object]
Version = tuple[str, Payload, str, str | None, str | None]

MATTER: tuple[Version, ...] = (
    ("17", {"name": "Harbour", "projectStatus": "PRJ_STATUS_ON_GOING"}, RUNS[0], RUNS[1], "changed"),
    ("17", {"name": "Harbour East", "projectStatus": "PRJ_STATUS_ON_GOING"}, RUNS[1], RUNS[2], "changed"),
    ("17", {"name": "Harbour East", "projectStatus": "PRJ_STATUS_COMPLETE"}, RUNS[2], None, None),
    ("18", {"name": "=1+1", "clientName": 'Über, "Bau"\nGmbH'}, RUNS[0], RUNS[1], "removed"),
    ("18", {"name": "=1+1", "clientName": 'Über, "Bau"\nGmbH'}, RUNS[2], None, None),
    ("19", {"name": "\u001b[31mred", "description": "'@x"}, RUNS[2], None, None),
    ("20", {"name": "Old mill"}, RUNS[0], RUNS[2], "removed"),
)
BELLTASTIC: tuple[Version, ...] = (
    ("17", {"name": "Bells", "team_id": 3, "created_at": "2026-01-02T03:04:05Z"}, RUNS[0], None, None),
    ("5", {"name": "Chimes", "default": True}, RUNS[0], None, None),
)
EVOVOICE: tuple[Version, ...] = (
    (
        "f1",
        {"Id": "f1", "CustomerId": "c1", "CustomerName": "Quay", "FileName": "a.mp3"},
        RUNS[0],
        RUNS[1],
        "changed",
    ),
    (
        "f1",
        {"Id": "f1", "CustomerId": "c1", "CustomerName": "Quay", "FileName": "b.mp3"},
        RUNS[1],
        None,
        None,
    ),
)


def _remember(db: duckdb.DuckDBPyConnection) -> None:
    db.execute(facts_sql())
    for run, outcome in zip(RUNS, ("complete", "complete", "partial"), strict=True):
        db.execute(
            "insert into raw.runs values ($1, $1::timestamptz + interval 9 second, $2, '0.1.0', 'v1.5.6')",
            [run, outcome],
        )
    sources = (
        ("matter", "projects", MATTER),
        ("belltastic", "projects", BELLTASTIC),
        ("evovoice", "files", EVOVOICE),
    )
    for name, entity, versions in sources:
        db.execute("insert into raw.connections values ($1, $1, null, true)", [name])
        for record_id, payload, begun, ended, reason in versions:
            text = json.dumps(payload)
            db.execute(
                "insert into raw.records "
                "values ($1, $1, null, $2, $3, $4, md5($4), null, null, $5, $6, $7, $8, null)",
                [name, entity, record_id, text, begun, ended, reason, ended or RUNS[2]],
            )
        for run in RUNS:
            failed = name == "belltastic" and run == RUNS[2]
            db.execute(
                """
                insert into raw.listings
                select $1, $2, $2, null, $3, $4, null, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, $5, null
                """,
                [
                    run,
                    name,
                    entity,
                    "failed" if failed else "verified",
                    "401 Unauthorized" if failed else None,
                ],
            )


def _publish(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("set TimeZone = 'UTC'")
        _remember(db)
        models.build(db, home)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the warehouse, shared by tests: do not change it."""
    return made_once(tmp_path_factory, "published", _publish)


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    """A home with a copy of the warehouse, for one test."""
    shutil.copyfile(published / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    return tmp_path


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no query that is slow to end, on a busy machine, end the tests' own process.

    With one thread, as on a machine with one processor, DuckDB takes a third less for so few rows.
    """
    monkeypatch.setattr(bounds, "GRACE_S", 3600)
    monkeypatch.setitem(reader.BOUNDS, "threads", "1")


@dataclass(frozen=True)
class Cli:
    """The command line over a home."""

    home: Path

    def __call__(self, *args: str, input: str | bytes | None = None, code: int = 0) -> Result:
        """Run a command. Fails the test if the exit code is not `code`."""
        result = CliRunner().invoke(main, ["--home", str(self.home), *args], input=input)
        assert result.exit_code == code, (result.stdout, result.stderr)
        return result

    def command(self, *args: str) -> list[str]:
        """The command line to run it in a process of its own."""
        code = "from pipelines.cli import main; main(prog_name='rollcall')"
        return [sys.executable, "-c", code, "--home", str(self.home), *args]


@pytest.fixture
def cli(published: Path) -> Cli:
    """The command line over the shared warehouse."""
    return Cli(published)
