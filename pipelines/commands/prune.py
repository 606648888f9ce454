"""`rollcall prune`: drops the versions that ended before a date. What is current stays."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.commands.operation import publish_operation, refuse_to_change_lakehouse
from pipelines.common.errors import UsageError
from pipelines.common.sql import read_sql, set_variables
from pipelines.warehouse.published import open_published
from pipelines.warehouse.runs import read_last_run


@dataclass(frozen=True)
class Prunable:
    """What ended before a time: versions of records, by connection, and quarantined records."""

    before: datetime
    versions: tuple[tuple[str, int], ...]
    quarantined: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to drop."""
        return not self.versions and not self.quarantined


def look_up(home: Path, before: datetime) -> Prunable:
    """Count what `prune` would drop.

    Raises UsageError if `before` is later than the last run, or the warehouse is a lakehouse.
    """
    refuse_to_change_lakehouse(home, "prune")
    with open_published(home) as warehouse:
        db = warehouse.db
        last_run = read_last_run(db)
        if last_run is None or before > last_run.started_at:
            raise UsageError(f"{before.date()} is later than the last run", "give an earlier date")
        set_variables(db, before=before)
        versions = db.execute(
            f"select connection, count(*) from (\n{read_sql('queries/prunable')}) "
            "group by connection order by connection"
        ).fetchall()
        (quarantined,) = db.execute(
            "select count(*) from raw.quarantine where started_at < $1", [before]
        ).fetchone() or (0,)
    return Prunable(before, tuple(versions), quarantined)


def prune(home: Path, before: datetime) -> tuple[str, ...]:
    """Drop what ended before `before`, and note that history begins there.

    Returns and raises what `publish_operation` does.
    """
    return publish_operation(
        home,
        "prune",
        None,
        lambda db: db.execute(read_sql("operations/prune", prunable=read_sql("queries/prunable"))),
        before=before,
    )
