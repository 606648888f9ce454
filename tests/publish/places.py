"""Destinations in tests: how a home is configured for one, and what its tables contain afterwards."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb

from tests.support.s3 import S3

Rows = Counter[tuple[str, ...]]
# Each table takes seconds on an S3 server that is written in Python.
FEW = ["project_changes", "projects"]
TECHNICAL = ("_rollcall_key", "_rollcall_hash")


class Place(Protocol):
    """A destination: its settings, and the rows of a table there, by column."""

    settings: str
    secrets: str
    keeps_nul: bool

    def read(self, table: str) -> list[dict[str, Any]]: ...


def configure(home: Path, place: Place) -> None:
    """Make a destination `bi` of a home."""
    (home / ".dlt").mkdir(exist_ok=True)
    (home / ".dlt" / "config.toml").write_text(place.settings)
    secrets = home / ".dlt" / "secrets.toml"
    secrets.write_text(place.secrets)
    secrets.chmod(0o600)


def published_tables(warehouse: Path, *, keeps_nul: bool = True) -> dict[str, Rows]:
    """What a destination should hold of a warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute("set TimeZone = 'UTC'")
        names = db.execute(
            "select distinct table_name from duckdb_columns() where schema_name = 'main' and not internal"
        ).fetchall()
        tables = {}
        for (name,) in names:
            found = db.execute(f"select columns(lambda c: c <> 'last_seen_at') from main.{name}")
            columns = [column[0] for column in found.description]
            tables[name] = rows_of(columns, found.fetchall(), keeps_nul=keeps_nul)
    return tables


def held_tables(place: Place, names: Iterable[str]) -> dict[str, Rows]:
    """What a destination holds."""
    held = {}
    for name in names:
        rows = place.read(name)
        columns = [column for column in (rows[0] if rows else ()) if column not in TECHNICAL]
        held[name] = rows_of(columns, [tuple(row[column] for column in columns) for row in rows])
    return held


def rows_of(columns: Sequence[str], rows: Iterable[Sequence[object]], *, keeps_nul: bool = True) -> Rows:
    """Rows with their columns in one order, and each value in one spelling."""
    order = sorted(range(len(columns)), key=columns.__getitem__)
    return Counter(
        tuple(f"{columns[at]}={_spelled(row[at], keeps_nul=keeps_nul)}" for at in order) for row in rows
    )


def _spelled(value: object, *, keeps_nul: bool) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case dict() | list():
            return json.dumps(value, sort_keys=True)
        case str() if value[:1] in {"{", "["}:
            return json.dumps(json.loads(value if keeps_nul else _without_nul(value)), sort_keys=True)
        case str():
            return repr(value if keeps_nul else value.replace("\0", "\ufffd"))
    return repr(value)


def _without_nul(text: str) -> str:
    return json.dumps(_replaced(json.loads(text)))


def _replaced(value: object) -> object:
    match value:
        case dict():
            return {key: _replaced(member) for key, member in value.items()}
        case list():
            return [_replaced(member) for member in value]
        case str():
            return value.replace("\0", "\ufffd")
    return value


class Postgres:
    """A schema of a PostgreSQL database."""

    keeps_nul = False

    def __init__(self, url: str, dataset: str) -> None:
        self.url, self.dataset = url, "".join(one if one.isalnum() else "_" for one in dataset)
        self.settings = f'[publish.bi]\ndestination = "postgres"\ndataset = "{self.dataset}"\n'
        self.secrets = f'[destination.bi]\ncredentials = "{url}"\n'

    def query(self, query: str) -> list[dict[str, Any]]:
        import psycopg2
        from psycopg2.extras import RealDictCursor

        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(query)
                return [dict(row) for row in cursor.fetchall()]
        finally:
            connection.close()

    def read(self, table: str) -> list[dict[str, Any]]:
        return self.query(f'select * from "{self.dataset}"."{table}"')


class DuckDb:
    """A DuckDB file."""

    keeps_nul = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = '[publish.bi]\ndestination = "duckdb"\n'
        self.secrets = f'[destination.bi]\ncredentials = "{path}"\n'

    def query(self, query: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.path)) as db:
            db.execute("set TimeZone = 'UTC'")
            found = db.execute(query)
            columns = [column[0] for column in found.description]
            return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def read(self, table: str) -> list[dict[str, Any]]:
        return self.query(f"select * from rollcall.{table}")


class _Lake:
    table_format = ""
    keeps_nul = True

    def __init__(self, url: str, s3: S3 | None) -> None:
        self.url, self.s3 = url, s3
        self.settings = (
            f'[publish.bi]\ndestination = "filesystem"\ntable_format = "{self.table_format}"\n'
            f"tables = {json.dumps(FEW) if s3 else []}\n"
            f'[destination.bi]\nbucket_url = "{url}"\n'
        )
        lines = "".join(f'{key} = "{value}"\n' for key, value in s3.credentials.items()) if s3 else ""
        self.secrets = f"[destination.bi.credentials]\n{lines}" if s3 else ""


class Delta(_Lake):
    """Delta tables."""

    table_format = "delta"

    def read(self, table: str) -> list[dict[str, Any]]:
        from deltalake import DeltaTable

        options = (
            {
                key.removesuffix("_name").replace("endpoint_url", "aws_endpoint_url"): value
                for key, value in self.s3.credentials.items()
            }
            | {"aws_allow_http": "true", "aws_region": "us-east-1"}
            if self.s3
            else None
        )
        return (
            DeltaTable(f"{self.url}/rollcall/{table}", storage_options=options).to_pyarrow_table().to_pylist()
        )


class Iceberg(_Lake):
    """Iceberg tables."""

    table_format = "iceberg"

    def read(self, table: str) -> list[dict[str, Any]]:
        import fsspec
        from pyiceberg.table import StaticTable

        options = (
            {"key": "tester", "secret": "not-a-secret", "endpoint_url": self.s3.endpoint} if self.s3 else {}
        )
        files, path = fsspec.url_to_fs(
            f"{self.url}/rollcall/{table}/metadata", use_listings_cache=False, **options
        )
        newest = max(name for name in files.ls(path, detail=False) if name.endswith(".metadata.json"))
        properties = (
            {
                "s3.endpoint": self.s3.endpoint,
                "s3.access-key-id": "tester",
                "s3.secret-access-key": "not-a-secret",
                "s3.region": "us-east-1",
            }
            if self.s3
            else {}
        )
        return (
            StaticTable.from_metadata(f"{'s3' if self.s3 else 'file'}://{newest}", properties)
            .scan()
            .to_arrow()
            .to_pylist()
        )
