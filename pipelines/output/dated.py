"""Folders named after a run, such as 20261103T020000Z.

Each appears as a whole and never changes after that. Different content for the same run goes into another
folder, 20261103T020000Z-02.
"""

import contextlib
import filecmp
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.common.files import STATE_FOLDER, private_folder, write_atomically
from pipelines.common.filesystem import locked_file

MANIFEST = "manifest.json"
_DATED = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d{2,}))?")


@contextlib.contextmanager
def exclusive_scratch(folder: Path) -> Iterator[Path]:
    """A private directory in `folder` for one process at a time; waits until no other process uses it.

    The kernel releases the lock when a process ends, so what is found there is left over from one that died.
    """
    scratch = folder / STATE_FOLDER
    private_folder(scratch)
    with locked_file(scratch / "folders.lock", table="exports", wait=True):
        for dead in scratch.glob(".rollcall-*"):
            shutil.rmtree(dead, ignore_errors=True)
        yield scratch


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write `manifest` as JSON to the file `MANIFEST` of a folder."""
    write_atomically(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")


def place_of(folder: Path, run: str, draft: Path) -> Path:
    """Where `draft` belongs in `folder`: the folder of this run that has the same files, or a new name."""
    taken = [path for path in dated(folder) if path.name.startswith(run)]
    for path in taken:
        if _same(path, draft):
            return path
    return folder / (f"{run}-{_age(taken[-1])[1] + 1:02}" if taken else run)


def dated(folder: Path) -> list[Path]:
    """The folders with a dated name in `folder`, the oldest first."""
    return sorted((path for path in folder.iterdir() if _DATED.fullmatch(path.name)), key=_age)


def _age(dated: Path) -> tuple[str, int]:
    run, _, number = dated.name.partition("-")
    return run, int(number or 1)


def _same(folder: Path, draft: Path) -> bool:
    names = {path.name for path in draft.iterdir()}
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != names:
        return False
    return all(filecmp.cmp(folder / name, draft / name, shallow=False) for name in names)
