"""`rollcall rename`: gives a connection another name, with all its keys and its history."""

from pathlib import Path

import duckdb

from pipelines.commands.operation import publish_operation, refuse_to_change_lakehouse
from pipelines.common.errors import UsageError
from pipelines.common.sql import identifier, read_sql
from pipelines.extract.connections import NAME, configured_provider
from pipelines.warehouse.published import open_published


def refuse_name(home: Path, provider: str, new: str) -> None:
    """Raise UsageError if a connection of `provider` cannot have the name `new`, or in a lakehouse."""
    refuse_to_change_lakehouse(home, "rename")
    if not NAME.fullmatch(new):
        raise UsageError(
            f"{new} is not a valid name for a connection",
            "use lower-case letters and digits, separated by - or _",
        )
    with open_published(home) as warehouse:
        names = warehouse.db.execute("select connection from raw.connections").fetchall()
    if (new,) in names:
        raise UsageError(f"the warehouse already has a connection {new}", "choose another name")
    configured = configured_provider(home, new)
    if configured not in {None, provider}:
        raise UsageError(
            f"{new} is configured as a connection of {configured}, not of {provider}", "choose another name"
        )


def rename(home: Path, old: str, new: str) -> tuple[str, ...]:
    """Rename the connection `old` to `new` in everything that is published.

    `refuse_name` says whether it can have that name. Returns and raises what `publish_operation` does.
    """
    is_configured = configured_provider(home, new) is not None
    return publish_operation(
        home, "rename", old, _rename_everywhere, new_name=new, is_configured=is_configured
    )


def _rename_everywhere(db: duckdb.DuckDBPyConnection) -> None:
    for (table,) in db.execute(read_sql("queries/tables_with_a_connection")).fetchall():
        db.execute(read_sql("operations/rename_in_table", table=f"raw.{identifier(table)}"))
    db.execute(read_sql("operations/rename"))
