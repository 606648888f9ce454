"""Notes on a query for the projects at a time before the first run or in the future."""

import re
from collections.abc import Iterator, Mapping

import duckdb

from pipelines.common.sql import read_sql
from pipelines.output.cells import text
from pipelines.warehouse.reader import Warehouse

# A call of a macro of the past, with arguments that contain no parentheses.
_CALL = re.compile(r"\b(projects_as_of|projects_on|projects_compared)\s*\(([^()]*)\)", re.IGNORECASE)
_PARAMETER = re.compile(r"\$(\w+)")


def as_of_notes(warehouse: Warehouse, sql: str, parameters: Mapping[str, str]) -> Iterator[str]:
    """Yield a note for each time in `sql` that is before the first run or in the future."""
    for macro, arguments in _CALL.findall(sql):
        for argument in arguments.split(","):
            place = _place(warehouse, argument, parameters, is_date=macro.lower() == "projects_on")
            if place is not None:
                yield place


def _place(
    warehouse: Warehouse, argument: str, parameters: Mapping[str, str], *, is_date: bool
) -> str | None:
    """What to note about the time that `argument` gives; None if nothing, or if it cannot be read alone."""
    moment = f"cast(cast({argument} as date) + 1 as timestamptz)" if is_date else f"{argument}::timestamptz"
    first_run = text("min(started_at)", "TIMESTAMP WITH TIME ZONE")
    used = {name.lower() for name in _PARAMETER.findall(argument)}
    try:
        row = warehouse.db.execute(
            read_sql("queries/as_of", moment=moment, argument=argument, first_run=first_run),
            {name: value for name, value in parameters.items() if name in used},
        ).fetchone()
    except duckdb.Error:
        return None
    if row is None:
        return None
    is_before, is_after, given, first = row
    if is_before:
        return f"{given} is before the first run, at {first}: no projects are known"
    return f"{given} is in the future: the projects are those after the last run" if is_after else None
