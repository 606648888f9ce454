"""`rollcall export`: the reports as files."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines.commands.query import query, sql_errors_as_usage_errors
from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.exit_codes import ExitCode
from pipelines.common.sql import SQL_ROOT, read_sql
from pipelines.common.suggest import nearest
from pipelines.output.cells import text
from pipelines.output.delivery import deliver
from pipelines.output.headings import with_headings
from pipelines.output.result import Cut, Rows, copy_csv
from pipelines.output.writer import DELIMITERS, Output, Written, write
from pipelines.transform.model import files_in, read_sql_file
from pipelines.warehouse.reader import Warehouse, needs_memory

_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


class Exported(NamedTuple):
    """One written report."""

    report: str
    file: Path
    rows: int
    neutralised: int
    cut: Cut


class Failed(NamedTuple):
    """One report that was not written: why, what to do, and the line of its SQL that is wrong, if one is."""

    report: str
    reason: str
    remedy: str
    excerpt: str


class ConnectionState(NamedTuple):
    """When a connection was last verified, as text, whether it is up to date, and its last outcome."""

    connection: str
    last_verified_at: str | None
    is_fresh: bool
    outcome: str | None
    message: str | None


@dataclass(frozen=True)
class Export:
    """The files that were written, the reports that were not, and how fresh each connection's rows are."""

    files: tuple[Exported, ...]
    failed: tuple[Failed, ...]
    connections: tuple[ConnectionState, ...]

    @property
    def exit_code(self) -> ExitCode:
        """USAGE if a report could not be written: its SQL is wrong."""
        return ExitCode.USAGE if self.failed else ExitCode.DONE


def find_reports(home: Path, names: Sequence[str] = ()) -> dict[str, Path]:
    """The files of the reports named, or of all. A file in `home/sql/reports` replaces one of the package.

    Includes files whose names are not valid, so that exporting them reports it. Raises UsageError if a name
    is not a report.
    """
    folders = (SQL_ROOT / "reports", home / "sql" / "reports")
    known = {path.stem: path for folder in folders for path in files_in(folder, "*.sql")}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no report {name}", nearest(name, known))
    return {name: known[name] for name in names or sorted(known)}


def export(warehouse: Warehouse, reports: Mapping[str, Path], folder: Path, output: Output) -> Export:
    """Write each report in the format of `output`: to its path if it has one, else into `folder`.

    Each file appears complete or not at all. If a report is wrong, the others are still written.
    """
    files, failed = [], []
    for name, path in reports.items():
        target = output.path or folder / f"{name}.{output.form}"
        try:
            rows = read_report(warehouse, path)
            rows = with_headings(rows) if output.headings else rows
            with naming(path):
                written = _write(rows, replace(output, path=target), target)
        except (ConfigurationError, UsageError) as error:
            failed.append(Failed(name, error.reason, error.remedy, error.excerpt))
        else:
            files.append(Exported(name, target, written.rows, written.neutralised, written.cut))
    return Export(tuple(files), tuple(failed), connection_states(warehouse))


def read_report(warehouse: Warehouse, path: Path) -> Rows:
    """The rows of the report in `path`. Raises ConfigurationError or UsageError if it is wrong."""
    if not _NAME.fullmatch(path.stem):
        raise ConfigurationError(
            f"{path} is not a valid name for a report",
            "use lower-case letters and digits, separated by - or _",
        )
    with naming(path):
        return query(warehouse, read_sql_file(path))


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn errors of DuckDB and UsageErrors in the block into UsageErrors that name the report's file."""
    try:
        with sql_errors_as_usage_errors(read_sql_file(path)):
            yield
    except duckdb.OutOfMemoryException:
        error = needs_memory()
        raise UsageError(f"{path}: {error.reason}", error.remedy) from None
    except UsageError as error:
        raise UsageError(f"{path}: {error.reason}", error.remedy, excerpt=error.excerpt) from None


def connection_states(warehouse: Warehouse) -> tuple[ConnectionState, ...]:
    """The state of each connection, by name."""
    verified_at = text("last_verified_at", "TIMESTAMP WITH TIME ZONE")
    rows = warehouse.db.execute(
        f"select connection, {verified_at}, is_fresh, outcome, message "
        f"from (\n{read_sql('queries/freshness')}) order by connection"
    ).fetchall()
    return tuple(ConnectionState(*row) for row in rows)


def _write(rows: Rows, output: Output, target: Path) -> Written:
    delimiter = DELIMITERS.get(output.form)
    if delimiter is None or output.excel:
        return write(rows, output)
    finished = rows.warehouse.workspace / "report"
    copied = copy_csv(rows, finished, delimiter, raw=output.raw)
    deliver(finished, target)
    return Written(copied.rows, copied.neutralised)
