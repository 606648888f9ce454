"""`rollcall sync`: one run. Lock, scratch, extract, land, merge, transform and check, publish."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.commands.dry_run import preview
from pipelines.commands.first_run import mark_published, refuse_lost
from pipelines.commands.sync_result import ListingResult, Run, read_run
from pipelines.common.errors import UsageError
from pipelines.common.signals import ending_at_once
from pipelines.config.compute import compute_settings
from pipelines.config.settings import memory_mb
from pipelines.extract.connections import Connection, configured_names, load_connections
from pipelines.load.landing import Landing, land
from pipelines.load.listings import Listings, Progress
from pipelines.load.merge import merge
from pipelines.load.plan import Plan, plan_run
from pipelines.transform import build as models
from pipelines.transform.graph import read_relations
from pipelines.warehouse.draft import Draft
from pipelines.warehouse.lock import clear
from pipelines.warehouse.store import find_store

if TYPE_CHECKING:
    from pipelines.commands.sync_on_workers import Order

__all__ = ["ListingResult", "Observer", "Options", "Run", "sync"]

LONGEST_RUN_S = 6 * 3600.0


@dataclass(frozen=True)
class Observer:
    """Called when a run has begun and holds the lock, and after each page."""

    begun: Callable[[], None] = lambda: None
    progress: Progress = lambda *_: None


@dataclass(frozen=True)
class Options:
    """The options of a run. By default, it syncs every connection and publishes the result.

    `names` are the connections to sync, if not all. `full` reads full listings instead of windows. `accept`
    has, per connection, the exact number of removals that an operator accepts. A `dry_run` publishes nothing.
    A `first_run` begins a new history in a home that has published before but has no warehouse.
    """

    names: tuple[str, ...] = ()
    full: bool = False
    accept: Mapping[str, int] = field(default_factory=dict)
    dry_run: bool = False
    first_run: bool = False


EVERYTHING = Options()
UNOBSERVED = Observer()


def sync(
    home: Path,
    options: Options = EVERYTHING,
    *,
    observer: Observer = UNOBSERVED,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Run:
    """Sync the connections, and publish the result.

    `clock` is called at the start and after the last listing. Raises SyncError if nothing was published.
    """
    os.umask(0o077)  # only the owner may read what a run writes
    store, compute = find_store(home), compute_settings(home)
    if not options.first_run:
        refuse_lost(home, store)
    has_no_views = store.shared or store.is_empty()
    # Before the lock, so that a mistake in the configuration of a first run leaves no files behind.
    connections = _connections(home, options) if has_no_views else ()
    with (
        store.locked([one.name for one in connections]) as scratch,
        ending_at_once(lambda: clear(scratch)),
    ):
        if compute is not None:
            from pipelines.commands.sync_on_workers import sync_on_workers

            observer.begun()
            order = _order(home, options, connections)
            run = sync_on_workers(home, store, compute, order, scratch, observer.progress, clock)
            return run if options.dry_run else replace(run, unfinished=mark_published(home))
        limits = store.probe(scratch)
        with ThreadPoolExecutor(1) as background:
            # Loading connections imports dlt, which takes as long as opening a draft.
            opening = background.submit(store.open_draft, scratch, memory_mb(home))
            connections = connections or _connections(home, options)
            observer.begun()
        with opening.result() as draft:
            plan = plan_run(draft.db, connections, store.start(draft.db, clock()), full=options.full)
            landing, is_prepared = _extract_and_land(
                plan, draft, home, scratch, observer, has_no_views=has_no_views
            )
            _merge(draft, home, plan, landing, options, clock())
            findings = _transform_and_check(draft, home, is_prepared=is_prepared)
            run = read_run(draft.db, store.name, findings, _left_out(home, options), limits)
            if options.dry_run:
                return replace(run, preview=preview(draft.db, run.started_at))
            draft.finish()
        unfinished = store.publish(draft.path, scratch) + mark_published(home)
        return replace(run, unfinished=unfinished)


def _order(home: Path, options: Options, connections: Sequence[Connection]) -> "Order":
    from pipelines.commands.sync_on_workers import Order

    left_out = _left_out(home, options)
    return Order(connections, options.full, options.accept, options.dry_run, left_out, LONGEST_RUN_S)


def _connections(home: Path, options: Options) -> tuple[Connection, ...]:
    connections = load_connections(home, options.names)
    for name in options.accept:
        if name not in {connection.name for connection in connections}:
            raise UsageError(f"--accept-removals names {name}, which is not in this run", "name it too")
    return connections


def _left_out(home: Path, options: Options) -> Sequence[str]:
    """The configured connections, if a run of only some of them has to report the others."""
    return (configured_names(home) or ()) if options.names else ()


def _extract_and_land(
    plan: Plan, draft: Draft, home: Path, scratch: Path, observer: Observer, *, has_no_views: bool
) -> tuple[Landing, bool]:
    """Read all listings into a landing. Also says whether the models of a draft without views are prepared.

    Models are prepared while the run waits for pages, because then the processor is idle.
    """
    has_page = threading.Event()

    def progress(connection: Connection, scope: str | None, pages: int, records: int) -> None:
        has_page.set()
        observer.progress(connection, scope, pages, records)

    records = sum(map(len, plan.known.values()))
    listings = Listings(
        plan.connections, plan.windows, plan.known, time.monotonic() + LONGEST_RUN_S, progress
    )
    with ThreadPoolExecutor(1) as background:
        preparing = background.submit(_prepare, draft.db, home, has_page, has_no_views=has_no_views)
        try:
            landing = land(listings, scratch)
        finally:
            has_page.set()
    draft.use_threads(records + sum(one.records for one in landing.listings))
    # An error in a model is reported when the model is used.
    return landing, has_no_views and preparing.exception() is None


def _prepare(
    db: duckdb.DuckDBPyConnection, home: Path, has_page: threading.Event, *, has_no_views: bool
) -> None:
    """Do the part of the models' work that needs no records: read them, and create missing views."""
    has_page.wait()
    if has_no_views:
        models.prepare(db, home)
    else:
        read_relations(home)


def _merge(
    draft: Draft, home: Path, plan: Plan, landing: Landing, options: Options, finished_at: datetime
) -> None:
    configured = configured_names(home)
    draft.run(lambda db: merge(db, landing, plan.started_at, options.accept, finished_at, configured))


def _transform_and_check(draft: Draft, home: Path, *, is_prepared: bool) -> tuple[models.Finding, ...]:
    """Build the published tables. Returns the warnings of the checks; raises PublicationRefused on errors."""
    is_changed = draft.run(lambda db: models.update(db, home, is_prepared=is_prepared))
    findings = draft.run(lambda db: models.check_run(db, home, is_unchanged=not is_changed))
    models.refuse_broken(findings)
    return findings
