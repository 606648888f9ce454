"""The seeds: lookup tables that do not come from a provider.

`seeds.windows_time_zones`: the IANA name for each Windows time zone, from CLDR (its territory 001).
`seeds.status_mapping`: the meaning of each provider's statuses, from the package and the user's home.
`seeds.client_mapping`: the spellings that mean the same client, from the user's home.
`seeds.labels`: readable labels of a provider's codes, from the package.
`seeds.source`: a digest of all that these were filled from.
"""

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.common.errors import ConfigurationError
from pipelines.common.files import refuse_dangling
from pipelines.common.sql import SQL_ROOT
from pipelines.common.suggest import nearest
from pipelines.common.version import rollcall_version
from pipelines.transform.model import read_models

STATUSES = ("active", "inactive", "planned", "on_hold", "completed", "cancelled", "archived", "unknown")
STATUS_MAPPING = ("provider", "provider_status", "status")
CLIENT_MAPPING = ("connection", "client", "name")
LABELS = ("provider", "column_name", "value", "label")
PACKAGED = SQL_ROOT / "seeds"
SEEDS = ("seeds.windows_time_zones", "seeds.status_mapping", "seeds.client_mapping", "seeds.labels")

Line = dict[str, str]


def fill_seeds(db: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Fill the schema `seeds`, unless it was filled from the same files.

    Raises ConfigurationError if a mapping in the home cannot be read.
    """
    from tzlocal.windows_tz import win_tz

    source = _digest(home, win_tz)
    if seeds_source(db) == source:
        return
    db.execute("create schema if not exists seeds")
    zones = pa.table({"windows_name": list(win_tz), "time_zone": list(win_tz.values())})
    _fill(db, "windows_time_zones", zones)
    statuses = [
        *read_status_mapping(PACKAGED / "status_mapping.csv"),
        *read_status_mapping(home / "status_mapping.csv", _providers(home)),
    ]
    _fill(db, "status_mapping", _mapping(STATUS_MAPPING, statuses))
    clients = list(read_client_mapping(home / "client_mapping.csv"))
    _fill(db, "client_mapping", _mapping(CLIENT_MAPPING, clients))
    labels = [line for _, line in _read_mapping(PACKAGED / "labels.csv", LABELS)]
    _fill(db, "labels", _mapping(LABELS, labels))
    _fill(db, "source", pa.table({"digest": [source]}))


def seeds_source(db: duckdb.DuckDBPyConnection) -> str | None:
    """The digest of what the seeds were filled from; None if they are not filled."""
    tables = db.execute(
        "from duckdb_tables() where database_name = current_database() "
        "and schema_name = 'seeds' and table_name = 'source'"
    )
    if not tables.fetchone():
        return None
    row = db.execute("select digest from seeds.source").fetchone()
    return row[0] if row else None


def forget_seeds(db: duckdb.DuckDBPyConnection) -> None:
    """Let `fill_seeds` fill them again."""
    db.execute("drop table if exists seeds.source")


def _digest(home: Path, zones: Mapping[str, str]) -> str:
    files = [
        _bytes(path)
        for path in (
            PACKAGED / "status_mapping.csv",
            home / "status_mapping.csv",
            home / "client_mapping.csv",
            PACKAGED / "labels.csv",
        )
    ]
    return hashlib.sha256(repr((rollcall_version(), files, zones)).encode()).hexdigest()


def _mapping(columns: tuple[str, ...], lines: list[Line]) -> pa.Table:
    # Of two lines for the same value, the model uses the one of higher precedence.
    precedence = pa.array(range(len(lines)), pa.int64())
    texts = {column: pa.array([line[column] for line in lines], pa.string()) for column in columns}
    return pa.table({"precedence": precedence, **texts})


def _fill(db: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    db.register("seed", rows)
    db.execute(f"create or replace table seeds.{name} as from seed")
    db.unregister("seed")


def _providers(home: Path) -> set[str]:
    """The providers that have a staging model."""
    return {
        name.removeprefix("stg_").partition("__")[0] for name in read_models("staging", home) if "__" in name
    }


def read_status_mapping(path: Path, providers: Collection[str] = ()) -> Iterator[Line]:
    """The lines of a status mapping. Raises ConfigurationError, naming file and line, for a wrong one.

    If `providers` are given, a line for another one is wrong.
    """
    for place, line in _read_mapping(path, STATUS_MAPPING):
        if providers and line["provider"] not in providers:
            raise ConfigurationError(
                f"{place} has the provider {line['provider']!r}", nearest(line["provider"], providers)
            )
        if line["status"] not in STATUSES:
            raise ConfigurationError(
                f"{place} has the status {line['status']!r}", f"use one of {', '.join(STATUSES)}"
            )
        yield line


def read_client_mapping(path: Path) -> Iterator[Line]:
    """The lines of a client mapping. Raises ConfigurationError, naming file and line, for a wrong one."""
    for place, line in _read_mapping(path, CLIENT_MAPPING):
        if empty := [column for column in CLIENT_MAPPING if not line[column]]:
            raise ConfigurationError(f"{place} has an empty {empty[0]}", "fill it in, or delete the line")
        yield line


def _read_mapping(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, Line]]:
    """Each line of a mapping and its place in the file; none if there is no file."""
    content = _bytes(path)
    if content is None:
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not CSV in UTF-8", "save it as CSV in UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for column in columns:
            if column not in (reader.fieldnames or ()):
                raise ConfigurationError(
                    f"{path} has no column {column}", f"let its first line be {','.join(columns)}"
                )
        for row in reader:
            place = f"{path} line {reader.line_num}"
            yield place, _line(row, columns, place)
    except csv.Error as error:
        place = f"{path} line {reader.reader.line_num}"
        raise ConfigurationError(f"{place} is not CSV ({error})", "correct it, or delete the line") from None


def _bytes(path: Path) -> bytes | None:
    """The content of a mapping; None if there is no file. Raises ConfigurationError if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        refuse_dangling(path)
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror})", "correct it, or move it away"
        ) from None


def _line(row: dict[str, str | None], columns: tuple[str, ...], place: str) -> Line:
    values = {column: row[column] for column in columns}
    if None in values.values():
        raise ConfigurationError(
            f"{place} has fewer than {len(row)} values", "leave an empty one between commas"
        )
    if None in row:  # where csv puts what is behind the last column
        raise ConfigurationError(
            f"{place} has more than {len(row) - 1} values",
            "put a value that has a comma between double quotes",
        )
    return {column: (value or "").strip() for column, value in values.items()}
