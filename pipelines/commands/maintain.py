"""`rollcall maintain`: merges the small files of a lakehouse, and expires old snapshots."""

from datetime import UTC, datetime
from pathlib import Path

from pipelines.commands.changes import parse_time
from pipelines.config.settings import memory_mb
from pipelines.warehouse.lake_lock import LakeLocks
from pipelines.warehouse.lake_maintenance import Maintained
from pipelines.warehouse.lakehouse import Lakehouse, required_lake


def maintain(home: Path, keep: str) -> Maintained:
    """Maintain the lakehouse of `home`, and keep its snapshots for the duration `keep`.

    Runs may be in progress; their commits wait. Raises UsageError if the warehouse is a file, or `keep` is
    not a duration.
    """
    now = datetime.now(UTC)
    lake = required_lake(home, "a file needs no maintenance: a run compacts it when half of it is free space")
    lakehouse = Lakehouse(lake, memory_mb(home))
    with LakeLocks(lake) as locks:
        return lakehouse.maintain(locks, now - parse_time(keep, now))
