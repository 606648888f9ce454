"""Runs that take a tenth of the time: without dlt, and with only the models that publication needs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.campaigns.play import Land, land_directly

PUBLISHED = """
    create or replace table runs as select *, 'sync' as operation from raw.runs;
    create or replace table listings as from raw.listings;
    create or replace table connections as
    select
        connection,
        any_value(provider) as provider,
        sum(records) as records,
        max(started_at) as last_attempt_at,
        max(started_at) filter (where outcome = 'verified') as last_verified_at,
        arg_max(outcome, started_at) as outcome,
        arg_max(message, started_at) as message,
        arg_max(outcome, started_at) = 'verified' as is_fresh,
        true as is_configured,
        cast(null as timestamptz) as retired_at,
    from raw.listings group by connection;
    create or replace view projects as
    select payload ->> 'name' as name from raw.records where valid_to is null
"""


def _update(db: duckdb.DuckDBPyConnection, _home: Path, **_: bool) -> bool:
    db.execute(PUBLISHED)
    return True


@contextlib.contextmanager
def light(land: Land = land_directly) -> Iterator[None]:
    """For tests of the file that a run publishes, not of what it says: `projects` has only a name.

    `land` writes the records to the landing.
    """
    from pipelines.commands import sync
    from pipelines.transform import build as models

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "land", land)
        patch.setattr(sync, "_prepare", lambda *_, **__: None)
        patch.setattr(models, "update", _update)
        patch.setattr(models, "check_run", lambda *_, **__: ())
        yield
