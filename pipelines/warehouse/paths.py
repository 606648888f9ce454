"""What may stand beside the published warehouse, and what to do where that cannot be used."""

import glob
from pathlib import Path


def former_of(warehouse: Path) -> Path:
    """Where the warehouse of the night before is kept."""
    return warehouse.with_name(f"{warehouse.stem}.former{warehouse.suffix}")


def log_of(warehouse: Path) -> Path:
    """Where DuckDB keeps what a program has written and not yet put into the file. A night leaves none."""
    return warehouse.with_name(f"{warehouse.name}.wal")


def asides_of(warehouse: Path) -> tuple[Path, ...]:
    """What `rollcall restore` has put aside, and what another program had left beside that."""
    return tuple(sorted(warehouse.parent.glob(f"{glob.escape(warehouse.stem)}.aside-*")))


def way_back(warehouse: Path) -> str:
    """A remedy for a warehouse that cannot be used: the former, where there is one."""
    former = former_of(warehouse)
    if former.exists():
        return f"run `rollcall restore`, which puts the former night back, {former}"
    return f"there is no former night: put a copy of your own there, or move {warehouse} away to begin anew"
