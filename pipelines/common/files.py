"""Putting a finished file in place: complete or not at all, and readable by its owner only."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.filesystem import set_mode, sync

STATE_FOLDER = ".rollcall"
"""The folder in a home, and next to a warehouse or exports, for locks, marks and scratch files."""


def private_folder(folder: Path) -> None:
    """Create `folder` and its parents for the owner only; existing ones keep their permissions."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def refuse_dangling(path: Path) -> None:
    """Raise ConfigurationError if `path`, which cannot be opened, is a link: what it leads to was meant."""
    if path.is_symlink():
        raise ConfigurationError(
            f"{path} is a link to {path.readlink()}, which does not exist", "correct the link, or remove it"
        )


def deliver(finished: Path, target: Path) -> None:
    """Rename `finished` to the file that a user has named, on the same file system, once it is on disk.

    A device or a pipe, such as `/dev/stdout`, is written into. Raises UsageError if `target` is a symbolic
    link, or a file that Rollcall depends on.
    """
    if is_device(target):
        with finished.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        return
    if target.is_symlink():
        raise UsageError(f"{target} is a symbolic link, which is not followed", "name the file itself")
    if reason := _why_kept(target):
        raise UsageError(f"{target} {reason} and is not overwritten", "name another file")
    replace_atomically(finished, target)


def _why_kept(target: Path) -> str | None:
    """Why a file must not be overwritten; None if it may be. Other hard links to it are unaffected."""
    if target.suffix.casefold() in {".duckdb", ".wal"}:
        return "has the name of a database"
    if not target.exists():
        return None
    folder = target.parent.resolve()
    if any(
        one.name.casefold() == STATE_FOLDER and (any(one.glob("*.lock")) or (one / "published").exists())
        for one in (folder, *folder.parents)
    ):
        return "is one of Rollcall's own files"
    if folder.name.casefold() == ".dlt" and target.suffix.casefold() == ".toml":
        return "is a settings file"
    with contextlib.suppress(OSError), target.open("rb") as file:
        if file.read(12)[8:] == b"DUCK":
            return "is a DuckDB database"
    return None


def write_atomically(target: Path, text: str, *, mode: int = 0o600) -> None:
    """Write `text` to the file `target`, which appears complete or not at all. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    draft = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(text)
        replace_atomically(draft, target, mode=mode)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def replace_atomically(finished: Path, target: Path, *, mode: int = 0o600) -> None:
    """Rename `finished` to `target`, on the same file system, once it is on disk."""
    set_mode(finished, mode)
    sync(finished)
    finished.replace(target)
    sync(target.parent)


def is_device(target: Path) -> bool:
    """Whether a path is to be written into, not replaced: a device, or an open file of a process."""
    if target.is_symlink():
        return target.is_relative_to("/dev") or target.is_relative_to("/proc")
    return target.exists() and not target.is_file()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
