"""What may stand beside the published warehouse, and what to do where that cannot be used."""

import glob
from pathlib import Path


def previous_path(warehouse: Path) -> Path:
    """Where the warehouse of the previous run is kept."""
    return warehouse.with_name(f"{warehouse.stem}.previous{warehouse.suffix}")


def wal_path(warehouse: Path) -> Path:
    """Where DuckDB keeps what a program has written and not yet put into the file. A run leaves none."""
    return warehouse.with_name(f"{warehouse.name}.wal")


def replaced_paths(warehouse: Path) -> tuple[Path, ...]:
    """What `rollcall restore` has put aside, and what another program had left beside that."""
    return tuple(sorted(warehouse.parent.glob(f"{glob.escape(warehouse.stem)}.replaced-*")))


def recovery_hint(warehouse: Path) -> str:
    """A remedy for a warehouse that cannot be used: the previous, where there is one."""
    previous = previous_path(warehouse)
    if previous.exists():
        return f"run `rollcall restore` to put the previous run's file back, {previous}"
    return (
        "there is no previous run's file: put a copy of your own there, "
        f"or move {warehouse} away to start a new history"
    )
