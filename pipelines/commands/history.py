"""`rollcall history`: every version of one project or file."""

from dataclasses import dataclass
from typing import NamedTuple

from pipelines.common.errors import UsageError
from pipelines.common.sql import literal
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse

_SUBJECTS = """
    select 'project' as kind, project_key as key, project_id as id, name, version from projects_history
    union all
    select 'file' as kind, file_key as key, file_id as id, file_name as name, version from files_history
"""


class Subject(NamedTuple):
    """The subject of a history: `kind` is project or file, `name` its last known name."""

    kind: str
    key: str
    name: str | None


@dataclass(frozen=True)
class History:
    """The versions of one subject, oldest first: a row for each column that one changed, at least one."""

    subject: Subject
    versions: Rows


def history(warehouse: Warehouse, key: str) -> History:
    """The history of the project or file with this key, or with this id if it is unique.

    Raises UsageError, which names similar ones, if there is none.
    """
    subject = find(warehouse, key)
    return History(subject, rows_of(warehouse, _versions(subject)))


def find(warehouse: Warehouse, key: str) -> Subject:
    """The one project or file with this key or id. Raises UsageError if there is none."""
    rows = warehouse.connection.execute(
        f"""
        select kind, key, arg_max(name, version) as name
        from ({_SUBJECTS})
        where $1 in (key, id)
        group by kind, key
        order by key
        """,
        [key],
    ).fetchall()
    found = [Subject(*row) for row in rows]
    found = [subject for subject in found if subject.key == key] or found
    if not found:
        raise UsageError(f"there is no project or file {key}", _near(warehouse, key))
    if len(found) > 1:
        keys = ", ".join(subject.key for subject in found)
        raise UsageError(f"{len(found)} records have the id {key}", f"name one by its key: {keys}")
    return found[0]


def _near(warehouse: Warehouse, key: str) -> str:
    near = warehouse.connection.execute(
        f"""
        select key, arg_max(name, version) as name, max(greatest(
            jaro_winkler_similarity(lower(key), lower($1)),
            jaro_winkler_similarity(lower(id), lower($1)),
            jaro_winkler_similarity(lower(name), lower($1)),
            if(contains(lower(name), lower($1)) or contains(lower(key), lower($1)), 1, 0)
        )) as nearness
        from ({_SUBJECTS})
        group by key
        having nearness > 0.8
        order by nearness desc, key
        limit 3
        """,
        [key],
    ).fetchall()
    if not near:
        return "see: rollcall query 'select project_key, name from projects'"
    return "did you mean " + " or ".join(f"{key} ({name})" for key, name, _ in near) + "?"


def _versions(subject: Subject) -> str:
    table, column = f"{subject.kind}s_history", f"{subject.kind}_key"
    return f"""
        with versions as (
            select * from {table}
            where {column} = {literal(subject.key)}
        ),

        compared as (
            select
                after.*,
                unnest(if(after.change = 'changed', after.changed_columns, [null])) as column_name,
                to_json(before) as before_columns,
                to_json(after) as after_columns
            from versions as after
            left join versions as before on after.version = before.version + 1
        )

        select
            version, valid_from, valid_to, change, end_reason,
            column_name,
            if(column_name is null, null, before_columns ->> column_name) as old_value,
            if(column_name is null, null, after_columns ->> column_name) as new_value
        from compared
        order by version, column_name
    """
