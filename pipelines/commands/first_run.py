"""A mark in a home that has published: if its warehouse is missing later, a run does not begin a new history.

The disk of the warehouse may not be mounted, or its path may be misspelled. The mark is in the home, because
the warehouse may be on another disk.
"""

from pathlib import Path

from pipelines.common.files import private_folder
from pipelines.warehouse.published import has_published, lost, mark_path
from pipelines.warehouse.store import Store

TEXT = """\
This home has published a run. If its warehouse is missing, `rollcall sync` stops. It begins a new history
only with --first-run.
"""


def refuse_lost(home: Path, store: Store) -> None:
    """Raise WarehouseError if `home` has published and there is neither a warehouse nor a previous one."""
    if has_published(home) and store.is_lost():
        raise lost(store.name, is_shared=store.shared)


def mark_published(home: Path) -> tuple[str, ...]:
    """Record that `home` has published. Returns a line if the mark cannot be written."""
    mark = mark_path(home)
    if mark.exists():
        return ()
    try:
        private_folder(mark.parent)
        mark.write_text(TEXT, encoding="utf-8")
    except OSError as error:
        return (f"cannot write {mark} ({error.strerror}): a missing warehouse will go unnoticed",)
    return ()
