"""A run with progress, a log and notices."""

from collections.abc import Callable
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console

from pipelines.cli.failures import StandardError, note
from pipelines.cli.progress import shown_progress
from pipelines.cli.run_view import attention, next_steps, not_asked, run_facts
from pipelines.commands.sync import Observer, Options, Run, sync
from pipelines.monitoring.notifications import Notice, Notices, subject
from pipelines.monitoring.run_log import run_log


def watched_sync(home: Path, options: Options, *, quiet: bool) -> Run:
    """Call `sync`, with progress on standard error, a log, and the configured notices.

    A dry run sends no notice. Raises what `sync` raises.
    """
    console = Console(file=cast("TextIO", StandardError()), quiet=quiet, highlight=False)
    with run_log(home, _warn) as log:

        def warn(line: str) -> None:
            _warn(line)
            log.line(f"warning: {line}")

        def attempt(begun: Callable[[], None]) -> Run:
            with shown_progress(console, log.line) as progress:
                run = sync(home, options, observer=Observer(begun, progress))
            for line in run_facts(run):
                log.line(line)
            return run

        if options.dry_run:
            return attempt(lambda: None)
        notices = Notices(home, warn)
        try:
            run = attempt(notices.begin)
        except Exception as error:
            notices.fail(error)
            raise
        notices.end(_notice(home, run))
        return run


def _warn(line: str) -> None:
    note(f"rollcall: {line}")


def _notice(home: Path, run: Run) -> Notice:
    others = tuple(not_asked(run))
    doubtful = bool(others) or run.exit_code != 0
    what = "the run was published"
    if run.exit_code:
        what += ", not all of it verified"
    elif others:
        what += ", other connections are not verified"
    lines = (*attention(run), *others, *next_steps(run), f"Home: {home}")
    return Notice(subject(home, what), lines, "failure" if doubtful else "success")
