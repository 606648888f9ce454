"""Each destination that can run here has the rows of the warehouse, and receives only changes."""

import shutil
from pathlib import Path

import duckdb
import pytest

from pipelines.commands.publish import publish
from tests.publish.conftest import Stages
from tests.publish.places import Place, configure, held_tables, published_tables

# The commands of the documentation publish Delta tables to S3.
PLACES = ("postgres", "duckdb", "delta", "iceberg", "iceberg-s3")
# Rows sent and deleted in the second stage: none for a project that was only seen again.
CHANGED = {
    "client_mapping": (0, 0),
    "clients": (1, 0),
    "connection_days": (9, 0),
    "connections": (3, 0),
    "files": (0, 0),
    "files_history": (0, 0),
    "labels": (0, 0),
    "project_changes": (2, 4),
    "project_days": (5, 4),
    "project_status_periods": (2, 3),
    "projects": (1, 3),
    "projects_history": (2, 3),
    "quarantine": (0, 0),
    "runs": (1, 0),
    "status_mapping": (0, 0),
}


def new_listings(stages: Stages) -> int:
    """How many listings the second stage has that the first has not."""
    with duckdb.connect() as db:
        for name, file in (("before", stages.first), ("after", stages.second)):
            db.execute(f"attach '{file}' as {name} (read_only)")
        row = db.execute("select count(*) from (from after.listings except from before.listings)").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("place", PLACES, indirect=True)
def test_a_destination_holds_what_the_warehouse_holds(
    place: Place, stages: Stages, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    configure(tmp_path, place)
    for stage in (stages.first, stages.second):
        shutil.copyfile(stage, tmp_path / "warehouse.duckdb")
        made = publish(tmp_path, "bi")
        expected = published_tables(stage, keeps_nul=place.keeps_nul)
        held = held_tables(place, [one.name for one in made.tables])
        for table in held:
            assert held[table] == expected[table], table
    expected_changes = CHANGED | {"listings": (new_listings(stages), 0)}
    assert len(held) == (2 if "s3" in request.node.name else len(expected_changes))
    assert {one.name: (one.rows_sent, one.rows_deleted) for one in made.tables} == {
        table: expected_changes[table] for table in held
    }
    again = publish(tmp_path, "bi")
    assert (again.is_current, [one for one in again.tables if one.rows_sent or one.rows_deleted]) == (
        True,
        [],
    )
