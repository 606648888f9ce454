"""`rollcall changes`: what the runs changed."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.common.errors import UsageError
from pipelines.common.sql import literal
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.freshness import in_last_run
from pipelines.warehouse.reader import Warehouse

_DURATION = re.compile(r"(\d+) ?(h|d|w)")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Changes:
    """What changed in a period, newest first, a row per changed column; and the number of projects per kind.

    Both leave out minor changes.
    """

    rows: Rows
    created: int
    changed: int
    removed: int
    returned: int


def changes(warehouse: Warehouse, since: datetime | None, until: datetime | None) -> Changes:
    """What runs from `since` up to but not including `until` (None: now) changed.

    `since` None: what the last run of each connection changed.
    """
    begun = in_last_run("changed_at") if since is None else f"changed_at >= {_instant(since)}"
    ended = "" if until is None else f"and changed_at < {_instant(until)}"
    chosen = f"from project_changes where not is_minor and {begun} {ended}"
    counts: dict[str, int] = dict(
        warehouse.connection.execute(
            f"select change, count(distinct project_key) {chosen} group by change"
        ).fetchall()
    )
    rows = rows_of(
        warehouse,
        f"""
        select changed_at, change, project_key, name, column_name, old_value, new_value
        {chosen}
        order by changed_at desc, project_key, change, column_name
        """,
    )
    return Changes(rows, *(counts.get(kind, 0) for kind in ("created", "changed", "removed", "returned")))


def moment(text: str, now: datetime) -> datetime:
    """Parse a date or time (in UTC unless it has a zone), or a time before `now`.

    Raises UsageError if it is neither.
    """
    try:
        if duration := _DURATION.fullmatch(text):
            return now - int(duration[1]) * _UNITS[duration[2]]
        given = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text} is neither a date nor a duration",
            "write 2026-11-01, 2026-11-01T06:00:00Z, 12h, 7d or 2w",
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _instant(at: datetime) -> str:
    return f"{literal(at.isoformat())}::timestamptz"
