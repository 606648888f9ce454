"""A warehouse with facts written by the test, and what the models build from them."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.transform import build as models
from pipelines.transform.facts import facts_sql

RUNS = 9
Row = dict[str, Any]


def run(number: int) -> datetime:
    """When the run of that number started; they count from 1 and are a day apart."""
    return datetime(2026, 11, 1, 2, tzinfo=UTC) + timedelta(days=number - 1)


class Raw:
    """A warehouse, in memory or in `file`, with `RUNS` runs, to be filled with records and built."""

    def __init__(self, home: Path, file: str | Path = ":memory:") -> None:
        self.home = home
        # With more threads, the order of the rows in a table may vary.
        self._db = duckdb.connect(str(file), config={"threads": 1})
        self._db.execute(facts_sql())
        self._records: list[tuple[object, ...]] = []
        for number in range(1, RUNS + 1):
            self._db.execute(
                "insert into raw.runs values ($1, $2, 'complete', '0.1.0', 'v1.5.6')",
                [run(number), run(number) + timedelta(minutes=1)],
            )

    @property
    def db(self) -> duckdb.DuckDBPyConnection:
        """The warehouse, with every record so far."""
        if self._records:
            columns = ", ".join(f"unnest(${place})" for place in range(1, len(self._records[0]) + 1))
            values = [list(column) for column in zip(*self._records, strict=True)]
            self._records = []
            self._db.execute(f"insert into raw.records select {columns}", values)
        return self._db

    def connect(self, name: str, provider: str, time_zone: str | None = None) -> None:
        """Add a connection that was synced."""
        self.db.execute("insert into raw.connections values ($1, $2, $3, true)", [name, provider, time_zone])

    def record(
        self,
        provider: str,
        record_id: str,
        payload: Mapping[str, object] | str,
        begun: int = 1,
        ended: int | None = None,
        end_reason: str = "changed",
        *,
        connection: str | None = None,
        scope: str | None = None,
    ) -> None:
        """Add a version as received: from run `begun` to run `ended`, or current."""
        self._records.append(
            (
                provider,
                connection or provider,
                scope,
                "files" if provider == "evovoice" else "projects",
                record_id,
                payload if isinstance(payload, str) else json.dumps(payload),
                "a hash",
                None,
                None,
                run(begun),
                None if ended is None else run(ended),
                None if ended is None else end_reason,
                run(RUNS if ended is None else ended - 1),
                None,
            )
        )

    def build(self) -> None:
        """Build the published tables."""
        models.build(self.db, self.home)

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """The rows of a query, by column; times are in UTC, JSON is text."""
        found = self.db.execute(query, parameters)
        columns = [column[0] for column in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def row(self, query: str, *parameters: object) -> Row:
        """The only row of a query."""
        (found,) = self.rows(query, *parameters)
        return found

    def project(self, key: str) -> Row:
        """A row of `projects`, without its columns that are null."""
        found = self.row("from projects where project_key = $1", key)
        return {column: value for column, value in found.items() if value is not None}

    def check(self, name: str) -> models.Model:
        """The check of that name."""
        return models.read_models("checks", self.home)[name]

    def sql(self, layer: str, name: str) -> str:
        """The text of a model."""
        return models.read_models(layer, self.home)[name].sql


class Given:
    """Decorates a function that fills a warehouse for one test. All are built together, in a second."""

    def __init__(self) -> None:
        self._fills: list[Callable[[Raw], None]] = []

    def __call__(self, fill: Callable[[Raw], None]) -> Callable[[Raw], None]:
        self._fills.append(fill)
        return fill

    def build(self, raw: Raw) -> Raw:
        """Fill and build the warehouse; returns it."""
        for fill in self._fills:
            fill(raw)
        raw.build()
        return raw
