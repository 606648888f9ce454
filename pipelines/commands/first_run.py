"""A mark in a home that has published: if its warehouse is missing later, a run does not begin a new history.

The disk of the warehouse may not be mounted, or its path may be misspelled. The mark is in the home, because
the warehouse may be on another disk.
"""

from pathlib import Path

from pipelines.common.errors import WarehouseError
from pipelines.common.files import STATE_FOLDER, private_folder
from pipelines.warehouse.store import Store

MARK = "published"
TEXT = """\
This home has published a run. If its warehouse is missing, `rollcall sync` stops. It begins a new history
only with --first-run.
"""


def refuse_lost(home: Path, store: Store) -> None:
    """Raise WarehouseError if `home` has published and there is neither a warehouse nor a previous one."""
    if (home / STATE_FOLDER / MARK).exists() and store.is_lost():
        raise WarehouseError(
            f"there is no warehouse at {store.name}, but this home has published one before",
            "mount its disk or put it back; to begin a new history, run: rollcall sync --first-run",
        )


def mark_published(home: Path) -> tuple[str, ...]:
    """Record that `home` has published. Returns a line if the mark cannot be written."""
    mark = home / STATE_FOLDER / MARK
    if mark.exists():
        return ()
    try:
        private_folder(mark.parent)
        mark.write_text(TEXT, encoding="utf-8")
    except OSError as error:
        return (f"cannot write {mark} ({error.strerror}): a missing warehouse will go unnoticed",)
    return ()
