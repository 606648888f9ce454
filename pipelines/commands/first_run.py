"""A mark in the home that it has published. If the warehouse is then missing, no new history begins.

The disk of the warehouse may not be mounted, or its path may be misspelled: a run would find nothing there,
and begin a history without a past. The mark is in the home, since the warehouse may be on another disk.
"""

from pathlib import Path

from pipelines.common.errors import WarehouseError
from pipelines.common.files import private_folder
from pipelines.warehouse.store import Store

FOLDER, MARK = ".rollcall", "published"
TEXT = """\
This home has published a run. Where its warehouse is missing, `rollcall sync` stops, and does not begin a
new history unless it is given --first-run.
"""


def refuse_lost(home: Path, store: Store) -> None:
    """Raise WarehouseError if `home` has published and there is neither a warehouse nor a previous one."""
    if (home / FOLDER / MARK).exists() and store.is_lost():
        raise WarehouseError(
            f"there is no warehouse at {store.name}, but this home has published one before",
            "mount its disk or put it back; to begin a new history, run: rollcall sync --first-run",
        )


def mark_published(home: Path) -> tuple[str, ...]:
    """Record that `home` has published. Returns a line if the mark cannot be written."""
    mark = home / FOLDER / MARK
    if mark.exists():
        return ()
    try:
        private_folder(mark.parent)
        mark.write_text(TEXT, encoding="utf-8")
    except OSError as error:
        return (f"cannot write {mark} ({error.strerror}): a missing warehouse will go unnoticed",)
    return ()
