"""A night as the command line runs it: with progress, a log and notices."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console

from pipelines.cli.failures import StandardError, note
from pipelines.cli.progress import shown_progress
from pipelines.cli.run_view import attention, next_steps, night_facts, not_asked
from pipelines.commands.sync import Night, Observer, sync
from pipelines.monitoring.notifications import Notice, Notices, subject
from pipelines.monitoring.run_log import night_log


def watched_sync(
    home: Path,
    names: Sequence[str],
    *,
    full: bool,
    accept: Mapping[str, int],
    dry_run: bool,
    first_run: bool,
    quiet: bool,
) -> Night:
    """Run a night as `sync` does, with progress on standard error, a log, and the notices configured.

    A dry run sends no notice. Raises what `sync` raises.
    """
    console = Console(file=cast("TextIO", StandardError()), quiet=quiet, highlight=False)
    with night_log(home, _warn) as log:

        def warn(line: str) -> None:
            _warn(line)
            log.line(f"warning: {line}")

        def attempt(begun: Callable[[], None]) -> Night:
            with shown_progress(console, log.line) as progress:
                observer = Observer(begun, progress)
                night = sync(
                    home,
                    names,
                    full=full,
                    accept=accept,
                    dry_run=dry_run,
                    first_run=first_run,
                    observer=observer,
                )
            for line in night_facts(night):
                log.line(line)
            return night

        if dry_run:
            return attempt(lambda: None)
        notices = Notices(home, warn)
        try:
            night = attempt(notices.begin)
        except Exception as error:
            notices.fail(error)
            raise
        notices.end(_notice(home, night))
        return night


def _warn(line: str) -> None:
    note(f"rollcall: {line}")


def _notice(home: Path, night: Night) -> Notice:
    others = tuple(not_asked(night))
    doubtful = bool(others) or night.exit_code != 0
    what = "the night was published"
    if night.exit_code:
        what += ", not all of it proven"
    elif others:
        what += ", other connections are not proven"
    lines = (*attention(night), *others, *next_steps(night), f"Home: {home}")
    return Notice(subject(home, what), lines, "failure" if doubtful else "success")
