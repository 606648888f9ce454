"""`rollcall sync`: one run. Lock, scratch, list, land, remember, model and check, publish."""

import functools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from pipelines.commands.dry_run import Preview, preview
from pipelines.commands.first_run import mark_published, refuse_lost
from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.exit_codes import ExitCode
from pipelines.common.filesystem import probe
from pipelines.common.signals import ending_at_once
from pipelines.common.sql import literal
from pipelines.config.settings import memory_mb, previous_kept, warehouse_path
from pipelines.extract.connections import Connection, configured_names, load_connections
from pipelines.load.landing import Progress, land
from pipelines.load.merge import known_texts, merge, next_start
from pipelines.transform import build as models
from pipelines.transform.graph import read_relations
from pipelines.warehouse.freshness import Freshness, read_freshness
from pipelines.warehouse.older import keep_older
from pipelines.warehouse.publish import (
    clear,
    draft,
    draft_path,
    locked,
    publish,
    retry_with_more_memory,
    use_threads,
)

LONGEST_RUN_S = 6 * 3600.0
MOST_ZONES_DIFFER = timedelta(hours=26)  # from UTC-12 to UTC+14
EARLIEST_FILE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Observer:
    """Who is told when a run has begun, alone on its warehouse, and of each page that comes in it."""

    begun: Callable[[], None] = lambda: None
    progress: Progress = lambda *_: None


UNOBSERVED = Observer()


@dataclass(frozen=True)
class ListingResult:
    """What a run made of one listing: counts of records, as `listings` publishes them."""

    connection: str
    provider: str
    scope: str | None
    entity: str
    outcome: str
    pages: int
    requests: int
    retries: int
    records: int
    new: int
    changed: int
    removed: int
    unchanged: int
    repeated: int
    quarantined: int
    held_back: int
    seconds: float
    message: str | None


@dataclass(frozen=True)
class Run:
    """One run: when it began and ended, how each listing went, what checks warn of.

    It is published, unless it was only a preview of what it would change. `not_asked` is how the configured
    connections stand that it left out. `limits` says what the file system lacks, `unfinished` what failed
    once the run was published.
    """

    started_at: datetime
    finished_at: datetime
    outcome: str
    warehouse: Path
    listings: tuple[ListingResult, ...]
    warnings: tuple[models.Finding, ...]
    not_asked: tuple[Freshness, ...] = ()
    preview: Preview | None = None
    limits: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """PARTIAL unless every listing is verified."""
        return ExitCode.DONE if self.outcome == "complete" else ExitCode.PARTIAL


def sync(  # noqa: PLR0913 - one for each option of the verb
    home: Path,
    names: Sequence[str] = (),
    *,
    full: bool = False,
    accept: Mapping[str, int] | None = None,
    dry_run: bool = False,
    first_run: bool = False,
    observer: Observer = UNOBSERVED,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Run:
    """Ask every connection, or those named, for all its records, and publish what is known then.

    `full` reads whole listings where windows would do. `accept` gives, per connection, the exact number of
    removals that an operator agrees to. A `dry_run` ends before anything is published. A `first_run` begins a
    new history where a home that has published before has no warehouse. `clock` says when the run begins
    and ends. Raises SyncError where nothing could be published.
    """
    os.umask(0o077)  # whatever a run writes is for its owner only
    warehouse, memory, keep = warehouse_path(home), memory_mb(home), previous_kept(home)
    if not first_run:
        refuse_lost(home, warehouse)
    load = functools.partial(_connections, home, names, accept or {})
    # A mistake in the configuration leaves nothing behind where nothing was.
    is_first = not warehouse.exists()
    connections = load() if is_first else None
    with (
        locked(warehouse) as scratch,
        ending_at_once(lambda: clear(scratch)),
        ThreadPoolExecutor() as beside,
    ):
        limits = probe(warehouse, scratch)
        drafting = beside.submit(draft, warehouse, scratch, memory)
        # It imports dlt, which takes Python as long as drafting takes DuckDB.
        connections = connections or load()
        observer.begun()
        with drafting.result() as connection:
            _refuse_changed_provider(connection, connections)
            connections = _unquoted(connection, connections)
            started_at = next_start(connection, clock())
            windows = {} if full else windows_due(connection, connections, started_at)
            connections = with_margins(connection, connections, windows)
            known = known_texts(connection, connections, windows)
            asked = threading.Event()  # for more pages, which takes the processor little
            preparing = beside.submit(_prepare, connection, home, asked, is_first=is_first)

            def came(connection: Connection, scope: str | None, pages: int, records: int) -> None:
                asked.set()
                observer.progress(connection, scope, pages, records)

            deadline = time.monotonic() + LONGEST_RUN_S
            try:
                landing, listings = land(connections, windows, known, scratch, deadline, came)
            finally:
                asked.set()
                wait([preparing])  # it uses the connection, which a failure would close
            # What is wrong with a model is told when it is used.
            is_prepared = preparing.exception() is None and is_first
            records = sum(map(len, known.values())) + sum(one.records for one in listings)
            del known  # as much memory as DuckDB has
            use_threads(connection, records)
            configured = configured_names(home)
            merging = functools.partial(
                merge, connection, landing, listings, started_at, accept or {}, clock(), configured
            )
            retry_with_more_memory(connection, memory, merging)
            updating = functools.partial(models.update, connection, home, is_prepared=is_prepared)
            retry_with_more_memory(connection, memory, updating)
            findings = retry_with_more_memory(connection, memory, lambda: models.check(connection, home))
            models.refuse_broken(findings)
            left_out = (configured or ()) if names else ()
            run = replace(_run(connection, warehouse, findings, left_out), limits=limits)
            if dry_run:
                return replace(run, preview=preview(connection, run.started_at))
            connection.execute("checkpoint")  # closing does it too, but tells nobody where it fails
        keep_older(warehouse, scratch, keep)
        unfinished = publish(draft_path(warehouse, scratch), warehouse) + mark_published(home)
        return replace(run, unfinished=unfinished)


def _prepare(
    connection: duckdb.DuckDBPyConnection, home: Path, asked: threading.Event, *, is_first: bool
) -> None:
    """Do what the models need, and no record: read them and, where nothing stands yet, make their views."""
    asked.wait()
    if not is_first:
        read_relations(home)
        return
    models.prepare(connection, home)


def _connections(home: Path, names: Sequence[str], accept: Mapping[str, int]) -> tuple[Connection, ...]:
    connections = load_connections(home, names)
    for name in accept:
        if name not in {connection.name for connection in connections}:
            raise UsageError(f"--accept-removals names {name}, which this run does not ask", "name it too")
    return connections


def windows_due(
    warehouse: duckdb.DuckDBPyConnection, connections: Sequence[Connection], now: datetime
) -> dict[str, datetime]:
    """Since when each connection that can be listed in part is asked; absent where all of it is due."""
    windows = {}
    for connection in connections:
        if not connection.provider.created_keys:
            continue
        every = connection.settings.integer("full_every_days")
        whole, newest = _last_whole_listing(warehouse, connection.name, now)
        # Half a day of grace: a nightly schedule never starts at quite the same second.
        due = whole is None or not every or now - whole > timedelta(days=every - 0.5)
        if not due and newest is not None:
            windows[connection.name] = newest - timedelta(days=connection.settings.integer("lookback_days"))
    return windows


def with_margins(
    warehouse: duckdb.DuckDBPyConnection, connections: Sequence[Connection], windows: Mapping[str, datetime]
) -> tuple[Connection, ...]:
    """The connections, with a margin before the windows of those whose times carry no offset.

    Nobody knows in which zone their servers read the start of a window. A record that one leaves out for that
    reason must not count as removed.
    """
    return tuple(
        replace(one, window_margin=MOST_ZONES_DIFFER)
        if one.name in windows and _has_local_times(warehouse, one, windows[one.name])
        else one
        for one in connections
    )


def _has_local_times(warehouse: duckdb.DuckDBPyConnection, connection: Connection, since: datetime) -> bool:
    """Whether a record known to be created since then says so without an offset."""
    said = ", ".join(f"payload ->> {literal(key)}" for key in connection.provider.created_keys)
    row = warehouse.execute(
        f"""
        select exists (
            select 1 from raw.records
            where
                connection = $1 and valid_to is null and created_at >= $2
                and not regexp_matches(coalesce({said}), '([Zz]|[+-]\\d\\d:?\\d\\d)$')
        )
        """,
        [connection.name, since],
    ).fetchone()
    assert row is not None
    return bool(row[0])


def _last_whole_listing(
    warehouse: duckdb.DuckDBPyConnection, connection: str, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """When the connection was last listed whole and verified, and the newest creation time known of it.

    A time that cannot be true, such as one to come or .NET's year 1, would move the window away.
    """
    row = warehouse.execute(
        """
        select
            (
                select max(started_at) from raw.listings
                where connection = $1 and outcome = 'verified' and window_start is null
            ),
            (
                select max(created_at) from raw.records
                where connection = $1 and valid_to is null and created_at between $2 and $3
            )
        """,
        [connection, EARLIEST_FILE, now],
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _refuse_changed_provider(warehouse: duckdb.DuckDBPyConnection, connections: Sequence[Connection]) -> None:
    """A name stands for one account for ever: its keys must not come to mean another provider's projects."""
    rows = warehouse.execute("select connection, provider from raw.connections").fetchall()
    known: dict[str, str] = dict(rows)
    for connection in connections:
        before = known.get(connection.name, connection.provider_name)
        if before != connection.provider_name:
            raise ConfigurationError(
                f"connection {connection.name} was of {before} and is now of {connection.provider_name}",
                "give the new account a name of its own",
            )


def _unquoted(
    warehouse: duckdb.DuckDBPyConnection, connections: Sequence[Connection]
) -> tuple[Connection, ...]:
    """The connections, without what their providers say where that might name what is forgotten."""
    forgetful = {name for (name,) in warehouse.execute("select connection from raw.forgotten").fetchall()}
    return tuple(replace(one, may_quote=one.name not in forgetful) for one in connections)


def _run(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Path,
    findings: tuple[models.Finding, ...],
    configured: Sequence[str],
) -> Run:
    """The run just remembered, read back from what will be published."""
    run = connection.execute(
        "select started_at, finished_at, outcome from runs order by started_at desc limit 1"
    ).fetchone()
    assert run is not None
    columns = ", ".join(ListingResult.__dataclass_fields__)
    listings = connection.execute(
        f"select {columns} from listings where started_at = $1 order by connection, scope", [run[0]]
    ).fetchall()
    return Run(
        started_at=run[0],
        finished_at=run[1],
        outcome=run[2],
        warehouse=warehouse,
        listings=tuple(ListingResult(*listing) for listing in listings),
        warnings=findings,  # an error would have been refused
        not_asked=_not_asked(connection, configured, {listing[0] for listing in listings}),
    )


def _not_asked(
    connection: duckdb.DuckDBPyConnection, configured: Sequence[str], asked: Set[str]
) -> tuple[Freshness, ...]:
    others = sorted(set(configured) - asked)
    known = {one.connection: one for one in read_freshness(connection)} if others else {}
    return tuple(known.get(name, Freshness(name, None, None, None, None, is_fresh=False)) for name in others)
