"""`rollcall sync` on the workers of an engine: everything between the lock and the result."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.commands.dry_run import preview
from pipelines.commands.sync_result import Run, read_run
from pipelines.common.sql import transaction
from pipelines.compute.job import ConnectionUnit, Job
from pipelines.compute.parcel import asked, home_files
from pipelines.compute.run import Parts, run_units
from pipelines.compute.workers import workers_for
from pipelines.config.compute import ComputeSettings
from pipelines.config.settings import memory_mb
from pipelines.extract.connections import Connection, configured_names
from pipelines.load.listings import Progress
from pipelines.load.merge import begin_merge, judge, write_listings
from pipelines.load.plan import refuse_changed_provider
from pipelines.transform import build as models
from pipelines.transform.part_checks import check_whole
from pipelines.warehouse.draft import Draft
from pipelines.warehouse.exchange import Exchange
from pipelines.warehouse.lake_parts import write_facts
from pipelines.warehouse.lake_store import LakeStore
from pipelines.warehouse.store import Store


@dataclass(frozen=True)
class Order:
    """The options of such a run, as in `Options`. It must end within `longest_s` seconds.

    `left_out` are the configured connections, if the run syncs only some of them.
    """

    connections: Sequence[Connection]
    full: bool
    accept: Mapping[str, int]
    dry_run: bool
    left_out: Sequence[str]
    longest_s: float


class _NotPublished(Exception):
    """Undoes the commit of a dry run."""


def sync_on_workers(
    home: Path,
    store: Store,
    compute: ComputeSettings,
    order: Order,
    scratch: Path,
    progress: Progress,
    clock: Callable[[], datetime],
) -> Run:
    """Read all connections on workers, judge their listings here, and commit everything at once.

    Raises as `sync` does.
    """
    assert isinstance(store, LakeStore)
    with (
        workers_for(compute) as workers,
        store.exchange() as exchange,
        store.open_facts(scratch, memory_mb(home)) as draft,
    ):
        refuse_changed_provider(draft.db, order.connections)
        started_at = store.start(draft.db, clock())
        units = _units(home, store, compute, order, draft, exchange, started_at)
        # A mistake in a model ends the run before its first request.
        models.build(draft.db, home, comments=False)
        by_name = {one.name: one for one in order.connections}
        parts = run_units(
            workers, units, lambda name, scope, *counts: progress(by_name[name], scope, *counts)
        )
        _judge(draft.db, home, parts, started_at, clock())
        draft.finish()
        draft.db.close()
        return _commit(home, store, order, draft.path, parts)


def _units(
    home: Path,
    store: LakeStore,
    compute: ComputeSettings,
    order: Order,
    draft: Draft,
    exchange: Exchange,
    started_at: datetime,
) -> list[ConnectionUnit]:
    write_facts(draft.db, exchange)
    known = store.known()
    job = Job(
        exchange,
        known.snapshot,
        known.columns,
        started_at,
        order.full,
        dict(order.accept),
        compute.unit_records,
        compute.memory_mb,
        home_files(home),
        order.longest_s,
    )
    units = [ConnectionUnit(job, asked(one), known.versions.get(one.name, 0)) for one in order.connections]
    return sorted(units, key=lambda unit: -unit.known)  # the units that take longest start first


def _judge(
    db: duckdb.DuckDBPyConnection, home: Path, parts: Parts, started_at: datetime, finished_at: datetime
) -> None:
    """Write the facts about the run, by the counts of all units."""
    begin_merge(db, parts.listings, started_at, finished_at, configured_names(home))
    with transaction(db):
        judge(db, parts.totals)
        write_listings(db)


def _commit(home: Path, store: LakeStore, order: Order, draft: Path, parts: Parts) -> Run:
    """Publish everything, once the checks have passed; or, in a dry run, read what it would be."""
    found: list[Run] = []

    def conclude(db: duckdb.DuckDBPyConnection) -> None:
        findings = check_whole(db, home, parts.findings)
        models.refuse_broken(findings)
        run = read_run(db, store.name, findings, order.left_out, ())
        if order.dry_run:
            found[:] = [replace(run, preview=preview(db, run.started_at))]
            raise _NotPublished
        found[:] = [run]

    with contextlib.suppress(_NotPublished):
        store.publish_parts(draft, parts.changes, conclude)
    return found[0]
