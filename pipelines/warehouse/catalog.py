"""The catalog of a lakehouse: DuckLake's extensions, signing in, and attaching it to a DuckDB connection."""

import contextlib
import importlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from pipelines.common.errors import ConfigurationError, WarehouseError
from pipelines.common.extras import needing
from pipelines.common.sql import identifier, literal
from pipelines.config.lake import LakeSettings, ObjectStorage


class NothingPublished(WarehouseError):
    """The catalog answers, but there is no lakehouse in it yet."""


LAKE = "lake"
"""The name under which a lakehouse is attached."""


def attach(
    db: duckdb.DuckDBPyConnection, lake: LakeSettings, *, read_only: bool = False, snapshot: int | None = None
) -> None:
    """Attach a lakehouse to `db` as `lake`; unless `read_only`, create it if it does not exist.

    `snapshot` attaches it as it was at that snapshot. Rows are written to files, never into the catalog.
    Raises ConfigurationError if the extra `lake` is not installed, WarehouseError if the catalog does not
    answer or belongs to other data.
    """
    with needing("lake"):
        load_extensions(db, lake)
    _sign_in(db, lake)
    # A query cannot name the catalog's own tables, because it cannot know this name.
    metadata = f"__ducklake_metadata_{secrets.token_hex(16)}"
    options = [f"metadata_catalog '{metadata}'", f"data_path {literal(lake.data)}"]
    if lake.is_shared:
        options += ["meta_secret 'catalog'"]
    if read_only:
        options += ["read_only", "create_if_not_exists false"]
    else:
        options += ["data_inlining_row_limit 0"]
    if snapshot is not None:
        options += [f"snapshot_version {snapshot}"]
    source = f"ducklake:{'postgres:' if lake.is_shared else ''}{lake.catalog}"
    with catalog_errors(lake):
        db.execute(f"attach {literal(source)} as {LAKE} ({', '.join(options)})")


def load_extensions(db: duckdb.DuckDBPyConnection, lake: LakeSettings) -> None:
    """Load the extensions by path from their wheels, so that nothing is downloaded."""
    names = ["ducklake"]
    if lake.is_shared:
        names += ["postgres_scanner"]
    if lake.storage:
        names += ["httpfs"]
    for name in names:
        _load(db, name)


def _load(db: duckdb.DuckDBPyConnection, name: str) -> None:
    wheel = Path(importlib.import_module(f"duckdb_extension_{name}").__file__ or "").parent
    built_for = wheel / "extensions" / f"v{duckdb.__version__}"
    if not built_for.is_dir():
        raise ConfigurationError(
            f"the package duckdb-extension-{name.replace('_', '-')} is for another DuckDB than "
            f"{duckdb.__version__}",
            "install both in the versions of rollcall-sync[lake]",
        )
    db.execute(f"load {literal(str(built_for / f'{name}.duckdb_extension'))}")


def open_storage(db: duckdb.DuckDBPyConnection, lake: LakeSettings) -> None:
    """Let `db` read and write the data of a lakehouse, without its catalog."""
    if lake.storage:
        with needing("lake"):
            _load(db, "httpfs")
        _sign_in_to_storage(db, lake.data, lake.storage)


def _sign_in(db: duckdb.DuckDBPyConnection, lake: LakeSettings) -> None:
    """Give DuckDB the passwords as secrets, which it never shows."""
    if lake.is_shared:
        db.execute(f"create or replace secret catalog (type postgres, password {literal(lake.password)})")
    if lake.storage:
        _sign_in_to_storage(db, lake.data, lake.storage)


def _sign_in_to_storage(db: duckdb.DuckDBPyConnection, data: str, storage: ObjectStorage) -> None:
    # Also for connections that DuckLake opens itself.
    db.execute("set global enable_server_cert_verification = true")
    if storage.ca_file:
        db.execute(f"set global ca_cert_file = {literal(storage.ca_file)}")
    db.execute(f"create or replace secret storage (type s3, {_s3_options(data, storage)})")


def _s3_options(data: str, storage: ObjectStorage) -> str:
    values = {
        "scope": data,
        "key_id": storage.key_id,
        "secret": storage.secret,
        "session_token": storage.session_token,
        "region": storage.region,
    }
    if storage.endpoint:
        url = urlsplit(storage.endpoint)
        values |= {"endpoint": f"{url.netloc}{url.path.rstrip('/')}", "url_style": "path"}
        if url.scheme == "http":
            values["use_ssl"] = "false"
    return ", ".join(f"{key} {literal(value)}" for key, value in values.items() if value)


_ANSWERS = (
    duckdb.IOException,
    duckdb.HTTPException,
    duckdb.InvalidInputException,
    # Raised when a session with PostgreSQL ends.
    duckdb.ConnectionException,
    duckdb.TransactionException,
)


@contextlib.contextmanager
def catalog_errors(lake: LakeSettings) -> Iterator[None]:
    """Turn DuckDB's errors about the catalog and the data into errors that say what to do."""
    try:
        yield
    except duckdb.Error as error:
        # DuckLake raises the base class for what it has asked PostgreSQL in vain.
        if type(error) is not duckdb.Error and not isinstance(error, _ANSWERS):
            raise
        raise as_warehouse_error(lake, error) from error


def as_warehouse_error(lake: LakeSettings, error: duckdb.Error) -> WarehouseError:
    """The error that says what one of DuckDB's about the catalog or the data means, and what to do."""
    text = " ".join(str(error).split())
    if "explicitly disabled" in text or "read-only mode: database does not exist" in text:
        return nothing_published(lake)
    if "does not match existing data path" in text:
        return WarehouseError(
            f"{lake.name} belongs to data elsewhere than {lake.data}", "correct data of [warehouse]"
        )
    storage = re.search(r"[^:]*\bHTTP .*", text)
    catalog = re.search(r"connection to server .*|Could not set lock .*|server closed the connection.*", text)
    found = storage or catalog
    reason = (found[0] if found else text).strip()[:300]
    remedy = "check catalog and data of [warehouse], and that both can be reached"
    if "password" in reason:
        remedy = "check catalog_password of [warehouse] in .dlt/secrets.toml, or WAREHOUSE__CATALOG_PASSWORD"
    return WarehouseError(f"{lake.data if storage else lake.name} does not answer ({reason})", remedy)


def nothing_published(lake: LakeSettings) -> NothingPublished:
    """The error for a lakehouse to which nothing was committed yet."""
    return NothingPublished(f"there is no warehouse in {lake.name} yet", "run `rollcall sync`")


def current_snapshot(db: duckdb.DuckDBPyConnection) -> int:
    """The snapshot of the lakehouse that `db` sees."""
    row = db.execute(f"select id from {LAKE}.current_snapshot()").fetchone()
    assert row is not None
    return int(row[0])


def holds_rows(db: duckdb.DuckDBPyConnection) -> bool:
    """Whether a run was ever committed to the lakehouse."""
    row = db.execute(
        "select exists (from duckdb_schemas() where database_name = $1 and schema_name = 'stored')", [LAKE]
    ).fetchone()
    return bool(row and row[0])


def in_lake(schema: str, name: str) -> str:
    """The full name of a table of the lakehouse, quoted."""
    return f"{LAKE}.{identifier(schema)}.{identifier(name)}"
