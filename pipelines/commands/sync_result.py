"""The result of `rollcall sync`, read back from the draft that is published."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.commands.dry_run import Preview
from pipelines.common.exit_codes import ExitCode
from pipelines.extract.connections import listing_name
from pipelines.transform.build import Finding
from pipelines.warehouse.freshness import Freshness, read_freshness
from pipelines.warehouse.runs import read_last_run


@dataclass(frozen=True)
class ListingResult:
    """The result of one listing: counts of records, as `listings` publishes them."""

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

    @property
    def name(self) -> str:
        """The name of the listing in messages."""
        return listing_name(self.connection, self.scope)


@dataclass(frozen=True)
class Run:
    """One run: when it began and ended, the result of each listing, and the warnings of the checks.

    It is published, unless it has a `preview` of what it would change. `not_asked` are the configured
    connections that it left out. `limits` says what the file system lacks, `unfinished` what failed after
    publication.
    """

    started_at: datetime
    finished_at: datetime
    outcome: str
    warehouse: str
    listings: tuple[ListingResult, ...]
    warnings: tuple[Finding, ...]
    not_asked: tuple[Freshness, ...] = ()
    preview: Preview | None = None
    limits: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """PARTIAL unless every listing is verified."""
        return ExitCode.DONE if self.outcome == "complete" else ExitCode.PARTIAL


def read_run(
    db: duckdb.DuckDBPyConnection,
    warehouse: str,
    warnings: tuple[Finding, ...],
    configured: Sequence[str],
    limits: tuple[str, ...],
) -> Run:
    """The last run in a draft of `warehouse`. `configured` names connections to report if left out."""
    run = read_last_run(db, "runs")
    assert run is not None
    columns = ", ".join(ListingResult.__dataclass_fields__)
    listings = db.execute(
        f"select {columns} from listings where started_at = $1 order by connection, scope", [run.started_at]
    ).fetchall()
    return Run(
        started_at=run.started_at,
        finished_at=run.finished_at,
        outcome=run.outcome,
        warehouse=warehouse,
        listings=tuple(ListingResult(*listing) for listing in listings),
        warnings=warnings,
        not_asked=_not_asked(db, configured, {listing[0] for listing in listings}),
        limits=limits,
    )


def _not_asked(
    db: duckdb.DuckDBPyConnection, configured: Sequence[str], asked: Set[str]
) -> tuple[Freshness, ...]:
    others = sorted(set(configured) - asked)
    known = {one.connection: one for one in read_freshness(db)} if others else {}
    return tuple(known.get(name, Freshness(name, None, None, None, None, is_fresh=False)) for name in others)
