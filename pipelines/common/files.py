"""Putting a finished file in place: complete or not at all, and readable by its owner only."""

import contextlib
import errno
import hashlib
import os
import tempfile
from pathlib import Path

from pipelines.common.errors import ConfigurationError
from pipelines.common.filesystem import set_mode, sync

STATE_FOLDER = ".rollcall"
"""The folder in a home, and next to a warehouse or exports, for locks, marks and scratch files."""


def private_folder(folder: Path) -> None:
    """Create `folder` and its parents for the owner only; existing ones keep their permissions."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        with contextlib.suppress(FileExistsError):  # another process has created it
            missing.mkdir()
            set_mode(missing, 0o700)  # a umask may leave less to the owner
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def refuse_dangling(path: Path) -> None:
    """Raise ConfigurationError if `path`, which cannot be opened, is a link: what it leads to was meant."""
    if path.is_symlink():
        raise ConfigurationError(
            f"{path} is a link to {path.readlink()}, which does not exist", "correct the link, or remove it"
        )


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
