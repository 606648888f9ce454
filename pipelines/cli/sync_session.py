"""A run with progress, a log, notices and metrics."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console

from pipelines.cli.failures import StandardError, note
from pipelines.cli.progress import shown_progress
from pipelines.cli.run_view import attention, next_steps, not_asked, run_facts
from pipelines.commands.sync import Observer, Options, Run, sync
from pipelines.common.errors import ConfigurationError, SyncError
from pipelines.common.exit_codes import ExitCode
from pipelines.config.files import check_files
from pipelines.config.unknown import refuse_unknown
from pipelines.monitoring.channels import Notice
from pipelines.monitoring.held_back import held_back_as_before
from pipelines.monitoring.notifications import NOT_STARTED, Notices, subject
from pipelines.monitoring.run_log import run_log


def monitored_sync(
    home: Path,
    options: Options,
    *,
    afterwards: Callable[[Callable[[Exception], None]], tuple[str, ...]],
    quiet: bool,
) -> Run:
    """Call `sync`, with progress on standard error, a log, and the configured notices and metrics.

    `afterwards` runs once the run is published, with a function that logs the traceback of a bug, and returns
    a line for each failure. A dry run sends no notice. Raises what `sync` raises.
    """
    check_files(home)  # the log, the notices, the metrics and the run need them: one error is enough
    refuse_unknown(home)
    console = Console(file=cast("TextIO", StandardError()), quiet=quiet, highlight=False)
    with run_log(home, _warn) as log:

        def warn(line: str) -> None:
            _warn(line)
            log.line(f"warning: {line}", "warning")

        def attempt(begun: Callable[[], None]) -> Run:
            _check_destinations(home)
            with shown_progress(console, log.line) as progress:
                run = sync(home, options, observer=Observer(begun, progress))
            if not options.dry_run:
                run = replace(
                    run, unfinished=run.unfinished + afterwards(lambda error: log.trace(error, home))
                )
            for line, is_wrong in run_facts(run):
                log.line(line, "warning" if is_wrong else "info")
            return run

        for mistake in _mistakes(home, dry_run=options.dry_run):
            warn(f"{mistake}; the run continues")
        if options.dry_run:
            return attempt(lambda: None)
        notices = Notices(home, warn)
        try:
            run = attempt(notices.begin)
        except Exception as error:
            notices.fail(error)
            if not isinstance(error, NOT_STARTED):
                code = error.exit_code if isinstance(error, SyncError) else ExitCode.INTERNAL
                _write_metrics(home, code, warn)
            raise
        notices.end(_notice(home, run))
        _write_metrics(home, run.exit_code, warn)
        return run


def _check_destinations(home: Path) -> None:
    """Refuse a wrong `[publish.NAME]` before any provider is asked: the run could not do all it should."""
    from pipelines.config.settings import published_after_sync

    if published_after_sync(home):
        from pipelines.commands.publish import check_after_sync

        check_after_sync(home)


def _mistakes(home: Path, *, dry_run: bool) -> Iterator[ConfigurationError]:
    """The mistakes in settings that a run itself does not read.

    Those of the metrics are included only in a dry run: other runs report them when they write the metrics.
    """
    from pipelines.config.settings import find_mistakes, textfile_path

    yield from find_mistakes(home)
    if not dry_run:
        return
    try:
        textfile_path(home)
    except ConfigurationError as mistake:
        yield mistake


def _write_metrics(home: Path, exit_code: int, warn: Callable[[str], None]) -> None:
    from pipelines.config.settings import textfile_path

    with contextlib.suppress(SyncError):  # `update_textfile` names what is wrong
        if textfile_path(home) is None:
            return
    from pipelines.monitoring.metrics import Attempt, update_textfile

    update_textfile(home, Attempt(time.time(), exit_code), warn)


def _warn(line: str) -> None:
    note(f"rollcall: {line}")


def _held_back_as_before(home: Path, run: Run) -> frozenset[str]:
    """The connections that raise no new alarm: all that is wrong is a removal held back as before."""
    if not any(one.outcome == "held_back" for one in run.listings):
        return frozenset()
    others = {one.connection for one in run.listings if one.outcome in {"failed", "unverified"}}
    return held_back_as_before(home) - others


def _notice(home: Path, run: Run) -> Notice:
    others = tuple(not_asked(run))
    wrong = {one.connection for one in run.listings if one.outcome != "verified"}
    known = _held_back_as_before(home, run) & wrong
    doubtful = bool(others) or bool(wrong - known)
    what = "the run was published"
    if wrong - known:
        what += ", not all of it verified"
    elif known:
        what += f", removals are still held back: {', '.join(sorted(known))}"
    elif others:
        what += ", other connections are not verified"
    lines = (*attention(run), *others, *next_steps(run), f"Home: {home}")
    return Notice(subject(home, what), lines, "failure" if doubtful else "success")
