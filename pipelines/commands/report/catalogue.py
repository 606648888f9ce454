"""Every project and its history, in columns: small on disk, and quick to search where the page is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.commands.report.periods import IN_ORDER, KINDS, LONGEST_TEXT
from pipelines.warehouse.reader import Warehouse

MOST_PROJECTS = 100_000
MOST_CHANGES = 200_000


@dataclass(frozen=True)
class Catalogue:
    """The projects in the order of their names, and their changes; each of both is columns of one length.

    `runs` are milliseconds since 1970. The columns of `projects` are key (what follows the connection in
    it), name and client, and indices into `connections` (name and provider), `statuses` and `runs` (first:
    when it was first listed; gone: when it was found gone, -1 where it is listed); `changes` counts its
    changes. The columns of `changes`, in the order of the projects and then of time, are indices into
    `runs`, `kinds`, `columns` and `texts` (old and new); -1 is for nothing. They leave out minor changes, and
    that a project was created, which its first run says. Beyond `MOST_PROJECTS` the projects longest gone,
    and beyond `MOST_CHANGES` the oldest changes, are left out, and counted.
    """

    runs: list[int]
    connections: list[tuple[str, str]]
    statuses: list[str]
    kinds: tuple[str, ...]
    columns: list[str]
    texts: list[str]
    projects: dict[str, Sequence[int | str | None]]
    changes: dict[str, Sequence[int]]
    projects_left_out: int
    changes_left_out: int


_PROJECTS = """
    create or replace temp table shown_projects as (
        with latest as (
            select *, min(valid_from) over (partition by project_key) as first_seen_at
            from projects_history
            qualify version = max(version) over (partition by project_key)
        ),

        newest as (
            select * from latest
            order by valid_to is not null, valid_to desc, project_key
            limit $1
        )

        select
            project_key, connection, provider, status, name, client_name, first_seen_at, valid_to,
            row_number() over (order by lower(strip_accents(name)) nulls last, project_key) as position
        from newest
    )
"""
_CHANGES = f"""
    create or replace temp table shown_changes as (
        select
            position, changed_at, change, column_name,
            left(old_value, {LONGEST_TEXT}) as old_value,
            left(new_value, {LONGEST_TEXT}) as new_value,
            count(*) over () as changes
        from project_changes
        inner join shown_projects using (project_key)
        where change <> 'created' and not is_minor
        order by changed_at desc, position, change, column_name
        limit $1
    )
"""


def read_catalogue(warehouse: Warehouse) -> Catalogue:
    """All that there is to search."""
    ask = warehouse.connection.execute
    ask(_PROJECTS, [MOST_PROJECTS])
    ask(_CHANGES, [MOST_CHANGES])
    ((known,),) = ask("select count(distinct project_key) from projects_history").fetchall()
    ((told,),) = ask("select coalesce(max(changes), 0) from shown_changes").fetchall()
    runs, connections, statuses, columns, texts = (Numbered() for _ in range(5))
    runs.numbers(run for (run,) in ask("select epoch_us(started_at) from runs order by 1").fetchall())
    key, name, client, *of_projects, changes = _columns(
        ask(
            f"""
            with counts as (
                select position, count(*) as changes from shown_changes group by position
            )

            select
                substr(project_key, length(connection) + 2),
                left(name, {LONGEST_TEXT}), left(client_name, {LONGEST_TEXT}),
                connection, provider, status, epoch_us(first_seen_at), epoch_us(valid_to),
                coalesce(changes, 0)
            from shown_projects
            left join counts using (position)
            order by position
            """
        ).fetchall(),
        9,
    )
    connection, provider, status, first, gone = of_projects
    run, kind, column, old, new = _columns(
        ask(
            f"""
            select epoch_us(changed_at), change, column_name, old_value, new_value
            from shown_changes
            order by position, changed_at, change, {IN_ORDER}
            """
        ).fetchall(),
        5,
    )
    return Catalogue(
        projects={
            "key": key,
            "name": name,
            "client": client,
            "connection": connections.numbers(zip(connection, provider, strict=True)),
            "status": statuses.numbers(status),
            "first": runs.numbers(first),
            "gone": runs.numbers(gone),
            "changes": changes,
        },
        changes={
            "run": runs.numbers(run),
            "kind": [KINDS.index(name) for name in kind],
            "column": columns.numbers(column),
            "old": texts.numbers(old),
            "new": texts.numbers(new),
        },
        runs=[microseconds // 1000 for microseconds in runs.values],
        connections=connections.values,
        statuses=statuses.values,
        kinds=KINDS,
        columns=columns.values,
        texts=texts.values,
        projects_left_out=known - len(key),
        changes_left_out=told - len(run),
    )


class Numbered:
    """The different values met, in the order of their first use, each known by its number; None is -1."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {None: -1}

    def numbers(self, values: Iterable[Any]) -> list[int]:
        """The number of each value."""
        known = self._numbers
        return [known.setdefault(value, len(known) - 1) for value in values]

    @property
    def values(self) -> list[Any]:
        """What the numbers stand for."""
        return list(self._numbers)[1:]


def _columns(rows: list[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
