"""A warehouse of nine runs with names that would do harm if they were not escaped, and its report.

At matter, m1 changes twice; in the last run, m2 is new, m3 is removed and m4 returns; m5 was removed in the
second run. In the last run, belltastic failed, rillsoft held back removals, and newcomer was not verified.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.made_once import made_once
from tests.transform.raw import RUNS, Raw, run

HOSTILE = "</script><img src=x onerror=alert(1)>"
HOSTILE_CLIENT = "\"><svg onload=alert(2)> '&amp;<!--"
OVERRIDE = "Invoice \u202egnp.exe"  # looks like exe.png if the control character takes effect
HOSTILE_MESSAGE = "401 <b onclick=alert(3)>Unauthorized</b>"


@dataclass(frozen=True)
class Cli:
    """The command line over a home."""

    home: Path

    def __call__(self, *args: str, code: int = 0) -> Result:
        """Run a command. Fails the test if the exit code is not `code`."""
        result = CliRunner().invoke(main, ["--home", str(self.home), *args])
        assert result.exit_code == code, (result.stdout, result.stderr)
        return result

    def page(self, *args: str) -> str:
        """The page that `rollcall report` writes."""
        return self("report", "--output", "-", *args).stdout


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, shared by tests: do not change it."""
    return made_once(tmp_path_factory, "report", _publish) / "warehouse.duckdb"


def _publish(home: Path) -> None:
    raw = Raw(home, home / "warehouse.duckdb")
    _matter(raw)
    raw.connect("bell<i>tastic", "belltastic")
    raw.record("belltastic", "5", {"name": "Chimes"}, connection="bell<i>tastic")
    raw.record("belltastic", "6", {"name": OVERRIDE}, connection="bell<i>tastic")
    raw.connect("rill;soft", "rillsoft", "UTC")
    for number in (28, 8, 2):
        raw.record(
            "rillsoft",
            str(number),
            {"id": number, "name": f"Bridge {number}"},
            scope="11",
            connection="rill;soft",
        )
    raw.connect("newcomer", "fone_dynamics")
    _listing(raw, RUNS, "fone_dynamics", connection="newcomer", outcome="unverified", seconds=0.25)
    for number in range(1, RUNS + 1):
        last = number == RUNS
        _listing(raw, number, "matter", seconds=75.4 if last else 2.5)
        _listing(
            raw,
            number,
            "rillsoft",
            connection="rill;soft",
            scope="11",
            outcome="held_back" if last else "verified",
            held_back=7 * last,
        )
        _listing(
            raw,
            number,
            "belltastic",
            connection="bell<i>tastic",
            outcome="failed" if last else "verified",
            message=HOSTILE_MESSAGE if last else None,
            quarantined=2 * last,
        )
    raw.build()
    raw.db.close()


def _matter(raw: Raw) -> None:
    raw.connect("matter", "matter")
    going = {"clientName": HOSTILE_CLIENT, "projectStatus": "PRJ_STATUS_ON_GOING"}
    done = going | {"projectStatus": "PRJ_STATUS_COMPLETE"}
    raw.record("matter", "m1", going | {"name": "Harbour"}, 1, 5)
    raw.record("matter", "m1", going | {"name": HOSTILE, "lastUpdated": "2026-11-04T00:00:00Z"}, 5, 9)
    raw.record("matter", "m1", done | {"name": HOSTILE, "lastUpdated": "2026-11-08T00:00:00Z"}, 9)
    raw.record("matter", "m2", {"name": "Mühle Œuvre"}, 9)
    raw.record("matter", "m3", {"name": "Old mill"}, 1, 9, "removed")
    raw.record("matter", "m4", {"name": "Ferry"}, 1, 4, "removed")
    raw.record("matter", "m4", {"name": "Ferry"}, 9)
    raw.record("matter", "m5", {}, 1, 2, "removed")


def _listing(
    raw: Raw,
    number: int,
    provider: str,
    *,
    connection: str | None = None,
    scope: str | None = None,
    outcome: str = "verified",
    message: str | None = None,
    held_back: int = 0,
    quarantined: int = 0,
    seconds: float = 0.02,
) -> None:
    raw.db.execute(
        """
        insert into raw.listings
        values ($1, $2, $3, $4, 'projects', $5, null, 1, 1, 0, $6, 0, 0, 0, 0, 0, $6, $7, $8, $9, null)
        """,
        [
            run(number),
            connection or provider,
            provider,
            scope,
            outcome,
            quarantined,
            held_back,
            seconds,
            message,
        ],
    )


@pytest.fixture(scope="session")
def cli(warehouse: Path) -> Cli:
    """The command line over the shared warehouse."""
    return Cli(warehouse.parent)


@pytest.fixture
def own(warehouse: Path, tmp_path: Path) -> Cli:
    """The command line over a home of the test's own, with the warehouse."""
    shutil.copyfile(warehouse, tmp_path / "warehouse.duckdb")
    return Cli(tmp_path)


@pytest.fixture
def empty(own: Cli) -> Cli:
    """The command line over a warehouse whose runs found no project."""
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        for table in ("projects_history", "project_changes"):
            db.execute(f"delete from {table}")
    return own


@pytest.fixture(scope="session")
def page(cli: Cli) -> str:
    """The report of the shared warehouse."""
    return cli.page()
