"""Where a worker does a unit: a draft and a scratch directory of its own, and the lakehouse to read from."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines.common.errors import SyncError, WorkerFailed
from pipelines.compute.job import Job
from pipelines.warehouse.catalog import LAKE, attach, open_storage
from pipelines.warehouse.draft import Draft
from pipelines.warehouse.lake_lock import scratch_directory


@contextlib.contextmanager
def unit_draft(job: Job) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path, Path]]:
    """A draft with empty facts, a folder with the files of the home, and a scratch directory."""
    from pipelines.config.dlt_runtime import use_home

    os.umask(0o077)
    with scratch_directory(_machine_folder()) as scratch:
        home = scratch / "home"
        home.mkdir()
        job.files.write(home)
        use_home(home)
        with Draft(scratch / "unit.duckdb", job.memory_mb) as draft:
            draft.db.execute("set threads = 1")  # the engine starts one unit for each processor
            draft.attach()
            open_storage(draft.db, job.exchange.lake)
            try:
                yield draft.db, home, scratch
            except SyncError as error:
                raise job.files.at_home(error, home) from None


@contextlib.contextmanager
def attached_lake(db: duckdb.DuckDBPyConnection, job: Job) -> Iterator[bool]:
    """Attach the lakehouse at the snapshot of the run. False if nothing was ever published."""
    if job.snapshot is None:
        yield False
        return
    attach(db, job.exchange.lake, read_only=True, snapshot=job.snapshot)
    try:
        yield True
    finally:
        db.execute(f"detach {LAKE}")


def _machine_folder() -> Path:
    """The folder of this machine for the scratch directories of units; it belongs to this user alone."""
    folder = Path(tempfile.gettempdir()) / f"rollcall-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise WorkerFailed(f"{folder} on a worker is not a private directory of its user", "remove it")
    return folder
