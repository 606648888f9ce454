"""What Rollcall needs from the file system of a warehouse, and what it does if a call is missing.

Network shares, FAT, bind mounts and FUSE lack calls that a local disk supports. `probe` tries every call that
a run needs when the run starts, and in `rollcall doctor`. If a missing call has a fallback, `probe` returns a
line about it; otherwise it raises an error that says what to do.
"""

import contextlib
import errno
import fcntl
import os
import pwd
import shlex
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.common.errors import SyncError, WarehouseError

# The disk is full, fails or is read-only: no fallback helps.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
FULL = (errno.ENOSPC, errno.EDQUOT)
# Errors of a file system that lacks a call, or does not allow it.
LACKING = (
    errno.EPERM,
    errno.EACCES,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOLCK,
    errno.EXDEV,
    errno.EBUSY,
)
# A run copies the warehouse, writes what it receives twice, and keeps the previous file.
SPACE_PER_WAREHOUSE = 4
LEAST_SPACE_BYTES = 256 << 20


def elsewhere(table: str = "warehouse") -> str:
    """Return the remedy for a file system that cannot be used."""
    return (
        f'keep it on another disk: path = "…" under [{table}] in .dlt/config.toml, or {table.upper()}__PATH'
    )


def sync(path: Path) -> bool:
    """Write a file, or the entries of a directory, to disk. False if the file system cannot."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in LACKING:
            raise
        return False
    finally:
        os.close(descriptor)
    return True


def set_mode(path: Path, mode: int) -> bool:
    """Set the permissions of a file. False if the file system cannot."""
    try:
        path.chmod(mode)
    except OSError as error:
        if error.errno not in LACKING:
            raise
        return False
    return stat.S_IMODE(path.stat().st_mode) == mode


@dataclass(frozen=True)
class Access:
    """Who may read a file: its mode, and the group that owns it, if that is not the user's own."""

    mode: int = 0o600
    group: int | None = None

    def grant(self, path: Path, like: Path | None = None) -> bool:
        """Set mode and group of a file. False if the file system cannot.

        If root publishes it, the owner is that of `like`: a schedule runs as another user, who could not
        read a file of root's.
        """
        if like is not None and os.geteuid() == 0:
            with contextlib.suppress(OSError):
                owner = like.stat()
                os.chown(path, owner.st_uid, owner.st_gid)
        if self.group is not None:
            try:
                os.chown(path, -1, self.group)
            except OSError as error:
                if error.errno not in LACKING:
                    raise
        return set_mode(path, self.mode)


PRIVATE = Access()


def link(source: Path, target: Path) -> bool:
    """Give a file a second name. False if the file system lacks hard links."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise
        return False
    return True


def link_or_copy(source: Path, target: Path) -> bool:
    """Give a file a second name. False if the file system lacks hard links: then it is a copy."""
    if link(source, target):
        return True
    shutil.copyfile(source, target)
    set_mode(target, 0o600)
    sync(target)
    return False


@contextlib.contextmanager
def locked_file(path: Path, *, table: str = "warehouse", wait: bool = False) -> Iterator[None]:
    """Hold the lock on a file, which is created if it is missing. Its content is unchanged.

    The kernel releases the lock when its holder ends, however it ends. Raises BlockingIOError if another
    process holds it, unless `wait` is set; WarehouseError if locking fails. `table` is the table of the
    configuration that sets the path of the file.
    """
    descriptor = _open_lock(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            if isinstance(error, BlockingIOError) or error.errno not in LACKING:
                raise
            raise _no_locks(path.parent, error, table) from None
        yield
    finally:
        os.close(descriptor)


def refuse_link(path: Path) -> None:
    """Raise WarehouseError if `path` is a symbolic link."""
    if path.is_symlink():
        raise WarehouseError(f"{path} is a symbolic link, which is not followed", "remove it, then try again")


def _open_lock(path: Path) -> int:
    refuse_link(path)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except PermissionError:
        if not path.exists():
            raise
    quoted, owner = shlex.quote(str(path)), path.stat().st_uid
    if owner == os.geteuid():
        raise WarehouseError(f"{path} is not writable", f"run: chmod 600 {quoted}")
    raise WarehouseError(
        f"{path} belongs to another user",
        f"run this as {user_name(owner)}, or, while no run is in progress, run: sudo rm {quoted}",
    )


def user_name(user: int) -> str:
    """The name of a user, or the number of one without a name."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def refused_to_read(path: Path) -> WarehouseError:
    """The error for a file that this user may not read: it is not damaged, so nothing is to be restored."""
    here = user_name(os.geteuid())
    try:
        owner = user_name(path.stat().st_uid)
    except OSError:  # of a directory above it
        return WarehouseError(
            f"{path} may not be read by {here}", "ask its owner for access to its directory"
        )
    return WarehouseError(
        f"{path} belongs to {owner}, and may not be read by {here}",
        f"run this as {owner}, or give it to {here}: sudo chown {here} {shlex.quote(str(path))}",
    )


def _no_locks(folder: Path, error: OSError, table: str) -> WarehouseError:
    return WarehouseError(
        f"the file system of {folder} does not support locks ({error.strerror})", elsewhere(table)
    )


def probe(warehouse: Path, scratch: Path) -> tuple[str, ...]:
    """Try in `scratch` what a run does with files. Returns a line for each missing call that has a fallback.

    Raises WarehouseError if a call without a fallback is missing, or the warehouse cannot be replaced.
    """
    trial, second = scratch / "trial", scratch / "trial.linked"
    with trial.open("wb", buffering=0) as file:
        file.write(b"trial")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as DuckDB does
        except OSError as error:
            raise _no_locks(warehouse.parent, error, "warehouse") from None
    here = f"the file system of {warehouse.parent}"
    missing = []
    if not set_mode(trial, 0o600):
        missing.append(
            f"{here} does not support permissions (chmod): make sure that nobody else can read the warehouse"
        )
    if not (sync(trial) and sync(warehouse.parent)):
        missing.append(f"{here} does not support fsync: a power failure may lose the last run")
    if not link_or_copy(trial, second):
        missing.append(
            f"{here} does not support hard links: every run copies the previous file instead, "
            "which takes longer"
        )
    trial.replace(second)
    second.unlink()
    if warehouse.exists():
        _refuse_mounted(warehouse, second)
    return tuple(missing)


def _refuse_mounted(warehouse: Path, trial: Path) -> None:
    """Refuse a file that is a mount point: a rename cannot replace it. A hard link to it shows this."""
    try:
        os.link(warehouse, trial)
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise
        if error.errno == errno.EXDEV:
            raise WarehouseError(
                f"{warehouse} is a mount point, so a run cannot replace it",
                f"mount the directory {warehouse.parent} instead of the file",
            ) from None
    else:
        trial.unlink()


def space_needed(warehouse: Path) -> int:
    """The number of bytes that a run may need on the disk of the warehouse."""
    size = warehouse.stat().st_size if warehouse.exists() else 0
    return SPACE_PER_WAREHOUSE * size + LEAST_SPACE_BYTES


def free_bytes(path: Path) -> int:
    """The number of free bytes on the file system of a path, which need not exist."""
    return shutil.disk_usage(_existing(path)).free


def space_left(path: Path) -> str:
    """The free space on the file system of a path and its mount point, for a message."""
    place = _existing(path)
    mount = next(folder for folder in (place, *place.parents) if os.path.ismount(folder))
    return f"{free_bytes(path) >> 20:,} MB are free on {mount}"


def _existing(path: Path) -> Path:
    """The path itself, or its nearest parent that exists."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if place.exists()).resolve()


def disk_failure(warehouse: Path, number: int) -> SyncError:
    """Return the error for `number`, one of `DISK_ERRORS`, during a run."""
    reason = f"cannot write to the disk of {warehouse.parent} ({os.strerror(number)})"
    remedy = "repair the disk, then run it again; the published warehouse is intact"
    if number in FULL:
        reason += f": {space_left(warehouse)}, a run may need {space_needed(warehouse) >> 20:,} MB"
        remedy = "free some space, then run it again; the published warehouse is intact"
    return SyncError(reason, remedy)
