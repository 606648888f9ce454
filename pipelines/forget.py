"""`rollcall forget`: erases what was ever received of projects or files, as those concerned may demand.

The published warehouse and the former one are written anew without it. What stays is the shape of history:
under a pseudonym, from when to when there was a record. A record that its provider lists still is known by
its pseudonym and kept as empty; its connection's counts stay true. An EvoVoice project goes with its files,
those to come included.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines import models
from pipelines.beside import asides_of
from pipelines.history import Subject, find
from pipelines.interruption import ending_at_once
from pipelines.reading import open_warehouse
from pipelines.settings import warehouse_path
from pipelines.warehouse import connect, draft, locked, publish, rewritten

_HOLDERS = """
    select distinct connection, project_id as holder
    from projects_history
    where $kind = 'project' and project_key = $key and exists (from erased where entity = 'files')
"""

# Whatever a project or file is made of: its own record, or for an EvoVoice project its files.
_ERASED = """
    select distinct connection, scope, entity, record_id
    from raw.records
    where
        (entity = $kind || 's' and concat_ws(':', connection, scope, record_id) = $key)
        or ($kind = 'project' and entity = 'files' and connection || ':' || record_id in (
            select file_key from files_history where project_key = $key
        ))
"""


@dataclass(frozen=True)
class Forgettable:
    """What is to be forgotten: a project or file, and how many records and versions are erased with it.

    `named_by` are the customers below it, which name it in their breadcrumb and stay as they are.
    """

    subject: Subject
    records: int
    versions: int
    named_by: tuple[str, ...]


def look_up(home: Path, keys: Sequence[str]) -> tuple[Forgettable, ...]:
    """What these keys or ids name in the published warehouse. Raises UsageError where one names nothing."""
    with open_warehouse(warehouse_path(home)) as warehouse:
        return tuple(
            _forgettable(warehouse.connection, subject)
            for subject in dict.fromkeys(find(warehouse, key) for key in keys)
        )


def forget(home: Path, found: Sequence[Forgettable]) -> tuple[Path, ...]:
    """Erase them. Returns the files, once put aside by `restore`, that went too, for they hold it whole.

    Raises NightRunning where a night runs, PublicationRefused where a check fails after it.
    """
    os.umask(0o077)
    warehouse = warehouse_path(home)
    with locked(warehouse) as scratch, ending_at_once(lambda: shutil.rmtree(scratch, ignore_errors=True)):
        facts = draft(warehouse, scratch)
        with connect(facts) as connection:
            for one in found:
                subject = {"kind": one.subject.kind, "key": one.subject.key}
                connection.execute(f"create or replace temp table erased as {_ERASED}", subject)
                connection.execute(f"create or replace temp table holders as {_HOLDERS}", subject)
                connection.execute((models.SQL_ROOT / "forget.sql").read_text())
        # What is deleted from a file may still be read in its free blocks: hence a new one.
        candidate = rewritten(facts, scratch)
        with connect(candidate) as connection:
            models.build(connection, home)
            models.refuse_broken(models.check(connection, home))
        publish(candidate, warehouse, forgetting=True)
        asides = asides_of(warehouse)
        for aside in asides:
            aside.unlink()
    return asides


def _forgettable(connection: duckdb.DuckDBPyConnection, subject: Subject) -> Forgettable:
    row = connection.execute(
        f"""
        select count(distinct (connection, scope, entity, record_id)), count(*)
        from raw.records semi join ({_ERASED}) as erased
            on
                records.connection = erased.connection
                and records.scope is not distinct from erased.scope
                and records.entity = erased.entity
                and records.record_id = erased.record_id
        """,
        {"kind": subject.kind, "key": subject.key},
    ).fetchone()
    assert row is not None
    below = connection.execute(
        """
        select distinct file.project_key
        from files_history as file
        inner join projects_history as project on project.project_key = $key
        where
            $kind = 'project'
            and file.connection = project.connection
            and file.project_key <> $key
            and contains(file.customer_breadcrumb::text, to_json(project.project_id)::text)
        order by file.project_key
        """,
        {"kind": subject.kind, "key": subject.key},
    ).fetchall()
    records, versions = row
    return Forgettable(subject, records, versions, tuple(key for (key,) in below))
