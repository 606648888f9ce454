"""`rollcall backup`: a verified copy of the published warehouse, in a folder of its own.

    DIR/20261103T020000Z/   warehouse.duckdb, manifest.json

A publication replaces the file by a rename, so a reader that has it open reads one run to its end. A backup
and a run never wait for each other. The folder gets its name when everything in it is verified and on disk.
"""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path

import duckdb

from pipelines.common.database import open_database
from pipelines.common.errors import WarehouseError
from pipelines.common.files import sha256_of
from pipelines.common.filesystem import sync
from pipelines.config.settings import warehouse_path
from pipelines.output.dated import MANIFEST, exclusive_scratch, place_of, write_manifest
from pipelines.warehouse.inspection import readable
from pipelines.warehouse.paths import recovery_hint
from pipelines.warehouse.published import refuse_lakehouse
from pipelines.warehouse.reader import open_warehouse
from pipelines.warehouse.runs import read_last_run

FILE = "warehouse.duckdb"


@dataclass(frozen=True)
class BackedUpRun:
    """The last run in a backup: when it started, as text, and the versions that wrote it."""

    started_at: str
    outcome: str
    rollcall_version: str
    duckdb_version: str


@dataclass(frozen=True)
class Backup:
    """A backup: its folder, its file there, and whether it was there before."""

    folder: Path
    file: str
    bytes: int
    sha256: str
    run: BackedUpRun
    existed: bool


def backup(home: Path, directory: Path) -> Backup:
    """Copy the published warehouse into a new folder of `directory`, which is created if it is missing.

    All of its values are read before the folder appears. The same run is backed up once. Raises
    WarehouseError if there is no warehouse, it cannot be read, or another program has written to it.
    """
    os.umask(0o077)
    refuse_lakehouse(home, "backup", "run: rollcall migrate --to FILE; or copy the data after a pg_dump")
    warehouse = warehouse_path(home)
    with open_warehouse(warehouse):
        pass  # raises the usual error if it cannot be opened
    with (
        exclusive_scratch(directory) as scratch,
        tempfile.TemporaryDirectory(prefix=".rollcall-", dir=scratch) as private,
    ):
        draft = Path(private) / "backup"
        draft.mkdir()
        copy = draft / FILE
        shutil.copyfile(warehouse, copy)
        sync(copy)
        with (
            open_database() as db,
            readable(db, copy, warehouse, recovery_hint(warehouse)),
        ):
            name, run = _last_run(db, warehouse)
        size, sha256 = copy.stat().st_size, sha256_of(copy)
        write_manifest(draft, {"file": FILE, "bytes": size, "sha256": sha256, "run": asdict(run)})
        place = place_of(directory, name, draft)
        existed = place.exists()
        if not existed:
            draft.rename(place)
            sync(directory)
    return Backup(place.absolute(), FILE, size, sha256, run, existed)


def backed_up_in(folder: Path) -> Path:
    """The warehouse in the folder of a backup. Raises WarehouseError if its checksum is wrong."""
    file = folder / FILE
    try:
        expected = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        found = sha256_of(file)
    except (OSError, ValueError, LookupError, TypeError):
        raise WarehouseError(
            f"{folder} is not a backup", f"name a folder with {FILE} and {MANIFEST}, or a file"
        ) from None
    if found != expected:
        raise WarehouseError(f"{file} does not match its manifest", "take another backup")
    return file


def _last_run(db: duckdb.DuckDBPyConnection, warehouse: Path) -> tuple[str, BackedUpRun]:
    """The name of its folder, and the run."""
    run = read_last_run(db, "published.raw.runs")
    if run is None:
        raise WarehouseError(f"there is no run in {warehouse} yet", "run `rollcall sync`")
    started_at = f"{run.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return run.name, BackedUpRun(started_at, run.outcome, run.rollcall_version, run.duckdb_version)
