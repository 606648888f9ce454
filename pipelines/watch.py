"""A night as the command line runs it: watched by a reader, kept in a log, told of to whom it concerns."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from pipelines.console import note
from pipelines.night_log import night_log
from pipelines.notices import Notice, Notices, failure_notice, subject
from pipelines.progress import shown_progress
from pipelines.summary import attention, next_steps, night_facts
from pipelines.sync import Night, Observer, sync


def watched_sync(
    home: Path,
    names: Sequence[str],
    *,
    full: bool,
    accept: Mapping[str, int],
    dry_run: bool,
    quiet: bool,
) -> Night:
    """Run a night as `sync` does, with progress on standard error, a log, and the notices configured.

    A dry run is nobody's concern: no notice is sent of it. Raises what `sync` raises.
    """
    console = Console(stderr=True, quiet=quiet, highlight=False)
    with night_log(home, _warn) as log:

        def warn(line: str) -> None:
            _warn(line)
            log.line(f"warning: {line}")

        def run(begun: Callable[[], None]) -> Night:
            with shown_progress(console, log.line) as progress:
                observer = Observer(begun, progress)
                night = sync(home, names, full=full, accept=accept, dry_run=dry_run, observer=observer)
            for line in night_facts(night):
                log.line(line)
            return night

        if dry_run:
            return run(lambda: None)
        notices = Notices(home, warn)
        try:
            night = run(notices.begin)
        except (Exception, KeyboardInterrupt) as error:
            notices.end(failure_notice(home, error))
            raise
        notices.end(_notice(home, night))
        return night


def _warn(line: str) -> None:
    note(f"rollcall: {line}")


def _notice(home: Path, night: Night) -> Notice:
    failed = night.exit_code != 0
    what = "the night was published, not all of it proven" if failed else "the night was published"
    lines = (*attention(night), *next_steps(night), f"Home: {home}")
    return Notice(subject(home, what), lines, failed=failed)
