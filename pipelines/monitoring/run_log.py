"""The log of a run: a private file with a line per event, each with its time in UTC.

It helps the operator when a run fails. If it cannot be written, the run says so and continues without it.
With `[logs] format = "json"`, a line is an object with the time, the level, the run and the message. With
`[logs] path = "-"`, lines go to standard output, where the collector of a container reads them.
"""

import contextlib
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, cast

from pipelines.common.errors import SyncError
from pipelines.common.files import private_folder
from pipelines.common.filesystem import set_mode
from pipelines.common.text import printable
from pipelines.common.version import rollcall_version
from pipelines.config.settings import logs_format, logs_kept, logs_path
from pipelines.extract.connections import secrets_of

NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z\.log")
CRON_LOG = "cron.log"
LARGEST_CRON_LOG = 1 << 20  # bytes

Say = Callable[[str], None]
Level = Literal["info", "warning", "error"]


@dataclass
class RunLog:
    """Writes lines to a file. When that fails, it calls `warn` once and writes no more."""

    run: str
    warn: Say
    is_json: bool = False
    path: Path | None = None
    file: BinaryIO | None = field(default=None, repr=False)

    def line(self, text: str, level: Level = "info") -> None:
        """Add one line."""
        if self.file is None:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = f"{now} {printable(text)}"
        if self.is_json:
            facts = {"time": now, "level": level, "run": self.run, "message": printable(text)}
            line = json.dumps(facts, ensure_ascii=False)
        try:
            self.file.write(f"{line}\n".encode())
            self.file.flush()
        except (OSError, ValueError) as error:
            self.file = None
            reason = error.strerror if isinstance(error, OSError) else "it is closed"
            self.warn(
                f"cannot write the log {self.path or 'to standard output'} ({reason}); the run continues"
            )

    def trace(self, error: Exception, home: Path) -> None:
        """Add the traceback of an error, without the secrets of `home`."""
        secrets = secrets_of(home)
        for line in "".join(traceback.format_exception(error)).splitlines():
            self.line(secrets.redact(line), "error")


@contextlib.contextmanager
def run_log(home: Path, warn: Say) -> Iterator[RunLog]:
    """Open a new log in the home's directory of logs; an error that ends the block is its last line.

    Only the newest logs are kept, as many as `[logs] keep` says.
    """
    run = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    with contextlib.ExitStack() as stack:
        log = RunLog(run, warn)
        try:
            log.is_json = logs_format(home) == "json"
            log.path, log.file = _open(logs_path(home), run, logs_kept(home), stack)
        except (OSError, SyncError) as error:
            warn(f"cannot keep a log ({error}); the run continues")
        log.line(f"rollcall {rollcall_version()}, home {home}")
        try:
            yield log
        except SyncError as error:
            log.line(f"failed: {error}", "error")
            raise
        except Exception as error:
            log.trace(error, home)
            raise


def _open(
    folder: Path | None, run: str, kept: int, stack: contextlib.ExitStack
) -> tuple[Path | None, BinaryIO | None]:
    """Open the log of `run` in `folder`, or standard output, and remove old logs."""
    if folder is None:
        return None, cast("BinaryIO", sys.stdout.buffer) if sys.stdout else None
    private_folder(folder)
    path = folder / f"{run}.log"
    # Unbuffered: otherwise closing the file would retry a write that failed on a full disk.
    file = stack.enter_context(path.open("xb", buffering=0))
    set_mode(path, 0o600)
    _prune(folder, kept)
    _rotate(folder / CRON_LOG)
    return path, file


def _prune(folder: Path, kept: int) -> None:
    logs = sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))
    for old in logs[:-kept] if kept else ():
        old.unlink(missing_ok=True)


def _rotate(log: Path) -> None:
    """Begin a new `cron.log` for the next run if it is large; the last one is kept.

    cron has the file open for this run, whose output still goes to the renamed file.
    """
    if log.exists() and log.stat().st_size > LARGEST_CRON_LOG:
        log.replace(log.with_name(f"{log.name}.1"))
