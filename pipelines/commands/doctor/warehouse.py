"""Checks of the warehouse: its place, and what is published there."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines.commands.doctor.check import Check, broken, failed
from pipelines.commands.first_run import refuse_lost
from pipelines.common.errors import RunInProgress, SyncError
from pipelines.common.exit_codes import ExitCode
from pipelines.common.filesystem import elsewhere, free_bytes, probe, space_left, space_needed
from pipelines.common.text import counted
from pipelines.config.settings import memory_mb
from pipelines.transform import build as models
from pipelines.warehouse.draft import open_draft
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path
from pipelines.warehouse.published import open_published
from pipelines.warehouse.reader import open_warehouse
from pipelines.warehouse.store import Store, find_store

ELSEWHERE = f"or {elsewhere()}"


def check_place(warehouse: Path) -> Iterator[Check]:
    """Check that publishing works in the warehouse's directory, and that there is enough space."""
    try:
        with locked(warehouse) as scratch:
            limits = probe(warehouse, scratch)
    except RunInProgress as error:
        yield Check("lock", "warning", error.reason, (error.remedy,), ExitCode.BUSY)
        return
    except SyncError as error:
        yield failed("lock", error, *(() if elsewhere() in error.remedy else (ELSEWHERE,)))
        return
    except OSError as error:
        message = f"{warehouse.parent} cannot hold a warehouse: {error.strerror}"
        yield broken(
            "lock",
            message,
            f"give this user write permission for {warehouse.parent}",
            ELSEWHERE,
            exit_code=ExitCode.INTERNAL,
        )
        return
    yield Check("lock", "ok", "no run is in progress, and a run can publish")
    for limit in limits:
        yield Check("lock", "warning", limit, (ELSEWHERE,))
    needed = space_needed(warehouse)
    free = free_bytes(warehouse)
    message = f"{space_left(warehouse)}, a run may need {needed >> 20:,} MB"
    remedy = f"free some space on the disk of {warehouse.parent}"
    if free >= needed:
        yield Check("disk", "ok", message)
    else:
        yield broken("disk", message, remedy, ELSEWHERE, exit_code=ExitCode.INTERNAL)


def check_file(home: Path, path: Path) -> Check:
    """Check the published file as a run does: in a draft, which is not published."""
    try:
        refuse_lost(home, find_store(home))
        if not path.exists() and not previous_path(path).exists():
            return Check("warehouse", "ok", f"none yet at {path}; the first run creates it")
        found = _continued(home, path)
    except SyncError as error:
        return failed("warehouse", error, ELSEWHERE)
    except duckdb.Error as error:
        return broken("warehouse", str(error).splitlines()[0], f"move {path} away", ELSEWHERE)
    return Check("warehouse", "ok", found)


def _continued(home: Path, path: Path) -> str:
    """Build and check the published tables in a draft. Returns what the file contains.

    If a run is in progress, the file is only read.
    """
    try:
        with locked(path) as scratch, open_draft(path, scratch, memory_mb(home)) as draft:
            draft.run(lambda db: models.update(db, home))
            models.refuse_broken(draft.run(lambda db: models.check(db, home)))
            return _content(draft.db)
    except RunInProgress:
        with open_warehouse(path) as warehouse:
            return _content(warehouse.db)


def _content(db: duckdb.DuckDBPyConnection) -> str:
    row = db.execute(
        "select (select count(*) from projects), (select max(started_at)::text from runs)"
    ).fetchone()
    assert row is not None
    return f"{counted(row[0], 'project')}, last run {row[1] or 'none'}"


def check_lakehouse(home: Path, store: Store) -> Check:
    """Sign in to the catalog as a run does, and read what is published."""
    try:
        refuse_lost(home, store)
        with store.locked(()):
            if store.is_empty():
                return Check("warehouse", "ok", f"none yet in {store.name}; the first run creates it")
        with open_published(home) as warehouse:
            return Check("warehouse", "ok", _content(warehouse.db))
    except SyncError as error:
        return failed("warehouse", error)
