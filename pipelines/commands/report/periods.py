"""What happened to projects from a time on. Instants are milliseconds since 1970, in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from pipelines.common.sql import literal
from pipelines.warehouse.freshness import in_last_run
from pipelines.warehouse.reader import Warehouse

KINDS = ("created", "changed", "removed", "returned")
LISTED_PROJECTS = 15
LISTED_LINES = 6
LONGEST_TEXT = 200
IN_ORDER = "column_name <> 'name', column_name <> 'status', column_name"


class Line(NamedTuple):
    """A column that a run found changed."""

    at: int
    column: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Happening:
    """What befell one project: the newest of the lines that say what changed, and how many there are more."""

    key: str
    name: str | None
    provider: str
    at: int
    lines: tuple[Line, ...]
    more: int


@dataclass(frozen=True)
class Period:
    """What runs from `since` on found: how many projects each kind of change befell, and the newest.

    Minor changes are left out.
    `since` None: what the last run of each connection found. `first_listed` of the created ones came with
    the first run of their connection; those are not named.
    """

    since: int | None
    counts: Mapping[str, int]
    first_listed: int
    happenings: Mapping[str, tuple[Happening, ...]]

    @property
    def quiet(self) -> bool:
        """Whether nothing happened."""
        return not any(self.counts.values())


def read_period(warehouse: Warehouse, since: datetime | None) -> Period:
    """What runs from `since` on found; None: what the last run of each connection found."""
    if since is None:
        chosen = in_last_run("changed_at")
    else:
        chosen = f"changed_at >= {literal(since.isoformat())}::timestamptz"
    ((first_listed,),) = warehouse.connection.execute(
        f"select count(*) from project_changes where is_first_listing and {chosen}"
    ).fetchall()
    counts: dict[str, int] = dict(
        warehouse.connection.execute(
            f"""
            select change, count(distinct project_key) from project_changes
            where not is_minor and {chosen}
            group by change
            """
        ).fetchall()
    )
    happenings = _happenings(warehouse, chosen)
    return Period(
        since=None if since is None else round(since.timestamp() * 1000),
        counts={kind: counts.get(kind, 0) for kind in KINDS},
        first_listed=first_listed,
        happenings={kind: tuple(happenings.get(kind, ())) for kind in KINDS},
    )


def _happenings(warehouse: Warehouse, chosen: str) -> dict[str, list[Happening]]:
    rows = warehouse.connection.execute(
        f"""
        with happened as (
            select * from project_changes
            where not is_minor and not is_first_listing and {chosen}
        ),

        newest as (
            select change, project_key, max(changed_at) as latest
            from happened
            group by change, project_key
            qualify
                row_number() over (partition by change order by latest desc, project_key) <= {LISTED_PROJECTS}
        ),

        names as (
            select project_key, arg_max(name, version) as name, arg_max(provider, version) as provider
            from projects_history
            where project_key in (select project_key from newest)
            group by project_key
        )

        select
            change, project_key, names.name, names.provider, epoch_ms(latest),
            epoch_ms(changed_at), column_name,
            left(old_value, {LONGEST_TEXT}), left(new_value, {LONGEST_TEXT})
        from newest
        inner join names using (project_key)
        inner join happened using (project_key, change)
        order by change, latest desc, project_key, changed_at desc, {IN_ORDER}
        """
    ).fetchall()
    happenings: dict[str, list[Happening]] = {}
    for (kind, key, name, provider, at), found in groupby(rows, key=lambda row: row[:5]):
        lines = [Line(*row[5:]) for row in found] if kind == "changed" else []
        shown, more = tuple(lines[:LISTED_LINES]), max(0, len(lines) - LISTED_LINES)
        happenings.setdefault(kind, []).append(Happening(key, name, provider, at, shown, more))
    return happenings
