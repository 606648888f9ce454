"""`rollcall migrate`: copies a history from a file into a lakehouse, or back, with equal tables."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.commands.first_run import mark_published
from pipelines.common.errors import UsageError
from pipelines.common.files import private_folder
from pipelines.config.settings import memory_mb
from pipelines.transform import build as models
from pipelines.warehouse.draft import Draft, draft_of_facts
from pipelines.warehouse.lake_store import LakeStore
from pipelines.warehouse.lakehouse import required_lake
from pipelines.warehouse.publish import publish
from pipelines.warehouse.reader import open_warehouse

WHY = "set engine, catalog and data of [warehouse]; they name the lakehouse on one side of a migration"


@dataclass(frozen=True)
class Migrated:
    """What was copied, from where to where: numbers of runs, and of versions of records."""

    source: str
    target: str
    runs: int
    versions: int


def migrate_from_file(home: Path, file: Path) -> Migrated:
    """Copy the history in `file` into the empty lakehouse of `home`.

    Raises UsageError if the lakehouse has runs, WarehouseError if the file cannot be read, PublicationRefused
    if a check fails.
    """
    os.umask(0o077)
    file = file.absolute()
    store = LakeStore(required_lake(home, WHY), home)
    with open_warehouse(file) as warehouse:
        found = warehouse.db.execute("select connection from connections").fetchall()
    with store.locked([name for (name,) in found]) as scratch:
        if not store.is_empty():
            raise UsageError(f"{store.name} already has runs", "migrate into an empty lakehouse")
        with draft_of_facts(file, scratch, memory_mb(home)) as draft:
            counts = _build(draft, home)
        store.publish(draft.path, scratch)
        mark_published(home)
    return Migrated(str(file), store.name, *counts)


def migrate_to_file(home: Path, target: Path) -> Migrated:
    """Copy the lakehouse of `home` into a new file `target`.

    Raises UsageError if the file exists, WarehouseError if the lakehouse has no runs.
    """
    os.umask(0o077)
    target = target.absolute()
    store = LakeStore(required_lake(home, WHY), home)
    if target.exists():
        raise UsageError(f"{target} already exists", "name a new file")
    names = store.known_connections()
    private_folder(target.parent)
    with (
        store.locked(names),
        tempfile.TemporaryDirectory(prefix=".rollcall-", dir=target.parent) as scratch,
    ):
        with store.open_draft(Path(scratch), memory_mb(home)) as draft:
            counts = _build(draft, home)
        publish(draft.path, target)
    return Migrated(store.name, str(target), *counts)


def _build(draft: Draft, home: Path) -> tuple[int, int]:
    """Build and check everything. Returns the numbers of runs and of versions."""
    draft.run(lambda db: models.build(db, home))
    models.refuse_broken(draft.run(lambda db: models.check(db, home)))
    counts = draft.run(_counts)
    draft.finish()
    return counts


def _counts(db: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    row = db.execute("select (select count(*) from raw.runs), (select count(*) from raw.records)").fetchone()
    assert row is not None
    return row[0], row[1]
