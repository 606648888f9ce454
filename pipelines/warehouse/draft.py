"""The draft of a warehouse: a copy of the published file that only its run sees until it is published."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import duckdb

from pipelines.common.database import doubled_memory_mb, hidden_builtins, open_database
from pipelines.common.errors import WarehouseError
from pipelines.common.sql import identifier, literal, read_sql, transaction
from pipelines.transform.facts import facts_sql
from pipelines.transform.incremental import forget_build
from pipelines.warehouse.fingerprint import is_as_published
from pipelines.warehouse.inspection import is_older, is_wasteful, of_no_release, readable
from pipelines.warehouse.paths import previous_path, recovery_hint

T = TypeVar("T")

# Every DuckDB from 1.4 on can write and read this.
STORAGE_VERSION = "v1.4.0"
# A tenth of DuckDB's default. A thread holds a group in memory until it is written. Smaller groups make a
# larger file; with larger ones, the last checkpoint rewrites the incomplete groups of two threads.
ROWS_PER_GROUP = 12_288
# What a thread of DuckDB needs to write such groups with rows of a thousand bytes.
MB_PER_THREAD = 150
# Fewer are not worth another thread.
RECORDS_PER_THREAD = 8 * ROWS_PER_GROUP


class Draft:
    """A DuckDB file to work on, and the memory that DuckDB may use for it. Close it before it is published.

    `db` is open from the start; the file at `path` only once it is attached. DuckDB spills to a directory
    next to the file.
    """

    def __init__(self, path: Path, memory_mb: int) -> None:
        self.path = path
        self.memory_mb = memory_mb
        self.db = open_database(
            settings={
                "temp_directory": str(path.with_suffix(".spill")),
                "memory_limit": f"{memory_mb}MB",
                "threads": str(min(os.cpu_count() or 1, max(1, memory_mb // MB_PER_THREAD))),
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def attach(self, *, has_facts: bool = False) -> None:
        """Open the file, or create it if it does not exist, with the tables of facts that it lacks.

        With `has_facts`, it is known to lack none.
        """
        self.db.execute(
            f"attach {literal(str(self.path))} as draft "
            f"(storage_version '{STORAGE_VERSION}', row_group_size {ROWS_PER_GROUP})"
        )
        self.db.execute("use draft")
        if not has_facts:
            self.db.execute(facts_sql())

    def run(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Return what `work`, one transaction, returns for `db`; retry with twice the memory if it runs out.

        Raises OutOfMemoryException if the machine has no more memory.
        """
        while True:
            try:
                return work(self.db)
            except duckdb.Error as error:
                self.limit_memory(doubled_memory_mb(self.memory_mb, error))

    def limit_memory(self, memory_mb: int) -> None:
        """Set how much memory DuckDB may use."""
        self.memory_mb = memory_mb
        self.db.execute(f"set memory_limit = '{memory_mb}MB'")

    def use_threads(self, records: int) -> None:
        """Use as many threads as work on this number of records is worth, and memory allows."""
        row = self.db.execute("select current_setting('threads')").fetchone()
        assert row is not None
        self.db.execute(f"set threads = {min(row[0], 1 + records // RECORDS_PER_THREAD)}")

    def finish(self) -> None:
        """Write everything to the file. Closing it would too, but would not report a failure."""
        self.db.execute("checkpoint")


def draft_path(warehouse: Path, scratch: Path) -> Path:
    """The path of the draft in the scratch directory."""
    return scratch / warehouse.name


def open_draft(warehouse: Path, scratch: Path, memory_mb: int) -> Draft:
    """Open a copy of the published warehouse to work on, or a new one if none is published yet.

    If another program or another version has written to the published file, every table is rebuilt. The
    write-ahead log, which only another program can have left, is not copied. Raises WarehouseError if the
    published file is damaged or from a newer Rollcall, or if only a previous file exists.
    """
    with contextlib.ExitStack() as on_failure:
        draft = on_failure.enter_context(Draft(draft_path(warehouse, scratch), memory_mb))
        if warehouse.exists():
            _continue(draft, warehouse)
        elif previous_path(warehouse).exists():
            raise WarehouseError(
                f"there is no warehouse at {warehouse}, but the previous run's file exists",
                f"run `rollcall restore`, or move {previous_path(warehouse)} away to start a new history",
            )
        else:
            draft.attach()
        on_failure.pop_all()
    return draft


def draft_of_facts(file: Path, scratch: Path, memory_mb: int) -> Draft:
    """Open a new draft in `scratch` with only the facts of `file`. Its published tables are not built yet."""
    with contextlib.ExitStack() as on_failure:
        draft = on_failure.enter_context(Draft(scratch / f"facts-{file.name}", memory_mb))
        draft.attach()
        draft.run(lambda db: _copy_tables(db, file, facts_only=True))
        on_failure.pop_all()
    return draft


def _continue(draft: Draft, warehouse: Path) -> None:
    """Copy the published file to the draft; only its tables if the file itself should not be continued.

    A file that this version has not written may be damaged, be of another version, or have macros that
    Rollcall's own SQL would call.
    """
    published = draft.path.with_name(f"{draft.path.name}.published")
    shutil.copyfile(warehouse, published)
    is_known = is_as_published(published, warehouse)
    with readable(draft.db, published, warehouse, recovery_hint(warehouse), is_intact=is_known):
        needs_upgrade = not is_known and is_older(draft.db, warehouse)
        is_crafted = not is_known and hidden_builtins(draft.db) != []
        is_rewritten = needs_upgrade or is_crafted or is_wasteful(draft.db)
    if not is_rewritten:
        published.rename(draft.path)
    draft.attach(has_facts=is_known and not is_rewritten)
    if is_rewritten:
        memory_mb = draft.memory_mb
        try:
            draft.run(lambda db: _copy_tables(db, published))
        except duckdb.ConstraintException:
            raise of_no_release(warehouse) from None
        if needs_upgrade:
            draft.run(lambda db: db.execute(read_sql("upgrade")))
        draft.limit_memory(memory_mb)
        published.unlink()
    if is_rewritten or not is_known:
        forget_build(draft.db)


def _copy_tables(db: duckdb.DuckDBPyConnection, file: Path, *, facts_only: bool = False) -> None:
    """Copy the tables and views of another file, including a user's own; with `facts_only`, only the facts.

    The copy has no free space. Macros are not copied: those of a user come from `sql/macros`.
    """
    db.execute(f"attach if not exists {literal(str(file))} as published (read_only)")
    tables = db.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'published' "
        "and (schema_name = 'raw' or not $1)",
        [facts_only],
    ).fetchall()
    with transaction(db):
        for schema, table in tables:
            name = f"{identifier(schema)}.{identifier(table)}"
            if schema == "raw":
                db.execute(f"insert into {name} by name from published.{name}")
                continue
            db.execute(f"create schema if not exists {identifier(schema)}")
            db.execute(f"create table {name} as from published.{name}")
    if not facts_only:
        _copy_views(db)
    db.execute("detach published")


def _copy_views(db: duckdb.DuckDBPyConnection) -> None:
    """Create the views of the attached `published`, except those of the schema `staging`."""
    views = db.execute(
        "select sql from duckdb_views() where database_name = 'published' and not internal "
        "and schema_name <> 'staging' order by view_oid"
    ).fetchall()
    pending = [statement for (statement,) in views]
    while pending:
        # A view of another view can only be created after it. A view of a missing table could not be read.
        failed = [statement for statement in pending if not _is_created(db, statement)]
        if len(failed) == len(pending):
            return
        pending = failed


def _is_created(db: duckdb.DuckDBPyConnection, view: str) -> bool:
    try:
        db.execute(view)
    except duckdb.Error:
        return False
    return True
