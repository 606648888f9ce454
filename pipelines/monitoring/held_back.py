"""Removals that are held back run after run: they raise an alarm when they begin and when they change."""

from pathlib import Path

from pipelines.common.sql import read_sql
from pipelines.warehouse.published import open_published


def held_back_as_before(home: Path) -> frozenset[str]:
    """The connections whose last attempt held back the same removals as the attempt before it."""
    with open_published(home) as warehouse:
        return frozenset(
            name for (name,) in warehouse.db.execute(read_sql("queries/held_back_as_before")).fetchall()
        )
