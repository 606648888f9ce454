"""The projects and their changes for the script of the page: columns, compressed.

DuckDB writes the JSON of each column, so that no row becomes Python objects.
"""

import base64
import zlib
from dataclasses import dataclass

import msgspec

from pipelines.commands.report.queries import run_query
from pipelines.common.sql import set_variables
from pipelines.warehouse.reader import Warehouse

MOST_PROJECTS = 100_000
MOST_CHANGES = 200_000
Columns = dict[str, msgspec.Raw]


@dataclass(frozen=True)
class Catalogue:
    """The columns of the queries `catalogue_*` and `clients`, as JSON arrays.

    At most `MOST_PROJECTS` projects and `MOST_CHANGES` changes are in them; the projects that were removed
    first and the oldest changes are left out, and counted.
    """

    projects: Columns
    fields: Columns
    changes: Columns
    clients: Columns
    projects_left_out: int
    changes_left_out: int


def read_catalogue(warehouse: Warehouse) -> Catalogue:
    """Read what the page can show of each project."""
    set_variables(warehouse.db, most_projects=MOST_PROJECTS, most_changes=MOST_CHANGES)
    run_query(warehouse, "shown_changes")
    ((projects_left_out, changes_left_out),) = warehouse.db.execute(
        "select (select count(*) filter (where recency > getvariable('most_projects')) from report_projects),"
        " (select coalesce(max(known), 0) - count(*) from shown_changes)"
    ).fetchall()
    return Catalogue(
        projects=_columns(warehouse, "catalogue_projects"),
        fields=_columns(warehouse, "catalogue_fields"),
        changes=_columns(warehouse, "catalogue_changes"),
        clients=_columns(warehouse, "clients"),
        projects_left_out=projects_left_out,
        changes_left_out=changes_left_out,
    )


def compressed(content: object) -> str:
    """Return the JSON of `content` as text for a script element: gzip without a time, in base64."""
    encoded = msgspec.json.encode(content)
    compressor = zlib.compressobj(level=6, wbits=31)
    return base64.b64encode(compressor.compress(encoded) + compressor.flush()).decode()


def _columns(warehouse: Warehouse, name: str) -> Columns:
    found = run_query(warehouse, name)
    (row,) = found.fetchall()
    return {
        column[0]: msgspec.Raw((text or "[]").encode())
        for column, text in zip(found.description, row, strict=True)
        if text is not None or name != "catalogue_fields"
    }
