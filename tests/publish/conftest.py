"""Two states of one warehouse, and destinations to publish them to."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from pipelines.transform import build as models
from tests.cli.conftest import RUNS, patience, published  # noqa: F401 - fixtures
from tests.publish.places import Delta, DuckDb, Iceberg, Place, Postgres
from tests.support.s3 import S3, serving

NEXT_RUN = "2026-11-04 02:00:00+00"
# Values that a destination could misread: NUL, a false escape, an empty string, quotes, and a formula.
HOSTILE = {"name": "a\0b \\u0000 'c' \"d\"", "description": "", "clientName": "=1+1\n\ufeff\U0001f600"}


@dataclass(frozen=True)
class Stages:
    """The warehouse after three runs, and after a fourth that changed, added, removed and erased rows."""

    first: Path
    second: Path


@pytest.fixture(scope="session")
def stages(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Stages:  # noqa: F811
    folder = tmp_path_factory.mktemp("stages")
    first, second = (
        Path(shutil.copyfile(published / "warehouse.duckdb", folder / f"{name}.duckdb"))
        for name in ("first", "second")
    )
    payload = json.dumps(HOSTILE | {"projectStatus": "PRJ_STATUS_ON_GOING"})
    with duckdb.connect(str(second)) as db:
        db.execute("set TimeZone = 'UTC'")
        db.execute(
            "insert into raw.runs select * replace ($1::timestamptz as started_at) from raw.runs "
            "where started_at = $2",
            [NEXT_RUN, RUNS[2]],
        )
        db.execute(
            "insert into raw.listings select * replace ($1::timestamptz as started_at) from raw.listings "
            "where started_at = $2",
            [NEXT_RUN, RUNS[2]],
        )
        # Removed, erased with its history, and added.
        db.execute(
            "update raw.records set valid_to = $1, end_reason = 'removed' where record_id = '19'", [NEXT_RUN]
        )
        db.execute("delete from raw.records where record_id = '20' or connection = 'belltastic'")
        db.execute(
            "insert into raw.records values "
            "('matter', 'matter', null, 'projects', '21', $1, md5($1), null, null, $2, null, null, $2, null)",
            [payload, NEXT_RUN],
        )
        db.execute("update raw.records set last_seen_at = $1 where valid_to is null", [NEXT_RUN])
        models.build(db, folder)
    return Stages(first, second)


@pytest.fixture(scope="session")
def bucket() -> Iterator[S3]:
    """An S3 server on loopback, with a bucket."""
    with serving("warehouses") as s3:
        yield s3


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The destination that a test names."""
    match request.param:
        case "postgres":
            return Postgres(request.getfixturevalue("postgres_url"), f"rollcall_{request.node.name[:20]}")
        case "duckdb":
            return DuckDb(tmp_path / "bi.duckdb")
        case "delta":
            return Delta(f"file://{tmp_path}/lake", None)
        case "iceberg":
            return Iceberg(f"file://{tmp_path}/lake", None)
        case "iceberg-s3":
            return Iceberg("s3://warehouses/iceberg", request.getfixturevalue("bucket"))
    raise AssertionError(request.param)
