"""`rollcall demo`: three runs over the sandbox, with changes made at the providers in between.

The clock of the first run is two days slow and that of the second one day, so that runs are a day apart.
Changes at Belltastic go through its documented API; those at the others are made to the sandbox's records.
Everything is in one directory, which the demo leaves behind.
"""

import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from pipelines.commands.dry_run import Change
from pipelines.commands.sandbox_home import write_home
from pipelines.common.errors import UsageError
from pipelines.common.files import private_folder
from pipelines.common.sql import read_sql
from pipelines.sandbox import Sandbox

if TYPE_CHECKING:
    from pipelines.commands.sync import Run

PROJECTS = 40
FILES = 400
RENAMED, ARCHIVED, DESTROYED = 2, 5, 4  # ids at Belltastic
COMMANDS = (
    "rollcall query 'select provider, status, count(*) from projects group by all order by all'",
    f"rollcall history belltastic:{ARCHIVED}",
    "rollcall changes",
    "rollcall status",
)
MARK = "# Written by rollcall demo, which may overwrite this directory.\n"


@dataclass(frozen=True)
class DemoRun:
    """One run of the demo: the changes made before it, and what it found."""

    number: int
    done: tuple[str, ...]
    run: "Run"


@dataclass(frozen=True)
class DemoChange(Change):
    """A change, and the start of the run that found it."""

    changed_at: datetime


@dataclass(frozen=True)
class Demo:
    """The result of the demo."""

    directory: Path
    runs: tuple[DemoRun, ...]
    changes: tuple[DemoChange, ...]
    exported: tuple[Path, ...]
    projects: int

    @property
    def commands(self) -> tuple[str, ...]:
        """Commands to explore the warehouse, each with a program that the shell finds."""
        return tuple(f"{_program()} {command.removeprefix('rollcall ')}" for command in COMMANDS)


def _program() -> str:
    """`rollcall` if the shell finds this program by that name, else its path."""
    called, found = Path(sys.argv[0]).absolute(), shutil.which("rollcall")
    if called.name != "rollcall" or (found and called.samefile(found)):
        return "rollcall"
    return shlex.quote(str(called))


def demo(directory: Path, on_run: Callable[[DemoRun], None]) -> Demo:
    """Play the three runs in `directory`, and call `on_run` as each ends.

    Raises UsageError if the directory contains anything but an earlier demo.
    """
    from pipelines.commands.sync import sync

    _empty(directory)
    runs = []
    with Sandbox(projects=PROJECTS, files=FILES) as sandbox:
        write_home(directory, sandbox, MARK)
        days = (_before, _first_day, _second_day)
        for number, day in enumerate(days, 1):
            runs.append(DemoRun(number, day(sandbox), sync(directory, clock=_slow(len(days) - number))))
            on_run(runs[-1])
    return _result(directory, runs)


def _slow(days: int) -> Callable[[], datetime]:
    """A clock that is this many days slow."""
    return lambda: datetime.now(UTC) - timedelta(days=days)


def _empty(directory: Path) -> None:
    config = directory / ".dlt" / "config.toml"
    if directory.exists() and any(directory.iterdir()):
        if not config.exists() or not config.read_text(encoding="utf-8").startswith(MARK):
            raise UsageError(f"{directory} contains other files", "run the demo in another directory")
        shutil.rmtree(directory)


def _before(_sandbox: Sandbox) -> tuple[str, ...]:
    return (f"Five providers with {PROJECTS} projects each, one of them with {FILES} files",)


def _first_day(sandbox: Sandbox) -> tuple[str, ...]:
    """A rename, an archive and a creation by Belltastic's own calls; a new status, removals, new files."""
    _belltastic(sandbox, "PUT", f"project/{RENAMED}", {"name": "Support portal"})
    _belltastic(sandbox, "PUT", f"project/{ARCHIVED}/archive")
    _belltastic(sandbox, "POST", "projects", {"team_id": 1, "name": "Spring campaign"})
    matter = sandbox.store("matter")
    finished = matter.records(0, 1)[0]
    matter.change(str(finished["originId"]), projectStatus="PRJ_STATUS_COMPLETE")
    sandbox.store("rillsoft", 11).remove(2)
    fone_dynamics = sandbox.store("fone_dynamics")
    fone_dynamics.remove(str(fone_dynamics.records(4, 5)[0]["PropertySid"]))
    for _ in range(3):
        sandbox.store("evovoice").add()
    return (
        f"Belltastic: project {RENAMED} renamed, project {ARCHIVED} archived, one created",
        "Matter: one project completed",
        "Rillsoft: project 2 of client 11 deactivated",
        "Fone Dynamics: one property removed",
        "EvoVoice: three new files",
    )


def _second_day(sandbox: Sandbox) -> tuple[str, ...]:
    """At Rillsoft a project returns, Belltastic restores and destroys one, a file gets a transcription."""
    sandbox.store("belltastic").change(ARCHIVED, deleted_at=None)
    _belltastic(sandbox, "DELETE", f"project/{DESTROYED}")
    sandbox.store("rillsoft", 11).restore(2)
    matter = sandbox.store("matter")
    matter.add()
    matter.add()
    files = sandbox.store("evovoice")
    newest = files.records(len(files) - 1)[0]
    files.change(str(newest["id"]), transcription="Thank you for calling, we are open again on Monday.")
    return (
        f"Belltastic: project {ARCHIVED} restored, project {DESTROYED} destroyed",
        "Rillsoft: project 2 of client 11 is back",
        "Matter: two new projects",
        "EvoVoice: a file transcribed",
    )


def _belltastic(sandbox: Sandbox, method: str, path: str, body: dict[str, object] | None = None) -> None:
    """One of the write calls that Belltastic documents."""
    token = tomllib.loads(sandbox.secrets_toml())["sources"]["belltastic"]["api_token"]
    answer = requests.request(
        method,
        f"{sandbox.url}/belltastic/api/v1/{path}",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    answer.raise_for_status()


def _result(directory: Path, runs: Sequence[DemoRun]) -> Demo:
    from pipelines.commands.export import export, find_reports
    from pipelines.config.settings import exports_path, warehouse_path
    from pipelines.output.writer import Output
    from pipelines.warehouse.reader import open_warehouse

    folder = exports_path(directory)
    private_folder(folder)
    with open_warehouse(warehouse_path(directory), workspace_in=folder) as warehouse:
        rows = warehouse.db.execute(
            read_sql("queries/demo_changes"), {"since": runs[1].run.started_at}
        ).fetchall()
        count = warehouse.db.execute("select count(*) from projects").fetchall()[0][0]
        exported = export(warehouse, find_reports(directory), folder, Output("csv"))
    return Demo(
        directory=directory,
        runs=tuple(runs),
        changes=tuple(DemoChange(*row) for row in rows),
        exported=tuple(file.file for file in exported.files),
        projects=count,
    )
