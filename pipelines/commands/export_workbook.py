"""`rollcall export --workbook`: the reports as sheets of one workbook, after one on how fresh they are.

The built-in reports have fewer columns here than as files, in an order for people: `sql/workbook`.
"""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from pipelines.commands.export import Export, Exported, Failed, connection_states, naming, read_report
from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.sql import SQL_ROOT
from pipelines.output.delivery import deliver
from pipelines.output.headings import heading, with_headings
from pipelines.output.result import Column, Rows
from pipelines.output.xlsx import open_workbook, refuse_too_large, write_sheet
from pipelines.warehouse.reader import Warehouse

FRESHNESS = "How fresh"
# The built-in reports, in the order of their sheets; other reports follow.
ORDER = ("projects", "project_changes", "projects_history", "files")
LONGEST_NAME = 31  # of a sheet, in characters
RESERVED = "history"  # Excel uses this name itself


def export_workbook(warehouse: Warehouse, reports: Mapping[str, Path], file: Path, time_zone: str) -> Export:
    """Write a sheet for each report to `file`, which appears complete or not at all.

    If a report is wrong or too long for a sheet, the others are still written.
    """
    files: list[Exported] = []
    failed: list[Failed] = []
    finished = warehouse.workspace / "workbook"
    with open_workbook(warehouse, finished) as book:
        write_sheet(_freshness(warehouse, time_zone), book, FRESHNESS)
        for name in sorted(reports, key=lambda name: (*(name != first for first in ORDER), name)):
            source = _for_people(reports[name])
            try:
                rows = with_headings(read_report(warehouse, source))
                with naming(source):
                    refuse_too_large(rows)
            except (ConfigurationError, UsageError) as error:
                failed.append(Failed(name, error.reason, error.remedy, error.excerpt))
                continue
            with naming(source):
                written = write_sheet(rows, book, _sheet_name(name, book.sheetnames))
            files.append(Exported(name, file, written.rows, 0, written.cut))
    deliver(finished, file)
    return Export(tuple(files), tuple(failed), connection_states(warehouse))


def _for_people(report: Path) -> Path:
    """The query for a report's sheet: its own, unless it is built in and has one for people."""
    for_people = SQL_ROOT / "workbook" / report.name
    return for_people if report.parent == SQL_ROOT / "reports" and for_people.exists() else report


def _freshness(warehouse: Warehouse, time_zone: str) -> Rows:
    """A row for each connection; the headings of times name their zone, which is that of all sheets."""
    rows = read_report(warehouse, SQL_ROOT / "workbook" / "connections.sql")
    columns = (
        Column(heading(column.name) + (f" ({time_zone})" if column.name.endswith("_at") else ""), column.type)
        for column in rows.columns
    )
    return replace(rows, columns=tuple(columns))


def _sheet_name(report: str, taken: Collection[str]) -> str:
    """A name for the sheet of a report that is not `taken`; Excel ignores case."""
    used = {RESERVED, *(name.lower() for name in taken)}
    name = heading(report)[:LONGEST_NAME]
    numbered = (f"{name[: LONGEST_NAME - 3]} {number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one.lower() not in used)
