"""Checks of the destinations of `rollcall publish`: their tables in the configuration, and an answer."""

from collections.abc import Iterator
from pathlib import Path

from pipelines.commands.doctor.check import Check, failed
from pipelines.commands.publish import check_destination, reach
from pipelines.common.errors import ConfigurationError, SyncError
from pipelines.destinations.target import configured_targets, targets_after_sync


def check_destinations(home: Path) -> Iterator[Check]:
    """Check every `[publish.NAME]`, and that those of `[publish] after_sync` answer.

    A run is published even if a destination is down, so that is only a warning.
    """
    try:
        names, after_sync = configured_targets(home), targets_after_sync(home)
    except ConfigurationError as error:
        yield failed("publish", error)
        return
    for name in names:
        try:
            target = check_destination(home, name)
            if name in after_sync:
                reach(home, name)
        except ConfigurationError as error:
            yield failed("publish", error)
        except SyncError as error:
            yield Check("publish", "warning", error.reason, (error.remedy,))
        else:
            tried = f"complete; rollcall publish --to {name} --dry-run tries it"
            state = "answers" if name in after_sync else tried
            yield Check("publish", "ok", f"{target.label}: {state}")
