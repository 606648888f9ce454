"""The files next to the published warehouse, and the remedy for a warehouse that cannot be used."""

import glob
from pathlib import Path


def previous_path(warehouse: Path) -> Path:
    """The path of the previous run's file."""
    return warehouse.with_name(f"{warehouse.stem}.previous{warehouse.suffix}")


def wal_path(warehouse: Path) -> Path:
    """The path of DuckDB's write-ahead log. A run leaves none."""
    return warehouse.with_name(f"{warehouse.name}.wal")


def replaced_paths(warehouse: Path) -> tuple[Path, ...]:
    """Files that `rollcall restore` has replaced, and their write-ahead logs."""
    return tuple(sorted(warehouse.parent.glob(f"{glob.escape(warehouse.stem)}.replaced-*")))


def recovery_hint(warehouse: Path) -> str:
    """The remedy for a warehouse that cannot be used: the previous file, if there is one."""
    previous = previous_path(warehouse)
    if previous.exists():
        return f"run `rollcall restore` to put the previous run's file back, {previous}"
    return (
        "there is no previous run's file: put a copy of your own there, "
        f"or move {warehouse} away to start a new history"
    )
