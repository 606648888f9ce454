"""The history that a script keeps: one transaction of SQL over a file with one project per line.

Used by `by_hand.py` and `limit.py`. It guarantees that a run is remembered whole or not at all, and that a
version begins only where a field changed. It does not prove that the listing was whole: a project that
slipped from one page to another while they were read is closed as removed, or missed, and nobody is told.
"""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

FIELDS = {
    "originId": "varchar",
    "name": "varchar",
    "description": "varchar",
    "clientName": "varchar",
    "projectPhase": "varchar",
    "projectStatus": "varchar",
    "projectType": "varchar",
    "logoUrl": "json",
    "location": "json",
    "lastUpdated": "timestamptz",
}


def merge(database: Path, projects: Path) -> None:
    """Close the versions that changed or vanished, and begin those that are new, as of now."""
    columns = ", ".join(f"{name} {kind}" for name, kind in FIELDS.items())
    with duckdb.connect(str(database)) as connection:
        connection.execute("begin")
        connection.execute(
            f"create table if not exists projects_history ({columns}, "
            "content_hash ubigint, valid_from timestamptz, valid_to timestamptz)"
        )
        connection.execute(
            "create temp table listed as select *, hash(project) as content_hash "
            f"from read_json(?, format = 'newline_delimited', columns = {FIELDS}) as project",
            [str(projects)],
        )
        now = datetime.now(UTC)
        connection.execute(
            """
            update projects_history as known set valid_to = ?
            where valid_to is null and not exists (
                from listed
                where listed.originId = known.originId and listed.content_hash = known.content_hash
            )
            """,
            [now],
        )
        connection.execute(
            """
            insert into projects_history
            select *, ?, null from listed
            where not exists (
                from projects_history as known
                where known.originId = listed.originId and known.valid_to is null
            )
            """,
            [now],
        )
        connection.execute("commit")
