"""The files of earlier runs next to the published one: how many stay, and which is which.

A publication leaves the previous run as `warehouse.previous.duckdb`. With `[warehouse] keep` above 1 there
are also `warehouse.previous-2.duckdb`, the run before that one, and so on. None of them is copied.
"""

from itertools import pairwise
from pathlib import Path

from pipelines.common.filesystem import link
from pipelines.warehouse.paths import previous_path, previous_paths, wal_path


def keep_older(warehouse: Path, scratch: Path, keep: int) -> None:
    """Move the files of earlier runs one place back, before a publication; at most `keep` stay with it.

    `scratch` is on the same file system. A run that was killed may have moved some of them already. Then two
    places have the same file or, without hard links, one place is empty; the files behind it have been moved.
    """
    places = [warehouse, *(previous_path(warehouse, number) for number in range(1, keep + 1))]
    moves = []
    for newer, older in pairwise(places):
        if not newer.exists() or (older.exists() and newer.samefile(older)):
            break
        moves.append((newer, older))
    for newer, older in reversed(moves[1:]):  # the publication moves the newest one itself
        spare = scratch / "older"
        moved = spare if link(newer, spare) else newer
        wal_path(older).unlink(missing_ok=True)
        moved.replace(older)
    for number, path in previous_paths(warehouse).items():
        if number > keep:
            _remove(path)


def forget_older(warehouse: Path) -> tuple[Path, ...]:
    """Remove the files of all earlier runs but the newest. Returns what is gone."""
    older = tuple(path for number, path in previous_paths(warehouse).items() if number > 1)
    for path in older:
        _remove(path)
    return older


def _remove(path: Path) -> None:
    """Remove a file, and what another program has left next to it."""
    wal_path(path).unlink(missing_ok=True)
    path.unlink()
