"""`rollcall publish`: sends the rows of the published tables that differ to another warehouse."""

import contextlib
import functools
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipelines.common.errors import ConfigurationError, RunInProgress, SyncError
from pipelines.common.files import STATE_FOLDER, private_folder
from pipelines.common.filesystem import locked_file
from pipelines.config.files import refuse_open_secrets
from pipelines.destinations import databases, lakes
from pipelines.destinations.changes import Changes, find_changes
from pipelines.destinations.columns import descriptions_hash, tables_to_publish
from pipelines.destinations.kinds import PUBLICATIONS
from pipelines.destinations.publication import LastPublication, PublicationRow, publication_row
from pipelines.destinations.session import session
from pipelines.destinations.target import Target, load_target, targets_after_sync

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt import Pipeline


class Store(Protocol):
    """How tables are kept at a destination: in a database, or in a lake."""

    def read_stored(
        self, pipeline: "Pipeline", target: Target, tables: Sequence[str]
    ) -> dict[str, "pa.Table | None"]:
        """The keys and hashes of the rows in each table; None for a table that the destination lacks."""

    def last_publication(self, pipeline: "Pipeline", target: Target) -> LastPublication | None:
        """The last row of `publications`; None if there is none."""

    def statements(
        self, pipeline: "Pipeline", target: Target, changes: Sequence[Changes], *, with_comments: bool
    ) -> tuple[str, ...]:
        """The SQL that `publish` would execute once the rows are staged."""

    def publish(
        self,
        pipeline: "Pipeline",
        target: Target,
        changes: Sequence[Changes],
        row: PublicationRow,
        *,
        with_comments: bool,
    ) -> None:
        """Apply the changes to the tables, and add `row` to `publications`."""


@dataclass(frozen=True)
class PublishedTable:
    """A table, and how many of its rows were sent to the destination, and deleted there."""

    name: str
    rows_sent: int
    rows_deleted: int


@dataclass(frozen=True)
class Publication:
    """A publication of one run to one destination.

    `statements` is the SQL that makes the rows visible; none for Delta and Iceberg. If `is_current`, the
    destination had everything already, and nothing was sent.
    """

    destination: str
    kind: str
    dataset: str
    run_started_at: datetime
    previous_run_started_at: datetime | None
    tables: tuple[PublishedTable, ...]
    is_current: bool
    is_dry_run: bool
    statements: tuple[str, ...] = ()


def publish(
    home: Path,
    name: str,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Publication:
    """Publish the warehouse to the destination configured as `[publish.NAME]`.

    A `dry_run` changes nothing at the destination. Raises UsageError if there is no such destination,
    ConfigurationError if a setting is wrong, DestinationFailed if the destination fails, RunInProgress if it
    is being published to.
    """
    target = load_target(home, name)
    refuse_open_secrets(home)
    models = tables_to_publish(home, target.tables)
    store: Store = lakes if target.kind.is_lake else databases
    with _scratch(home, name) as scratch, session(home, target, scratch) as pipeline:
        stored = store.read_stored(pipeline, target, (*models, PUBLICATIONS))
        last = store.last_publication(pipeline, target) if stored[PUBLICATIONS] is not None else None
        run, changes = find_changes(home, tuple(models.values()), target.kind, stored, scratch)
        described = descriptions_hash([change.table for change in changes])
        published = Publication(
            name,
            target.kind.name,
            target.dataset,
            run,
            last.run_started_at if last else None,
            tuple(PublishedTable(one.table.name, one.sent, one.deleted) for one in changes),
            is_current=last == LastPublication(run, described)
            and not any(one.sent or one.deleted for one in changes),
            is_dry_run=dry_run,
        )
        if published.is_current:
            return published
        with_comments = last is None or last.descriptions_hash != described
        if dry_run:
            planned = store.statements(pipeline, target, changes, with_comments=with_comments)
            return replace(published, statements=planned)
        row = functools.partial(publication_row, run, clock(), changes, described, scratch)
        store.publish(pipeline, target, changes, row, with_comments=with_comments)
        return published


def check_after_sync(home: Path) -> None:
    """Raise ConfigurationError if a destination that each run is published to is configured wrongly.

    Nothing is asked of the destination, which may be down without a mistake in any setting.
    """
    for name in targets_after_sync(home):
        check_destination(home, name)


def check_destination(home: Path, name: str) -> Target:
    """The destination `[publish.NAME]`. Raises ConfigurationError for the first wrong key."""
    target = load_target(home, name)
    try:
        tables_to_publish(home, target.tables)
    except ConfigurationError as error:
        raise ConfigurationError(f"tables of [publish.{name}]: {error.reason}", error.remedy) from None
    return target


def reach(home: Path, name: str) -> None:
    """Log in to the destination `[publish.NAME]`, and read what was published last; changes nothing.

    Raises ConfigurationError if dlt lacks a setting or a package, DestinationFailed if the destination does
    not answer, RunInProgress if it is being published to.
    """
    target = load_target(home, name)
    store: Store = lakes if target.kind.is_lake else databases
    with _scratch(home, name) as scratch, session(home, target, scratch) as pipeline:
        store.read_stored(pipeline, target, (PUBLICATIONS,))


def publish_each(home: Path, names: Sequence[str], trace: Callable[[Exception], None]) -> tuple[str, ...]:
    """Publish to several destinations. Returns a line for each that fails; `trace` gets what is a bug."""
    failures = []
    for name in names:
        try:
            publish(home, name)
        except Exception as error:  # noqa: BLE001 - the run is published, so nothing here may end it
            what = str(error)
            if not isinstance(error, SyncError):
                trace(error)
                what = f"internal error ({type(error).__name__})"
            failures.append(f"not published to {name}: {what}. Then run: rollcall publish --to {name}")
    return tuple(failures)


@contextlib.contextmanager
def _scratch(home: Path, name: str) -> Iterator[Path]:
    """A private directory for one publication; one at a time for each destination."""
    folder = home / STATE_FOLDER
    private_folder(folder)
    scratch = folder / f"publish-{name}"
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked_file(folder / f"publish-{name}.lock"))
        except BlockingIOError:
            raise RunInProgress(
                f"a publication to {name} is in progress", "wait for it to end, then try again"
            ) from None
        shutil.rmtree(scratch, ignore_errors=True)  # of a publication that was killed
        scratch.mkdir(mode=0o700)
        held.callback(shutil.rmtree, scratch, ignore_errors=True)
        yield scratch
