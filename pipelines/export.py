"""`rollcall export`: the reports as files."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pipelines.cells import text
from pipelines.deliver import deliver
from pipelines.errors import ConfigurationError, UsageError
from pipelines.freshness import IS_FRESH
from pipelines.model_files import SQL_ROOT, files_in
from pipelines.output import Output, Written, write
from pipelines.query import blaming_sql, query
from pipelines.reading import Warehouse
from pipelines.rows import Rows, copy_csv
from pipelines.suggest import nearest

FileForm = Literal["csv", "json", "parquet", "xlsx"]

_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


class Exported(NamedTuple):
    """One report as it was written."""

    report: str
    file: Path
    rows: int
    neutralised: int


class Proof(NamedTuple):
    """When a connection was last proven, whether that is up to date, and how its last attempt went."""

    connection: str
    last_proven_at: str | None
    is_fresh: bool
    outcome: str | None
    message: str | None


@dataclass(frozen=True)
class Export:
    """The files that were written, and how fresh each connection's rows in them are."""

    files: tuple[Exported, ...]
    connections: tuple[Proof, ...]


def find_reports(home: Path, names: Sequence[str] = ()) -> dict[str, Path]:
    """The files of the reports named, or of all: the package's, and those of `home/sql/reports` before them.

    Raises UsageError where a name is no report, ConfigurationError where a file's name cannot be one.
    """
    folders = (SQL_ROOT / "reports", home / "sql" / "reports")
    known = {path.stem: path for folder in folders for path in files_in(folder, "*.sql")}
    for name, path in known.items():
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{path} has no name for a report", "use lower-case letters and digits, parted by - or _"
            )
    for name in names:
        if name not in known:
            raise UsageError(f"there is no report {name}", nearest(name, known))
    return {name: known[name] for name in names or sorted(known)}


def export(
    warehouse: Warehouse,
    reports: Mapping[str, Path],
    folder: Path,
    form: FileForm = "csv",
    *,
    raw: bool = False,
    excel: bool = False,
) -> Export:
    """Write each report into `folder`, each file whole or not at all. Raises UsageError for a wrong SQL.

    Of a CSV, `raw` leaves cells that begin like a formula as they are; `excel` makes it one for Excel.
    """
    files = []
    for name, path in reports.items():
        target = folder / f"{name}.{form}"
        rows = read_report(warehouse, path)
        with naming(path):
            written = _write(rows, target, Output(form, target, raw, excel))
        files.append(Exported(name, target, written.rows, written.neutralised))
    return Export(tuple(files), proofs(warehouse))


def read_report(warehouse: Warehouse, path: Path) -> Rows:
    """The rows of the report in `path`."""
    with naming(path):
        return query(warehouse, path.read_text(encoding="utf-8-sig"))


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say of what is wrong, with the SQL or with what it answers, that it is the report in `path`."""
    try:
        with blaming_sql():
            yield
    except UsageError as error:
        raise UsageError(f"{path}: {error.reason}", error.remedy) from None


def proofs(warehouse: Warehouse) -> tuple[Proof, ...]:
    """How fresh each connection is."""
    proven_at = text("last_proven_at", "TIMESTAMP WITH TIME ZONE")
    rows = warehouse.connection.execute(
        f"""
        select
            connection,
            {proven_at},
            {IS_FRESH},
            outcome,
            message
        from connections
        order by connection
        """
    ).fetchall()
    return tuple(Proof(*row) for row in rows)


def _write(rows: Rows, target: Path, output: Output) -> Written:
    if output.form != "csv" or output.excel:
        return write(rows, output)
    finished = rows.warehouse.workspace / "report"
    copied = copy_csv(rows, finished, raw=output.raw)
    deliver(finished, target)
    return Written(copied.rows, copied.neutralised)
