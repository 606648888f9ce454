"""What the report says of the runs, the connections and their listings, read from the published tables.

Instants are milliseconds since 1970, in UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pipelines.commands.changes import moment
from pipelines.commands.report.catalogue import Catalogue, read_catalogue
from pipelines.commands.report.periods import Period, read_period
from pipelines.common.errors import WarehouseError
from pipelines.warehouse.freshness import IS_FRESH
from pipelines.warehouse.reader import Warehouse

SHOWN_RUNS = 120
SLOWEST = 8
USUAL_RUNS = 30


class Run(NamedTuple):
    """The last run; how many runs there were with it, and when the first of them started."""

    started: int
    outcome: str
    rollcall_version: str
    duckdb_version: str
    runs: int
    first: int


class Count(NamedTuple):
    """How many projects of a provider had a status after a run. Where none had, there is no count."""

    run: int
    provider: str
    status: str
    projects: int


class Connection(NamedTuple):
    """A configured account, and how its last attempt went. `stale`: it is not up to date."""

    name: str
    provider: str
    projects: int
    last_verified: int | None
    last_attempt: int | None
    outcome: str | None
    message: str | None
    stale: bool
    held_back: int
    quarantined: int


class Listing(NamedTuple):
    """A listing of its connection's last run. `usual` is the median of its seconds in the runs before."""

    connection: str
    scope: str | None
    entity: str
    records: int
    requests: int
    retries: int
    seconds: float
    usual: float | None


@dataclass(frozen=True)
class Facts:
    """All that the report says."""

    run: Run
    counts: tuple[Count, ...]
    periods: tuple[Period, ...]
    connections: tuple[Connection, ...]
    slowest: tuple[Listing, ...]
    catalogue: Catalogue


def read_facts(warehouse: Warehouse, since: str | None) -> Facts:
    """Read them. `since` is as for `rollcall changes`, but counted back from the last run; None: 30 days.

    Raises UsageError where `since` is no time, WarehouseError where there was no run yet.
    """
    run = _last_run(warehouse)
    last = datetime.fromtimestamp(run.started / 1000, UTC)
    today = last.replace(hour=0, minute=0, second=0, microsecond=0)
    chosen = today - timedelta(days=29) if since is None else moment(since, last)
    return Facts(
        run=run,
        counts=_counts(warehouse),
        periods=(
            read_period(warehouse, None),
            read_period(warehouse, today - timedelta(days=6)),
            read_period(warehouse, chosen),
        ),
        connections=_connections(warehouse),
        slowest=_slowest(warehouse),
        catalogue=read_catalogue(warehouse),
    )


def _last_run(warehouse: Warehouse) -> Run:
    runs = warehouse.connection.execute(
        """
        select
            epoch_ms(started_at), outcome, rollcall_version, duckdb_version,
            count(*) over () as runs,
            epoch_ms(min(started_at) over ()) as first
        from runs
        order by started_at desc
        limit 1
        """
    ).fetchall()
    if not runs:
        raise WarehouseError(f"there is no run in {warehouse.name} yet", "run `rollcall sync`")
    return Run(*runs[0])


def _counts(warehouse: Warehouse) -> tuple[Count, ...]:
    """After every night, or after `SHOWN_RUNS` of them, spread evenly, with the last one among them."""
    rows = warehouse.connection.execute(
        f"""
        with numbered as (
            select
                started_at,
                row_number() over (order by started_at) as number,
                greatest(count(*) over (), {SHOWN_RUNS}) as runs
            from runs
        ),

        shown as (
            select started_at from numbered
            where number * {SHOWN_RUNS} // runs > (number - 1) * {SHOWN_RUNS} // runs
        ),

        steps as (
            select valid_from as instant, provider, status, 1 as step from projects_history
            union all
            select valid_to as instant, provider, status, -1 as step from projects_history
            where valid_to is not null
        ),

        sums as (
            select instant, provider, status, sum(step) as step from steps group by all
        )

        select epoch_ms(shown.started_at), provider, status, sum(step)::bigint as projects
        from shown
        inner join sums on sums.instant <= shown.started_at
        group by shown.started_at, provider, status
        having projects > 0
        order by shown.started_at, provider, status
        """
    ).fetchall()
    return tuple(Count(*row) for row in rows)


def _connections(warehouse: Warehouse) -> tuple[Connection, ...]:
    rows = warehouse.connection.execute(
        f"""
        with last_attempts as (
            select * from listings
            qualify started_at = max(started_at) over (partition by connection)
        ),

        kept as (
            select connection, sum(held_back)::bigint as held_back, sum(quarantined)::bigint as quarantined
            from last_attempts
            group by connection
        ),

        listed as (
            select connection, count(*) as projects from projects group by connection
        )

        select
            connections.connection, provider, coalesce(projects, 0),
            epoch_ms(last_verified_at), epoch_ms(last_attempt_at),
            outcome, message,
            not {IS_FRESH} as stale,
            coalesce(held_back, 0), coalesce(quarantined, 0)
        from connections
        left join kept using (connection)
        left join listed using (connection)
        order by stale desc, connection
        """
    ).fetchall()
    return tuple(Connection(*row) for row in rows)


def _slowest(warehouse: Warehouse) -> tuple[Listing, ...]:
    rows = warehouse.connection.execute(
        f"""
        with numbered as (
            select *, dense_rank() over (partition by connection order by started_at desc) - 1 as age
            from listings
        ),

        usual as (
            select connection, scope, entity, median(seconds) as seconds
            from numbered
            where age between 1 and {USUAL_RUNS}
            group by connection, scope, entity
        )

        select
            latest.connection, latest.scope, latest.entity, latest.records, latest.requests, latest.retries,
            latest.seconds, usual.seconds
        from numbered as latest
        left join usual
            on latest.connection = usual.connection
            and latest.scope is not distinct from usual.scope
            and latest.entity = usual.entity
        where latest.age = 0
        order by latest.seconds desc, latest.connection, latest.scope
        limit {SLOWEST}
        """
    ).fetchall()
    return tuple(Listing(*row) for row in rows)
