"""Facts recorded from an earlier reader and merge: a change of the code must not change them.

The runs are drawn from a seed: every provider, records in other spellings, volatile fields, ids that come
twice, quarantined records, failing listings, windows, and erasures. `golden.json` was written by the code
that hashed the content of every record. To write it again: `python -m tests.transform.test_golden`.
"""

import json
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.common.errors import Transient
from pipelines.common.sql import SQL_ROOT
from pipelines.extract.connections import Connection
from pipelines.extract.provider import ListingRequest, Page
from pipelines.extract.records import canonical_hash
from pipelines.load.listings import Listings
from pipelines.load.merge import merge
from pipelines.load.plan import known_records
from pipelines.load.windows import windows_due
from pipelines.warehouse.runs import next_start
from tests.campaigns.play import in_memory, land_directly
from tests.campaigns.reading import spelled
from tests.support.scripted import PROVIDERS, scripted

GOLDEN = Path(__file__).with_name("golden.json")
FIRST = datetime(2026, 3, 1, 2, tzinfo=UTC)
RUNS = 10
RECORDS = 9
PAGE = 4
# The id, a name, and a volatile field.
FIELDS = {
    "fone_dynamics": ("PropertySid", "Name", ""),
    "matter": ("originId", "name", ""),
    "rillsoft": ("id", "name", "lockUserName"),
    "evovoice": ("Id", "FileName", "Uri"),
    "belltastic": ("id", "name", ""),
}
NAMES = ("Zoë", "Zoe\u0308", "Ada", "Mar\u00eda", "a/b~c")
MOMENTS = ("2026-01-02T03:04:05Z", "2026-01-02T04:04:05.000+01:00", "2026-01-02T03:04:06Z", "2026-01-02")
NUMBERS = ("1", "1.0", "10e-1", "1.50", "12345678901234567890123", "-0", "1e400")
NOT_TAKEN = (
    b'{"KEY": "3", "x": NaN}',
    b'{"KEY": "24", "x": 1, "x": 1}',
    b'{"KEY": "25", "x": "\xff"}',
    b'{"KEY": 1.0}',
    b"[]",
    b'{"KEY": "6", "x": 1e999999999999999999999}',
    b'{"KEY": "27", "x": ' + b"[" * 201 + b"]" * 201 + b"}",
    b'{"KEY": "8", "x": "a' + "\u0301".encode() * 31 + b'"}',
)
FACTS = {
    "records": """
        select
            connection, scope, record_id, payload::text as payload,
            content_hash = 'forgotten' as is_forgotten,
            created_at, valid_from, valid_to, end_reason, last_seen_at, refreshed_at
        from raw.records order by all
    """,
    "listings": """
        select
            started_at, connection, scope, outcome, window_start, records, new, changed, removed, unchanged,
            repeated, quarantined, held_back, message
        from raw.listings order by all
    """,
    "quarantine": """
        select started_at, connection, scope, record_id, reason, payload from raw.quarantine order by all
    """,
}


class Account:
    """One connection, and what its provider has, by id: the fields of each record as JSON values."""

    def __init__(self, provider: str, number: int) -> None:
        self.provider = provider
        self.name = f"{provider}_{number}"
        self.rng = random.Random(self.name)
        self.has = {str(record): self._record(record) for record in range(RECORDS)}
        self.walk: list[Page | None] = []

    def connection(self) -> Connection:
        def pages(_api: object, ask: ListingRequest) -> Iterator[Page]:
            for page in self.walk:
                if page is None:
                    raise Transient("it broke down")
                yield page

        clients = {"client_ids": ("1",)} if self.provider == "rillsoft" else {}
        return scripted(self.name, self.provider, pages, **clients)

    def live(self) -> None:
        """Change, create and remove some records."""
        for _ in range(self.rng.randrange(4)):
            record = self.rng.randrange(RECORDS + 3)
            if self.rng.random() < 0.3:
                self.has.pop(str(record), None)
            else:
                self.has[str(record)] = self._record(record)

    def answer(self, since: datetime | None) -> None:
        """Draw the answers of the next listing."""
        rng = self.rng
        texts = [
            self._text(record)
            for record in self.has.values()
            if since is None or datetime.fromisoformat(str(record["DateCreated"])) >= since
        ]
        total: int | None = len(texts)
        for _ in range(rng.choice((0, 0, 1, 2))):
            texts.append(self._text(rng.choice(list(self.has.values()))))
        if rng.random() < 0.3:
            texts.append(rng.choice(NOT_TAKEN).replace(b"KEY", FIELDS[self.provider][0].encode()))
        rng.shuffle(texts)
        if self.provider in ("belltastic", "rillsoft") or rng.random() < 0.1:
            total = None
        size = rng.choice((PAGE, 100))
        self.walk = [Page(tuple(texts[at : at + size]), total) for at in range(0, len(texts), size)]
        if rng.random() < 0.1:
            self.walk[rng.randrange(len(self.walk)) :] = [None]

    def _record(self, record: int) -> dict[str, object]:
        id_key, name_key, _ = FIELDS[self.provider]
        rng = self.rng
        fields: dict[str, object] = {id_key: str(record), name_key: rng.choice(NAMES)}
        if self.provider == "evovoice":
            fields["DateCreated"] = f"{FIRST - timedelta(days=9 * record):%Y-%m-%dT%H:%M:%SZ}"
            fields["CustomerId"] = f"C{record % 4}"
        fields["at"] = rng.choice(MOMENTS)
        fields["n"] = [Decimal(rng.choice(NUMBERS)), {"name": rng.choice(NAMES)}, None, True]
        return fields

    def _text(self, record: dict[str, object]) -> bytes:
        """The record as it is sent: as before, or in another spelling."""
        fields = dict(record)
        if volatile := FIELDS[self.provider][2]:
            fields[volatile] = self.rng.choice("ab")
        if self.rng.random() < 0.8:
            return spelled(fields, random.Random(1)).encode()
        return spelled(fields, self.rng).encode()


def erase(warehouse: duckdb.DuckDBPyConnection, run: int) -> None:
    """Forget a record of each kind, and a customer of EvoVoice, as `forget` does."""
    warehouse.execute("insert into raw.salt select 'salt' where not exists (from raw.salt)")
    warehouse.execute(
        """
        create or replace temp table forgotten_records as
        select distinct connection, scope, entity, record_id from raw.records
        where record_id = $1 and entity = 'projects' and connection like '%_1';
        """,
        [str(run)],
    )
    warehouse.execute("create or replace temp table forgotten_customers (connection text, customer text)")
    warehouse.execute("insert into forgotten_customers values ('evovoice_1', $1)", [f"C{run % 4}"])
    warehouse.execute((SQL_ROOT / "forget.sql").read_text())


def make_earlier(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Convert the facts to the earlier form, in which the content hash was the canonical one."""
    rows = warehouse.execute(
        "select rowid, provider, payload::text, content_hash from raw.records"
    ).fetchall()
    for row, provider, payload, content_hash in rows:
        earlier = content_hash
        if content_hash != "forgotten":
            earlier = canonical_hash(PROVIDERS[provider], payload.encode())
        warehouse.execute(
            "update raw.records set content_hash = $2, canonical_hash = null where rowid = $1", [row, earlier]
        )


def played(*, upgraded_before: int | None = None) -> dict[str, list[list[Any]]]:
    """The facts after all runs. Before one of the runs, facts of an earlier version are upgraded."""
    accounts = [Account(provider, number) for provider in FIELDS for number in range(3)]
    warehouse = in_memory()
    for run in range(RUNS):
        if run == upgraded_before:
            make_earlier(warehouse)
            warehouse.execute((SQL_ROOT / "upgrade.sql").read_text())
        asked = accounts if run % 3 else accounts[::-1]
        connections = [account.connection() for account in asked]
        started_at = next_start(warehouse, FIRST + timedelta(days=run))
        windows = windows_due(warehouse, connections, started_at)
        for account in asked:
            account.live()
            account.answer(windows.get(account.name))
        known = known_records(warehouse, connections, windows)
        accepted = {"matter_0": 6, "belltastic_0": 6}
        with tempfile.TemporaryDirectory() as scratch:
            landing = land_directly(Listings(connections, windows, known), Path(scratch))
            merge(warehouse, landing, started_at, accepted, started_at)
        if run in (3, 6):
            erase(warehouse, run)
    return {
        table: [list(row) for row in warehouse.execute(f"select columns(*)::text from ({query})").fetchall()]
        for table, query in FACTS.items()
    }


@pytest.mark.parametrize("upgraded_before", [None, 5])
def test_the_facts_are_those_of_the_golden_file(upgraded_before: int | None) -> None:
    facts = played(upgraded_before=upgraded_before)
    for table, rows in json.loads(GOLDEN.read_text(encoding="utf-8")).items():
        assert facts[table] == rows


if __name__ == "__main__":
    tables = (
        f"{json.dumps(table)}: [\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
        for table, rows in played().items()
    )
    GOLDEN.write_text("{" + ", ".join(tables) + "}\n", encoding="utf-8")
