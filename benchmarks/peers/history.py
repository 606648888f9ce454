"""The history that a script keeps: one transaction of SQL over a file with one project per line.

Used by `by_hand.py` and `limit.py`. It guarantees that a run is stored completely or not at all, and that a
version begins only when a field changed. It does not verify that the listing was complete: a project that
moved from one page to another during the listing is closed as removed, or missed, without a message.
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
    """Close the versions that changed or are missing, and begin the new ones, as of now."""
    columns = ", ".join(f"{name} {kind}" for name, kind in FIELDS.items())
    with duckdb.connect(str(database)) as db:
        db.execute("begin")
        db.execute(
            f"create table if not exists projects_history ({columns}, "
            "content_hash ubigint, valid_from timestamptz, valid_to timestamptz)"
        )
        db.execute(
            "create temp table listed as select *, hash(project) as content_hash "
            f"from read_json(?, format = 'newline_delimited', columns = {FIELDS}) as project",
            [str(projects)],
        )
        now = datetime.now(UTC)
        db.execute(
            """
            update projects_history as known set valid_to = ?
            where valid_to is null and not exists (
                from listed
                where listed.originId = known.originId and listed.content_hash = known.content_hash
            )
            """,
            [now],
        )
        db.execute(
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
        db.execute("commit")
