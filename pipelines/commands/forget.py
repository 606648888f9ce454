"""`rollcall forget`: erases everything received about projects or files.

The published warehouse and the previous one are written again without it, and older runs are removed. The
periods of the versions stay, under a pseudonym. If a provider still lists such a record, it is recognized by
its pseudonym and stored without content, so that the counts of its connection stay true. Forgetting an
EvoVoice project includes its files, also future ones: all their versions that belong to that customer.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.commands.history import Subject, find
from pipelines.common.errors import UsageError
from pipelines.common.filesystem import probe
from pipelines.common.signals import ending_at_once
from pipelines.common.sql import read_sql
from pipelines.config.lake import LakeSettings, lake_settings
from pipelines.config.settings import memory_mb, warehouse_access, warehouse_path
from pipelines.transform import build as models
from pipelines.transform.incremental import own_tables
from pipelines.warehouse.draft import draft_of_facts, open_draft
from pipelines.warehouse.lock import clear, locked
from pipelines.warehouse.older import forget_older
from pipelines.warehouse.paths import replaced_paths
from pipelines.warehouse.publish import publish
from pipelines.warehouse.published import open_published
from pipelines.warehouse.reader import Warehouse


@dataclass(frozen=True)
class Forgettable:
    """A project or file to forget, and how many records and versions are erased with it.

    `quarantined` counts the records in quarantine under its key. `customer` is the connection and id of a
    customer whose files are erased too. `named_by` are the customers below it, which name it in their
    breadcrumbs and are not erased.
    """

    subject: Subject
    records: int
    versions: int
    quarantined: int
    customer: tuple[str, str] | None
    named_by: tuple[str, ...]


def look_up(home: Path, keys: Sequence[str]) -> tuple[Forgettable, ...]:
    """Find these keys or ids in the published warehouse, or in its quarantine.

    Raises UsageError if one does not exist.
    """
    with open_published(home) as warehouse:
        return tuple(
            _forgettable(warehouse.db, subject)
            for subject in dict.fromkeys(_find(warehouse, key) for key in keys)
        )


def forget(home: Path, found: Sequence[Forgettable]) -> tuple[Path, ...]:
    """Erase them. Returns the files that were removed because they contain them.

    These are files of runs before the previous one, and files that `restore` has replaced. Raises
    RunInProgress if a run is in progress, UsageError if the file contains a user's own tables,
    PublicationRefused if a check fails afterwards.
    """
    os.umask(0o077)
    if (lake := lake_settings(home)) is not None:
        _forget_in_lake(home, lake, found)
        return ()
    warehouse, access = warehouse_path(home), warehouse_access(home)
    with locked(warehouse) as scratch, ending_at_once(lambda: clear(scratch)):
        probe(warehouse, scratch)
        memory = memory_mb(home)
        with open_draft(warehouse, scratch, memory) as draft:
            if own := own_tables(draft.db):
                raise UsageError(
                    f"your own tables may contain what you want to erase: {', '.join(own)}",
                    f"move them out of {warehouse}, into a file of their own",
                )
            _erase(draft.db, found)
        # Deleted data may still be readable in the free blocks of a file, so write a new one.
        with draft_of_facts(draft.path, scratch, memory) as clean:
            clean.run(lambda db: models.build(db, home))
            models.refuse_broken(clean.run(lambda db: models.check(db, home)))
        publish(clean.path, warehouse, access, forgetting=True)
        older, asides = forget_older(warehouse), replaced_paths(warehouse)
        for aside in asides:
            aside.unlink()
    return older + asides


def _forget_in_lake(home: Path, lake: LakeSettings, found: Sequence[Forgettable]) -> None:
    """Erase them from the lakehouse and from all of its snapshots but the one that this leaves."""
    from pipelines.warehouse.lake_store import LakeStore

    store = LakeStore(lake, home)
    connections = sorted({one.subject.key.partition(":")[0] for one in found})
    with store.locked(connections) as scratch, ending_at_once(lambda: clear(scratch)):
        with store.open_draft(scratch, memory_mb(home)) as draft:
            _erase(draft.db, found)
            draft.run(lambda db: models.build(db, home))
            models.refuse_broken(draft.run(lambda db: models.check(db, home)))
            draft.finish()
        store.publish(draft.path, scratch)
        store.erase_history()


def _erase(db: duckdb.DuckDBPyConnection, found: Sequence[Forgettable]) -> None:
    db.execute("insert into raw.salt select $1 where not exists (from raw.salt)", [secrets.token_hex(32)])
    records = read_sql("queries/forget/records")
    named = read_sql("queries/forget/named", records=records)
    db.execute(f"create temp table forgotten_records as from (\n{records}) limit 0")
    db.execute("create temp table forgotten_customers (connection text, customer text)")
    for one in found:
        db.execute(f"insert into forgotten_records\n{named}", one.subject.parameters)
        if one.customer:
            db.execute("insert into forgotten_customers values ($1, $2)", one.customer)
    db.execute(read_sql("forget"))


def _find(warehouse: Warehouse, key: str) -> Subject:
    """The one project or file with this key or id, or else its quarantined records."""
    try:
        return find(warehouse, key)
    except UsageError:
        found = [Subject(kind, key, None) for kind, key in _quarantined(warehouse, key)]
        if not found:
            raise
    if len(found) > 1:
        keys = ", ".join(subject.key for subject in found)
        raise UsageError(f"{len(found)} records have the id {key}", f"name one by its key: {keys}")
    return found[0]


def _quarantined(warehouse: Warehouse, key: str) -> list[tuple[str, str]]:
    return warehouse.db.execute(read_sql("queries/forget/quarantined"), {"key": key}).fetchall()


def _forgettable(db: duckdb.DuckDBPyConnection, subject: Subject) -> Forgettable:
    def found(query: str) -> list[tuple[Any, ...]]:
        return db.execute(read_sql(f"queries/forget/{query}"), subject.parameters).fetchall()

    ((records, versions, quarantined),) = found("counts")
    customer = next(iter(found("customer")), None)
    named_by = tuple(key for (key,) in found("named_by"))
    return Forgettable(subject, records, versions, quarantined, customer, named_by)
