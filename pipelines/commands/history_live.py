"""`rollcall history KEY --live`: compares the warehouse with a provider's current data.

Nothing is written. This works only for providers that document how to read one record.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipelines.common.errors import MalformedAnswer, UsageError
from pipelines.common.sql import read_sql
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import load_connections
from pipelines.extract.provider import ListingRequest
from pipelines.extract.raw_json import members
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse

DEADLINE_S = 120.0


@dataclass(frozen=True)
class LiveField:
    """One field of a record: its JSON in the warehouse and at the provider now; None where it is absent."""

    name: str
    in_warehouse: str | None
    at_provider: str | None

    @property
    def differs(self) -> bool:
        """Whether the provider's value differs."""
        return self.in_warehouse != self.at_provider


@dataclass(frozen=True)
class Live:
    """One project's fields, in the provider's order, then those that only the warehouse has."""

    key: str
    fields: tuple[LiveField, ...]
    rows: Rows


class StoredRecord(NamedTuple):
    """The latest payload of a record in the warehouse, and what identifies the record at its provider."""

    connection: str
    scope: str | None
    record_id: str
    payload: str


def live(home: Path, warehouse: Warehouse, key: str) -> Live:
    """Read the project `key` from its provider.

    Raises UsageError where its provider documents no read of one record, ProviderError where that fails.
    """
    known = _known(warehouse, key)
    (connection,) = load_connections(home, [known.connection])
    read_one = connection.provider.read_one
    if read_one is None:
        raise UsageError(
            f"{connection.provider_name} does not document how to read one project", "leave out --live"
        )
    with HttpClient(connection, time.monotonic() + DEADLINE_S) as api:
        try:
            now = _compact(read_one(api, ListingRequest(connection.settings, known.scope), known.record_id))
        except MalformedAnswer as error:
            raise MalformedAnswer(
                error.reason, f"it may be gone there; to see, run: rollcall sync {known.connection}"
            ) from None
    then = _compact(known.payload.encode())
    names = dict.fromkeys((*now, *then))
    fields = tuple(LiveField(name, then.get(name), now.get(name)) for name in names)
    return Live(key, fields, _rows(warehouse, fields))


def _rows(warehouse: Warehouse, fields: Sequence[LiveField]) -> Rows:
    parameters = {
        "names": [field.name for field in fields],
        "in_warehouse": [field.in_warehouse for field in fields],
        "at_provider": [field.at_provider for field in fields],
    }
    return rows_of(warehouse, read_sql("queries/history/live"), parameters)


def _known(warehouse: Warehouse, key: str) -> StoredRecord:
    row = warehouse.db.execute(read_sql("queries/history/payload"), {"key": key}).fetchone()
    if row is None:
        raise UsageError(f"{key} is not listed as a project by its provider", "leave out --live")
    return StoredRecord(*row)


def _compact(record: bytes) -> dict[str, str]:
    """Each field as JSON without white space."""
    try:
        return {
            name: json.dumps(json.loads(raw), ensure_ascii=False) for name, raw in members(record).items()
        }
    except ValueError as error:
        raise MalformedAnswer(f"the record is not readable ({error})") from None
