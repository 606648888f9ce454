"""The lock of a warehouse: one run at a time, with a scratch directory of its own."""

import contextlib
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines.common.errors import ConfigurationError, RunInProgress, SyncError, WarehouseError
from pipelines.common.files import STATE_FOLDER
from pipelines.common.filesystem import (
    DISK_ERRORS,
    LACKING,
    disk_failure,
    elsewhere,
    locked_file,
    refuse_link,
)

# dlt uses paths as format strings. DuckDB reads the part after a ? as options, and DuckDB 2 reads a \ as a /.
UNFIT = ("%", "?") if duckdb.__version__.startswith("1.") else ("%", "?", "\\")


@contextlib.contextmanager
def locked(warehouse: Path) -> Iterator[Path]:
    """Hold the warehouse's lock, with a new private scratch directory.

    The kernel releases the lock when its holder dies, so all scratch directories that exist then belong to
    dead runs. Raises RunInProgress if the lock is held, WarehouseError if the directory is not writable, and
    SyncError if the block fails because of the disk or the file system.
    """
    folder = warehouse.parent / STATE_FOLDER
    with contextlib.ExitStack() as held:
        held.enter_context(system_errors_as_sync_errors(warehouse))
        _refuse_unfit(warehouse)
        _refuse_read_only(warehouse.parent)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_link(folder)
        _refuse_read_only(folder)
        try:
            held.enter_context(locked_file(folder / f"{warehouse.name}.lock"))
        except BlockingIOError:
            raise RunInProgress(
                f"another run is in progress for {warehouse}", "wait for it to end, then try again"
            ) from None
        prefix = f"{warehouse.name}-run-"
        for dead in folder.glob(f"{glob.escape(prefix)}*"):
            clear(dead)
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
        held.callback(clear, scratch)
        yield scratch


def clear(scratch: Path) -> None:
    """Remove a scratch directory as far as possible; the next run tries again."""
    with contextlib.suppress(OSError):
        shutil.rmtree(scratch, ignore_errors=True)


def _refuse_unfit(warehouse: Path) -> None:
    if unfit := [character for character in UNFIT if character in str(warehouse)]:
        raise ConfigurationError(
            f"the path of {warehouse} contains {' and '.join(unfit)}, which dlt or DuckDB misreads",
            f"give it another name, or {elsewhere()}",
        )


def _refuse_read_only(directory: Path) -> None:
    """Fail now if the directory is not writable, not when the run publishes."""
    if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
        raise WarehouseError(
            f"{directory} is not writable", "run this as its owner, on a disk that is not read-only"
        )


@contextlib.contextmanager
def system_errors_as_sync_errors(warehouse: Path) -> Iterator[None]:
    """Turn errors of the disk, of a missing call or of too little memory into a SyncError."""
    try:
        yield
    except SyncError:
        raise
    except duckdb.OutOfMemoryException as error:
        raise SyncError(
            "DuckDB needs more memory than is available",
            "add memory, or drop long fields with drop_fields; the published warehouse is intact",
        ) from error
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            for number in DISK_ERRORS:
                if os.strerror(number) in str(cause):
                    raise disk_failure(warehouse, number) from error
            if isinstance(cause, OSError) and cause.errno in LACKING and cause.errno != errno.EACCES:
                raise WarehouseError(
                    f"the file system of {warehouse.parent} lacks a call that a run needs ({cause.strerror})",
                    elsewhere(),
                ) from error
            cause = cause.__cause__ or cause.__context__
        raise
