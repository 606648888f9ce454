"""A home whose warehouse is a lakehouse, and its comparison with a file."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipelines.common.database import open_database
from pipelines.common.sql import identifier, literal
from pipelines.config.lake import lake_settings
from pipelines.warehouse.catalog import attach
from pipelines.warehouse.published import open_published
from tests.support.home import Home, Row
from tests.support.postgres import PASSWORD

# How long a listing took differs from run to run.
NOT_COMPARED = {"seconds"}


class LakeHome(Home):
    """A home whose catalog is in PostgreSQL or in a file, and whose data is in a directory or on S3."""

    def __init__(self, path: Path, catalog: str, data: str, **secrets: str) -> None:
        super().__init__(path)
        self.warehouse_settings = {"engine": "ducklake", "catalog": catalog, "data": data}
        self.secrets = {"catalog_password": PASSWORD, **secrets}
        self.compute_settings: dict[str, object] = {}
        self._configure()

    def divide(self, **settings: object) -> None:
        """Configure workers for the runs of this home."""
        self.compute_settings = settings
        self._configure()

    def connect_each(self, provider: str, accounts: object) -> None:
        super().connect_each(provider, accounts)  # type: ignore[arg-type]
        self._configure()

    def _configure(self) -> None:
        (self.path / ".dlt").mkdir(exist_ok=True)
        for name, table, values in (
            ("config.toml", "warehouse", self.warehouse_settings),
            ("secrets.toml", "warehouse", self.secrets),
            ("config.toml", "compute", self.compute_settings),
        ):
            file = self.path / ".dlt" / name
            before = file.read_text() if file.exists() else ""
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
            if lines and f"[{table}]" not in before:
                file.write_text(f"[{table}]\n{lines}{before}")
                file.chmod(0o600)

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """The rows of a query on the lakehouse; times are strings in UTC."""
        with open_published(self.path) as warehouse:
            found = warehouse.db.execute(f"select to_json(found) from ({query}) as found", list(parameters))
            return [json.loads(text) for (text,) in found.fetchall()]


def differences(file: Path, home: Path, schemas: Sequence[str] = ("main", "raw")) -> dict[str, int]:
    """For each table of a file, how many of its rows, and of the lakehouse's, the other lacks."""
    lake = lake_settings(home)
    assert lake is not None
    with open_database() as db:
        attach(db, lake, read_only=True)
        db.execute(f"attach {literal(str(file))} as published (read_only)")
        tables = db.execute(
            """
            select schema_name, table_name, list(column_name order by column_index)
            from duckdb_columns()
            where database_name = 'published' and list_contains($1, schema_name) and not internal
            group by all
            """,
            [list(schemas)],
        ).fetchall()
        found = {}
        for schema, table, columns in tables:
            name = f"{schema}.{table}"
            listed = ", ".join(identifier(column) for column in columns if column not in NOT_COMPARED)
            one, other = (f"select {listed} from {place}.{name}" for place in ("published", "lake"))
            (count,) = db.execute(
                f"select (select count(*) from ({one} except all {other})) "
                f"+ (select count(*) from ({other} except all {one}))"
            ).fetchall()[0]
            found[name] = count
        return found
