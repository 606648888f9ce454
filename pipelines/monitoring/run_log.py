"""The log of a run: a private file with a line per event, each with its time in UTC.

It helps the operator when a run fails. If it cannot be written, the run says so and continues without it.
"""

import contextlib
import re
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pipelines.common.errors import SyncError
from pipelines.common.files import private_folder
from pipelines.common.filesystem import set_mode
from pipelines.common.text import printable
from pipelines.common.version import rollcall_version
from pipelines.config.settings import logs_path
from pipelines.extract.connections import secrets_of

KEPT = 60
NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z\.log")

Say = Callable[[str], None]


class RunLog:
    """Writes lines as long as the file is writable; calls `warn` once when it is not."""

    def __init__(self, path: Path | None, file: BinaryIO | None, warn: Say) -> None:
        self.path = path
        self._file = file
        self._warn = warn

    def line(self, text: str) -> None:
        """Add one line."""
        if self._file is None:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            self._file.write(f"{now} {printable(text)}\n".encode())
        except OSError as error:
            self._file = None
            self._warn(f"cannot write the log {self.path} ({error.strerror}); the run continues")


@contextlib.contextmanager
def run_log(home: Path, warn: Say) -> Iterator[RunLog]:
    """Open a new log in the home's directory of logs; an error that ends the block is its last line.

    The newest `KEPT` logs are kept.
    """
    with contextlib.ExitStack() as stack:
        path, file = None, None
        try:
            path = _new_path(logs_path(home))
            # Unbuffered: otherwise closing the file would retry a write that failed on a full disk.
            file = stack.enter_context(path.open("xb", buffering=0))
            set_mode(path, 0o600)
            _prune(path.parent)
        except (OSError, SyncError) as error:
            warn(f"cannot keep a log ({error}); the run continues")
        log = RunLog(path, file, warn)
        log.line(f"rollcall {rollcall_version()}, home {home}")
        try:
            yield log
        except SyncError as error:
            log.line(f"failed: {error}")
            raise
        except Exception as error:
            secrets = secrets_of(home)
            for line in "".join(traceback.format_exception(error)).splitlines():
                log.line(secrets.redact(line))
            raise


def _new_path(folder: Path) -> Path:
    private_folder(folder)
    return folder / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ.log")


def _prune(folder: Path) -> None:
    logs = sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))
    for old in logs[:-KEPT]:
        old.unlink(missing_ok=True)
