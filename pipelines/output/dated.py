"""Folders named after a run, such as 20261103T020000Z.

Each appears as a whole, and never changes after that. What differs for the same run goes into another
one, 20261103T020000Z-02.
"""

import contextlib
import filecmp
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipelines.common.files import private_folder
from pipelines.common.filesystem import locked_file

_DATED = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d{2,}))?")


@contextlib.contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A private directory in `folder`, once no other process holds its lock.

    The kernel releases the lock when a process ends, so what is found there is left over from one that died.
    """
    scratch = folder / ".rollcall"
    private_folder(scratch)
    with locked_file(scratch / "folders.lock", table="exports", wait=True):
        for dead in scratch.glob(".rollcall-*"):
            shutil.rmtree(dead, ignore_errors=True)
        yield scratch


def place_of(folder: Path, run: str, draft: Path) -> Path:
    """The place of `draft`: the folder of this run with the same files, or a new one."""
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
