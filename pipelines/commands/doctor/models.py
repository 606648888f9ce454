"""Checks of the SQL in the home: models, checks and reports."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines.commands.doctor.check import Check, broken, failed
from pipelines.commands.export import find_reports, read_report
from pipelines.common.database import open_database
from pipelines.common.errors import SyncError
from pipelines.common.limits import Clock
from pipelines.transform import build as models
from pipelines.transform.facts import facts_sql
from pipelines.warehouse.reader import Warehouse


def check_models(home: Path) -> Iterator[Check]:
    """Build and check all published tables without data, to test the models of the home."""
    try:
        with open_database() as db:
            db.execute(facts_sql())
            models.build(db, home)
            models.check(db, home)
            yield Check("models", "ok", "every table can be built")
            db.execute("set enable_external_access = false")  # as when reports are exported
            yield from _reports(Warehouse(str(home), db, home, Clock(None)), home)
    except SyncError as error:
        yield failed("models", error)
    except (duckdb.Error, OSError) as error:
        reason = str(error).splitlines()[0]
        yield broken("models", reason, f"correct what is in {home / 'sql'}")


def _reports(empty: Warehouse, home: Path) -> Iterator[Check]:
    """Run each report without data."""
    mistakes = []
    for path in find_reports(home).values():
        try:
            read_report(empty, path)
        except SyncError as error:
            mistakes.append(failed("reports", error, "correct it, or move it away"))
    yield from mistakes or [Check("reports", "ok", "every report can be exported")]
