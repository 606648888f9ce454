"""`rollcall retire`: closes the current rows of a connection that is no longer used."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.commands.operation import publish_operation, refuse_unknown_connection
from pipelines.common.sql import read_sql
from pipelines.extract.connections import configured_provider
from pipelines.warehouse.published import open_published


@dataclass(frozen=True)
class Account:
    """A connection of the warehouse: what is listed of it now, and whether it is still configured."""

    connection: str
    provider: str
    projects: int
    files: int
    is_configured: bool


def look_up(home: Path, connection: str) -> Account:
    """Find a connection in the published warehouse. Raises UsageError if there is none of that name."""
    with open_published(home) as warehouse:
        refuse_unknown_connection(warehouse.db, connection)
        row = warehouse.db.execute(
            read_sql("queries/connection_counts"), {"connection": connection}
        ).fetchone()
    assert row is not None
    provider, projects, files = row
    is_configured = configured_provider(home, connection) is not None
    return Account(connection, provider, projects, files, is_configured)


def retire(home: Path, connection: str) -> tuple[str, ...]:
    """Close the current rows of `connection`, with the end reason `retired`.

    If a later run lists it again, its records return: they begin a new version after a gap. Returns and
    raises what `publish_operation` does.
    """
    is_configured = configured_provider(home, connection) is not None
    return publish_operation(
        home,
        "retire",
        connection,
        lambda db: db.execute(read_sql("operations/retire")),
        is_configured=is_configured,
    )
