"""`rollcall changes`: what the runs changed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from pipelines.common.errors import UsageError
from pipelines.common.sql import literal
from pipelines.common.suggest import nearest
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.freshness import in_last_run
from pipelines.warehouse.reader import Warehouse

# The published columns of a project.
COLUMNS = """
    select column_name from duckdb_columns()
    where schema_name = 'main' and table_name = 'projects_history'
    order by column_index
"""
_DURATION = re.compile(r"(\d+) ?(h|d|w)")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


Kind = Literal["created", "changed", "removed", "returned"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Filters:
    """Which changes to list: those with one of the values given of each kind of filter; all if none is given.

    A change is of a client if the project was for it before or after.
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
    """What runs from `since` up to but not including `until` (None: now) changed, as far as `filters` say.

    `since` None: what the last run of each connection changed. Raises UsageError if a filter names something
    that the warehouse does not have.
    """
    begun = in_last_run("changed_at") if since is None else f"changed_at >= {_instant(since)}"
    ended = "" if until is None else f"and changed_at < {_instant(until)}"
    filtered = "".join(f" and {condition}" for condition in _conditions(warehouse, filters))
    chosen = f"from project_changes where not is_minor and {begun} {ended}{filtered}"
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
    return Changes(rows, *(counts.get(kind, 0) for kind in KINDS))


def _conditions(warehouse: Warehouse, filters: Filters) -> Iterator[str]:
    """SQL conditions on project_changes. Raises UsageError for an unknown name."""
    for column, given in (("provider", filters.providers), ("connection", filters.connections)):
        if given:
            known = _names(warehouse, f"select distinct {column} from connections")
            yield _is_one_of(column, [_known(f"{column}", name, known) for name in given])
    if filters.clients:
        keys = _is_one_of("client_key", [_client_key(warehouse, name) for name in filters.clients])
        yield f"""exists (
            select 1 from projects_history as version
            where
                version.project_key = project_changes.project_key
                and (version.valid_from = changed_at or version.valid_to = changed_at)
                and version.{keys}
        )"""
    if filters.kinds:
        yield _is_one_of("change", filters.kinds)
    if filters.columns:
        known = _names(warehouse, COLUMNS)
        yield _is_one_of("column_name", [_known("column", name, known) for name in filters.columns])


def _is_one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} in ({', '.join(map(literal, values))})"


def _names(warehouse: Warehouse, sql: str) -> list[str]:
    return [name for (name,) in warehouse.connection.execute(sql).fetchall()]


def _known(what: str, name: str, known: Sequence[str]) -> str:
    if name not in known:
        raise UsageError(f"the warehouse has no {what} {name}", nearest(name, known))
    return name


def _client_key(warehouse: Warehouse, name: str) -> str:
    """The key of the client with this key, name or spelling."""
    row = warehouse.connection.execute(
        """
        with spelled as (
            select client_key, unnest([client_key, name] || spellings) as spelling from clients
        )

        select client_key from spelled
        where staging.client_key(spelling) = staging.client_key($1)
        order by client_key
        limit 1
        """,
        [name],
    ).fetchone()
    if row is None:
        known = _names(warehouse, "select name from clients")
        raise UsageError(
            f"the warehouse has no client {name}",
            nearest(name, known, "see: rollcall query 'select name from clients'"),
        )
    return str(row[0])


def moment(text: str, now: datetime) -> datetime:
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


def _instant(at: datetime) -> str:
    return f"{literal(at.isoformat())}::timestamptz"
