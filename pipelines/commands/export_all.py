"""`rollcall export --all`: the reports of a run in a folder of their own.

    exports/20261103T020000Z/   projects.csv and the other reports, manifest.json
    exports/latest              a link to the folder of the run that was exported last

A folder is written under a temporary name and renamed when it is on disk. It never changes after that: if a
report has changed, a second export of the same run goes to another folder, 20261103T020000Z-02.
"""

import errno
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pipelines.commands.export import Export, Exported, export
from pipelines.common.errors import UsageError, WarehouseError
from pipelines.common.files import replace_atomically, sha256_of
from pipelines.common.filesystem import sync
from pipelines.output.cells import text
from pipelines.output.dated import MANIFEST, dated, exclusive_scratch, place_of, write_manifest
from pipelines.output.writer import Output
from pipelines.warehouse.published import open_published, refuse_missing
from pipelines.warehouse.reader import Warehouse
from pipelines.warehouse.runs import read_last_run

MADE_BY = "rollcall export --all"

# Errors of file systems without symbolic links, such as FAT and some network shares.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class Run(NamedTuple):
    """The last run: the name of its folder, when it started, as text, and its outcome."""

    name: str
    started_at: str
    outcome: str


@dataclass(frozen=True)
class ExportAll:
    """The files, their folder, the link to it, whether the folder existed before, and the removed folders.

    `latest` is a symbolic link; a file with the folder's name in it where the file system has none.
    """

    folder: Path
    latest: Path
    existed: bool
    removed: tuple[Path, ...]
    export: Export


def export_all(
    home: Path,
    reports: Mapping[str, Path],
    folder: Path,
    output: Output,
    *,
    keep: int,
) -> ExportAll:
    """Write the reports into a new folder of `folder`, named after the last run, and point `latest` at it.

    A failure before that leaves `folder` unchanged. Keeps the newest `keep` folders that this function wrote;
    0 keeps all. Raises as `open_published` does, and UsageError if something else is in the way. Waits for an
    export that is in progress.
    """
    refuse_missing(home)
    latest = folder / "latest"
    if latest.exists() and not latest.is_symlink():
        raise UsageError(f"{latest} is in the way of the link to the newest export", "move it away")
    if output.form == "json" and "manifest" in reports:
        raise UsageError("a report named manifest would overwrite the manifest", "rename it")
    with (
        exclusive_scratch(folder) as scratch,
        open_published(home, workspace_in=scratch, time_zone=output.time_zone) as warehouse,
    ):
        run = _last_run(warehouse)
        draft = warehouse.workspace / "run"
        draft.mkdir(mode=0o700)
        exported = export(warehouse, reports, draft, output)
        write_manifest(draft, _manifest(run, exported))
        place = place_of(folder, run.name, draft)
        existed = place.exists()
        if not existed:
            draft.rename(place)
            sync(folder)
        return ExportAll(
            folder=place,
            latest=_point(latest, place, warehouse.workspace),
            existed=existed,
            removed=tuple(_prune(folder, place, keep, warehouse.workspace)),
            export=replace(exported, files=tuple(_moved(file, place) for file in exported.files)),
        )


def _last_run(warehouse: Warehouse) -> Run:
    run = read_last_run(warehouse.db, "runs")
    if run is None:
        raise WarehouseError(f"there is no run in {warehouse.name} yet", "run `rollcall sync`")
    shown = text("cast($1 as timestamptz)", "TIMESTAMP WITH TIME ZONE")
    ((started_at,),) = warehouse.db.execute(f"select {shown}", [run.started_at]).fetchall()
    return Run(run.name, started_at, run.outcome)


def _manifest(run: Run, exported: Export) -> dict[str, object]:
    return {
        "made_by": MADE_BY,
        "run": {"started_at": run.started_at, "outcome": run.outcome},
        "reports": [_described(file) for file in exported.files],
        "failed": [failed._asdict() for failed in exported.failed],
        "connections": [state._asdict() for state in exported.connections],
    }


def _described(exported: Exported) -> dict[str, object]:
    return {
        "report": exported.report,
        "file": exported.file.name,
        "rows": exported.rows,
        "bytes": exported.file.stat().st_size,
        "sha256": sha256_of(exported.file),
        "neutralised": exported.neutralised,
        "cut": exported.cut.cells,
    }


def _moved(exported: Exported, folder: Path) -> Exported:
    return exported._replace(file=folder / exported.file.name)


def _point(latest: Path, place: Path, workspace: Path) -> Path:
    """Point `latest` at `place`, atomically."""
    link = workspace / latest.name
    try:
        link.symlink_to(place.name)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        link.write_text(f"{place.name}\n", encoding="utf-8")
        latest = latest.with_suffix(".txt")
        replace_atomically(link, latest)
        return latest
    link.replace(latest)
    sync(latest.parent)
    return latest


def _prune(folder: Path, newest: Path, keep: int, workspace: Path) -> Iterator[Path]:
    """Remove the oldest folders beyond `keep`, but never `newest`."""
    made = [path for path in dated(folder) if _is_made_here(path)]
    for old in made[:-keep] if keep else []:
        if old != newest:
            # It disappears at once; its files are removed with the workspace.
            old.rename(workspace / old.name)
            yield old


def _is_made_here(folder: Path) -> bool:
    """Whether `export_all` wrote everything in a folder, so that removing it loses no other file."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {MANIFEST, *(report["file"] for report in manifest["reports"])}
        return manifest["made_by"] == MADE_BY and {path.name for path in folder.iterdir()} == files
    except (OSError, ValueError, LookupError, TypeError):
        return False
