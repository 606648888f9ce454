"""Removals that are held back run after run: an alarm is due when that begins, and when it changes."""

from pathlib import Path

from pipelines.common.database import open_database
from pipelines.common.sql import SQL_ROOT


def held_back_as_before(warehouse: Path) -> frozenset[str]:
    """The connections whose last attempt held back the same removals as the attempt before it."""
    query = (SQL_ROOT / "queries" / "held_back_as_before.sql").read_text()
    with open_database(warehouse, read_only=True) as db:
        return frozenset(name for (name,) in db.execute(query).fetchall())
