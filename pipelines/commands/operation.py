"""An operation: one change of the facts by an operator, published like a run.

The verbs `retire`, `rename` and `prune` differ only in the change, which is in `sql/operations`. The rest is
here: lock, draft, change, build, check, publish. The file from before is kept as the previous one.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from pipelines.common.errors import UsageError, WarehouseError
from pipelines.common.signals import ending_at_once
from pipelines.common.sql import read_sql, set_variables, transaction
from pipelines.common.suggest import nearest
from pipelines.common.version import rollcall_version
from pipelines.config.settings import memory_mb
from pipelines.transform import build as models
from pipelines.warehouse.lock import clear
from pipelines.warehouse.published import refuse_lakehouse
from pipelines.warehouse.runs import next_start
from pipelines.warehouse.store import find_store

Operation = Literal["retire", "rename", "prune"]
Change = Callable[[duckdb.DuckDBPyConnection], object]


def publish_operation(
    home: Path,
    operation: Operation,
    connection: str | None,
    change: Change,
    **variables: str | bool | datetime,
) -> tuple[str, ...]:
    """Make a `change` of the facts, and publish the result.

    Its SQL reads the variables `connection` and `started_at`, and `variables`. Returns a line for each
    failure after publication. Raises UsageError if `connection` is unknown, RunInProgress if a run is in
    progress, PublicationRefused if a check fails afterwards.
    """
    os.umask(0o077)
    store = find_store(home)
    if store.is_empty():
        raise WarehouseError(f"there is no warehouse at {store.name} yet", "run `rollcall sync`")
    if operation != "retire":
        refuse_to_change_lakehouse(home, operation)
    names = [connection] if connection else []
    with store.locked(names) as scratch, ending_at_once(lambda: clear(scratch)):
        store.probe(scratch)
        with store.open_draft(scratch, memory_mb(home)) as draft:
            if connection is not None:
                refuse_unknown_connection(draft.db, connection)
            started_at = next_start(draft.db, store.start(draft.db, _now()))
            set_variables(
                draft.db,
                operation=operation,
                connection=connection,
                started_at=started_at,
                rollcall_version=rollcall_version(),
                **variables,
            )
            draft.run(lambda db: _apply(db, change))
            draft.run(lambda db: models.build(db, home))
            models.refuse_broken(draft.run(lambda db: models.check_run(db, home, is_unchanged=False)))
            draft.finish()
        return store.publish(draft.path, scratch)


def refuse_to_change_lakehouse(home: Path, operation: Operation) -> None:
    """Raise UsageError if the warehouse is a lakehouse, on which `operation` does not work."""
    refuse_lakehouse(home, operation, "migrate it to a file, do it there, and migrate that to a new one")


def refuse_unknown_connection(db: duckdb.DuckDBPyConnection, connection: str) -> None:
    """Raise UsageError if the warehouse has never seen `connection`."""
    known = {name for (name,) in db.execute("select connection from raw.connections").fetchall()}
    if connection not in known:
        raise UsageError(f"the warehouse has no connection {connection}", nearest(connection, known))


def _now() -> datetime:
    return datetime.now(UTC)


def _apply(db: duckdb.DuckDBPyConnection, change: Change) -> None:
    with transaction(db):
        db.execute(read_sql("operations/begin"))
        change(db)
