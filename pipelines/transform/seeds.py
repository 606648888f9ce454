"""The two tables that meanings are looked up in, which come from no provider.

`seeds.windows_time_zones`: the IANA name for each Windows time zone, from CLDR (its territory 001).
`seeds.status_mapping`: what each provider's statuses mean, from the package and from the user's home.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from pipelines.common.errors import ConfigurationError
from pipelines.common.sql import SQL_ROOT

STATUSES = ("active", "inactive", "planned", "on_hold", "completed", "cancelled", "archived", "unknown")


class Mapping(NamedTuple):
    """One line of a status mapping."""

    provider: str
    provider_status: str
    status: str


def fill_seeds(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Make the schema `seeds` anew. Raises ConfigurationError where the user's mapping cannot be read."""
    from tzlocal.windows_tz import win_tz

    connection.execute("create schema if not exists seeds")
    _fill(connection, "windows_time_zones", windows_name=list(win_tz), time_zone=list(win_tz.values()))
    mappings = list(read_status_mapping(SQL_ROOT / "seeds" / "status_mapping.csv"))
    if (home / "status_mapping.csv").exists():
        mappings += read_status_mapping(home / "status_mapping.csv")
    _fill(
        connection,
        "status_mapping",
        # Which of two lines for one status counts is said by the model: the one of higher precedence.
        precedence=list(range(len(mappings))),
        provider=[mapping.provider for mapping in mappings],
        provider_status=[mapping.provider_status for mapping in mappings],
        status=[mapping.status for mapping in mappings],
    )


def _fill(connection: duckdb.DuckDBPyConnection, name: str, **columns: list[str] | list[int]) -> None:
    connection.register("seed", pa.table(columns))
    connection.execute(f"create or replace table seeds.{name} as from seed")
    connection.unregister("seed")


def read_status_mapping(path: Path) -> Iterator[Mapping]:
    """The lines of a mapping. Raises ConfigurationError, naming file and line, where one cannot be read."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for column in Mapping._fields:
                if column not in (reader.fieldnames or ()):
                    raise ConfigurationError(
                        f"{path} has no column {column}", f"let its first line be {','.join(Mapping._fields)}"
                    )
            for row in reader:
                yield _mapping(row, f"{path} line {reader.line_num}")
        except (csv.Error, UnicodeDecodeError) as error:
            place = f"{path} line {reader.reader.line_num}"
            raise ConfigurationError(f"{place} is no CSV in UTF-8 ({error})", "save it as that") from None


def _mapping(row: dict[str, str | None], place: str) -> Mapping:
    values = [row[column] for column in Mapping._fields]
    if None in values:
        raise ConfigurationError(
            f"{place} has fewer than {len(values)} values", "leave an empty one between commas"
        )
    mapping = Mapping(*((value or "").strip() for value in values))
    if mapping.status not in STATUSES:
        raise ConfigurationError(
            f"{place} has the status {mapping.status!r}", f"use one of {', '.join(STATUSES)}"
        )
    return mapping
