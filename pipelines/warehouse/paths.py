"""The files next to the published warehouse, and the remedy for a warehouse that cannot be used."""

import glob
import re
from pathlib import Path


def previous_path(warehouse: Path, number: int = 1) -> Path:
    """Where the warehouse of an earlier run is kept; 1 is the previous run."""
    end = "" if number == 1 else f"-{number}"
    return warehouse.with_name(f"{warehouse.stem}.previous{end}{warehouse.suffix}")


def previous_paths(warehouse: Path) -> dict[int, Path]:
    """The existing warehouses of earlier runs by number, the newest first."""
    numbered = re.compile(
        rf"{re.escape(warehouse.stem)}\.previous(?:-([2-9]|[1-9]\d+))?{re.escape(warehouse.suffix)}"
    )
    found = filter(None, (numbered.fullmatch(path.name) for path in warehouse.parent.glob("*.previous*")))
    numbers = sorted(int(one[1] or 1) for one in found)
    return {number: previous_path(warehouse, number) for number in numbers}


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
