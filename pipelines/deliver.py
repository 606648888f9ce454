"""Putting a finished file where it was asked for: whole or not at all, and for its owner only."""

import errno
import os
import shutil
from pathlib import Path


def private_folder(folder: Path) -> None:
    """Make `folder`, with those above it, for its owner only; one that exists keeps its rights."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def deliver(finished: Path, target: Path) -> None:
    """Rename `finished` to `target`, on the same file system, once it is on disk.

    What stands at `target` and is no plain file (a pipe, `/dev/stdout`) is written into.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        with finished.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        return
    finished.chmod(0o600)
    sync(finished)
    finished.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Have the kernel write a file, or a directory's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
