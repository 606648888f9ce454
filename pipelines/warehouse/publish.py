"""Publication: a finished draft replaces the published file by a rename, and the previous file is kept."""

import filecmp
import shutil
from pathlib import Path

from pipelines.common.database import open_database
from pipelines.common.errors import UsageError, WarehouseError
from pipelines.common.filesystem import PRIVATE, Access, link_or_copy, sync
from pipelines.warehouse.draft import draft_path
from pipelines.warehouse.fingerprint import note_published
from pipelines.warehouse.inspection import readable
from pipelines.warehouse.paths import previous_path, wal_path


def publish(
    draft: Path, warehouse: Path, access: Access = PRIVATE, *, forgetting: bool = False
) -> tuple[str, ...]:
    """Publish `draft` and keep the previous file. Readers see the old file or the new one.

    `draft` must be closed, and be on the same file system. With `forgetting`, it first replaces the
    previous file too, so that nothing of the old files remains. `access` says who may read it.
    Returns a line for each failure after publication.
    """
    _verify(draft)
    owner = _owner(warehouse)
    access.grant(draft, owner)
    sync(draft)
    if warehouse.exists():
        spare = draft.with_name("previous")
        if forgetting:
            shutil.copyfile(draft, spare)
            access.grant(spare, owner)
            sync(spare)
            wal_path(previous_path(warehouse)).unlink(missing_ok=True)
        else:
            link_or_copy(warehouse, spare)
        spare.replace(previous_path(warehouse))
    # A write-ahead log of the previous file would make the new one unreadable.
    wal_path(warehouse).unlink(missing_ok=True)
    draft.replace(warehouse)
    note_published(warehouse)
    return _sync_published(warehouse)


def put_back(
    source: Path, warehouse: Path, scratch: Path, aside: Path, access: Access = PRIVATE
) -> tuple[str, ...]:
    """Publish a copy of `source`; the file that it replaces is kept as `aside`.

    `scratch` and `aside` are on the same file system. Returns a line for each failure after publication.
    Raises WarehouseError if `source` cannot be read, UsageError if it is already published.
    """
    copy = draft_path(warehouse, scratch)
    shutil.copyfile(source, copy)
    with (
        open_database() as db,
        readable(db, copy, source, f"put a copy of your own at {warehouse}"),
    ):
        access.grant(copy, _owner(warehouse))
    sync(copy)
    if warehouse.exists():
        if not wal_path(warehouse).exists() and filecmp.cmp(copy, warehouse, shallow=False):
            raise UsageError(f"{warehouse} is already the same as {source}", "there is nothing to restore")
        spare = scratch / "aside"
        link_or_copy(warehouse, spare)
        spare.replace(aside)
    if wal_path(warehouse).exists():
        wal_path(warehouse).replace(wal_path(aside))
    copy.replace(warehouse)
    return _sync_published(warehouse)


def _owner(warehouse: Path) -> Path:
    """The file or the directory whose owner a new file at `warehouse` should have."""
    return warehouse if warehouse.exists() else warehouse.parent


def _sync_published(warehouse: Path) -> tuple[str, ...]:
    """Sync the directory. Readers already have the new file, so a failure here is only reported."""
    try:
        sync(warehouse.parent)
    except OSError as error:
        return (
            f"{warehouse} is published, but a power failure may lose it: its directory could not be "
            f"written to disk ({error.strerror})",
        )
    return ()


def _verify(draft: Path) -> None:
    if wal_path(draft).exists():
        raise WarehouseError(f"{draft.name} was not written completely", "run it again")
    with open_database(draft, read_only=True) as db:
        db.execute("select count(*) from raw.records").fetchone()
        db.execute("select count(*) from projects").fetchone()
