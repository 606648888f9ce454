"""`rollcall changes`: what the runs changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from pipelines.common.errors import UsageError
from pipelines.common.sql import read_sql
from pipelines.common.suggest import nearest
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse

_DURATION = re.compile(r"(\d+) ?(h|d|w)")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


Kind = Literal["created", "changed", "removed", "returned"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Filters:
    """Which changes to list: for each filter that is not empty, those with one of its values.

    A change belongs to a client if the project was for it before or after the change.
    """

    providers: Sequence[str] = ()
    connections: Sequence[str] = ()
    clients: Sequence[str] = ()
    kinds: Sequence[str] = ()
    columns: Sequence[str] = ()


NO_FILTERS = Filters()


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


def changes(
    warehouse: Warehouse, since: datetime | None, until: datetime | None, filters: Filters = NO_FILTERS
) -> Changes:
    """The changes by runs from `since` up to but not including `until` (None: now) that match `filters`.

    `since` None: the changes by the last run of each connection. Raises UsageError if a filter names
    something that the warehouse does not have.
    """
    rows = rows_of(
        warehouse,
        read_sql("queries/changes"),
        {"since": since, "until": until, **_filters(warehouse, filters)},
    )
    counts: dict[str, int] = dict(
        rows.execute(
            f"select change, count(distinct project_key) from (\n{rows.sql}\n) group by change"
        ).fetchall()
    )
    return Changes(rows, *(counts.get(kind, 0) for kind in KINDS))


def _filters(warehouse: Warehouse, filters: Filters) -> dict[str, list[str] | None]:
    """The parameters of the query: null without a filter. Raises UsageError for an unknown name."""
    return {
        "providers": _known(warehouse, "provider", filters.providers),
        "connections": _known(warehouse, "connection", filters.connections),
        "client_keys": [_client_key(warehouse, name) for name in filters.clients] or None,
        "kinds": list(filters.kinds) or None,
        "column_names": _known(warehouse, "column", filters.columns),
    }


def _known(warehouse: Warehouse, what: str, names: Sequence[str]) -> list[str] | None:
    """The given names; None if there are none. Raises UsageError for one that the warehouse does not have."""
    if not names:
        return None
    known = (
        project_columns(warehouse)
        if what == "column"
        else _names(warehouse, f"select distinct {what} from connections")
    )
    for name in names:
        if name not in known:
            raise UsageError(f"the warehouse has no {what} {name}", nearest(name, known))
    return list(names)


def project_columns(warehouse: Warehouse) -> list[str]:
    """The published columns of a project, in order."""
    return _names(warehouse, read_sql("queries/project_columns"))


def _names(warehouse: Warehouse, sql: str) -> list[str]:
    return [name for (name,) in warehouse.db.execute(sql).fetchall()]


def _client_key(warehouse: Warehouse, name: str) -> str:
    """The key of the client with this key, name or spelling."""
    row = warehouse.db.execute(read_sql("queries/client_key"), {"name": name}).fetchone()
    if row is None:
        known = _names(warehouse, "select name from clients")
        raise UsageError(
            f"the warehouse has no client {name}",
            nearest(name, known, "see: rollcall query 'select name from clients'"),
        )
    return str(row[0])


def parse_time(text: str, now: datetime) -> datetime:
    """Parse a date or time (in the time zone of `now` unless it has its own), or a duration before `now`.

    Raises UsageError if it is neither.
    """
    try:
        if duration := _DURATION.fullmatch(text):
            return now.astimezone(UTC) - int(duration[1]) * _UNITS[duration[2]]
        given = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text} is neither a date nor a duration",
            "write 2026-11-01, 2026-11-01T06:00:00Z, 12h, 7d or 2w",
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=now.tzinfo)
