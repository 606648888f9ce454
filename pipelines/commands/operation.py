"""What an operator changes between two syncs: one change of the facts, published like a run.

The verbs `retire`, `rename` and `prune` differ in one file of `sql/operations` only. Everything else is here:
lock, draft, change, build, check, publish. The file from before is kept as the previous one.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from pipelines.common.errors import UsageError, WarehouseError
from pipelines.common.signals import ending_at_once
from pipelines.common.sql import SQL_ROOT, identifier, transaction
from pipelines.common.suggest import nearest
from pipelines.common.version import rollcall_version
from pipelines.config.settings import memory_mb
from pipelines.load.plan import next_start
from pipelines.transform import build as models
from pipelines.warehouse.lock import clear
from pipelines.warehouse.published import refuse_lakehouse
from pipelines.warehouse.store import find_store

Operation = Literal["retire", "rename", "prune"]


def publish_operation(
    home: Path,
    operation: Operation,
    connection: str | None,
    *,
    selected: str | None = None,
    **variables: object,
) -> tuple[str, ...]:
    """Change the facts by the SQL of `operation`, and publish the result.

    The SQL reads `connection`, `started_at` and `variables`, and as a table the rows of the query `selected`.
    Returns a line for each failure after
    publication. Raises UsageError if `connection` is unknown, RunInProgress if a run is in progress,
    PublicationRefused if a check fails afterwards.
    """
    os.umask(0o077)
    store = find_store(home)
    if store.is_empty():
        raise WarehouseError(f"there is no warehouse at {store.name} yet", "run `rollcall sync`")
    if store.shared and operation != "retire":
        refuse_lakehouse(home, operation, "migrate it to a file, do it there, and migrate that to a new one")
    names = [connection] if connection else []
    with store.locked(names) as scratch, ending_at_once(lambda: clear(scratch)):
        store.probe(scratch)
        with store.open_draft(scratch, memory_mb(home)) as draft:
            if connection is not None:
                refuse_unknown_connection(draft.db, connection)
            started_at = next_start(draft.db, store.start(draft.db, _now()))
            facts = {"connection": connection, "started_at": started_at, **variables}
            draft.run(lambda db: _apply(db, operation, facts, selected))
            draft.run(lambda db: models.build(db, home))
            models.refuse_broken(draft.run(lambda db: models.check_run(db, home, is_unchanged=False)))
            draft.finish()
        return store.publish(draft.path, scratch)


def refuse_unknown_connection(db: duckdb.DuckDBPyConnection, connection: str) -> None:
    """Raise UsageError if the warehouse has never seen `connection`."""
    known = {name for (name,) in db.execute("select connection from raw.connections").fetchall()}
    if connection not in known:
        raise UsageError(f"the warehouse has no connection {connection}", nearest(connection, known))


def _now() -> datetime:
    return datetime.now(UTC)


def _apply(
    db: duckdb.DuckDBPyConnection, operation: Operation, facts: Mapping[str, object], selected: str | None
) -> None:
    for name, value in facts.items():
        kind = {datetime: "timestamptz", bool: "boolean"}.get(type(value), "text")
        db.execute(f"set variable {identifier(name)} = $1::{kind}", [value])
    with transaction(db):
        db.execute(
            "insert into raw.runs by name select $started_at as started_at, $finished_at as finished_at, "
            "'complete' as outcome, $version as rollcall_version, version() as duckdb_version",
            {
                "started_at": facts["started_at"],
                "finished_at": facts["started_at"],
                "version": rollcall_version(),
            },
        )
        db.execute(
            "insert into raw.operations by name "
            "select $started_at as started_at, $operation as operation, $connection as connection",
            {
                "started_at": facts["started_at"],
                "operation": operation,
                "connection": facts["connection"],
            },
        )
        if selected:
            query = (SQL_ROOT / "queries" / f"{selected}.sql").read_text()
            db.execute(f"create or replace temp table {selected} as\n{query}")
        db.execute((SQL_ROOT / "operations" / f"{operation}.sql").read_text())
