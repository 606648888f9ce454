"""Fields that a provider adds or removes are reported once, by the first run without or with them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipelines.common.sql import read_sql
from tests.transform.raw import RUNS, Raw, run

Records = Mapping[str, Mapping[str, object]]

A = {"name": "A"}
B = {"name": "B"}
RARE = {"name": "C", "rare": True}
NEW, GONE = "fields_never_seen_before", "fields_that_vanished"
CHECKS = {name: read_sql(f"checks/{name}") for name in (NEW, GONE)}


@pytest.mark.parametrize("others", [0, 1200])
@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"1": A, "2": B}, {"1": A, "2": B}, {}),
        ({"1": A, "2": B}, {"1": A, "2": B | {"budget": 5}}, {NEW: [("matter", "budget", 1)]}),
        ({"1": A, "2": B}, {"1": A, "2": B, "3": {"budget": 5}}, {NEW: [("matter", "budget", 1)]}),
        ({"1": A, "2": RARE}, {"1": A | {"rare": False}, "2": RARE}, {}),
        ({"1": A, "2": RARE}, {"1": A | {"rare": False}}, {}),
        ({"1": A, "2": RARE}, {"1": A}, {}),  # only the record with this field is gone
        ({"1": A, "2": RARE}, {"1": A, "2": B}, {GONE: [("matter", "rare")]}),
        ({"1": A, "2": RARE}, {"1": A, "2": RARE | {"name": "D"}}, {}),
        ({}, {"1": A, "2": RARE}, {}),
        ({"1": RARE}, {"1": A | {"alias": 1}}, {NEW: [("matter", "alias", 1)], GONE: [("matter", "rare")]}),
    ],
)
def test_new_and_vanished_fields_are_found(
    tmp_path: Path, before: Records, after: Records, found: Mapping[str, object], others: int
) -> None:
    """`others` is the number of records of another connection, more than the checks read first."""
    raw = Raw(tmp_path)
    raw.db.execute(
        """
        insert into raw.records
            (provider, connection, entity, record_id, payload, content_hash, valid_from, last_seen_at)
        select 'belltastic', 'belltastic', 'projects', n, '{"id": 1}', '', $1, $1
        from range($2) as others(n)
        """,
        [run(1), others],
    )
    for record, payload in before.items():
        now = after.get(record)
        reason = "removed" if now is None else "changed"
        raw.record("matter", record, payload, 1, None if now == payload else RUNS, reason)
    for record, payload in after.items():
        if before.get(record) != payload:
            raw.record("matter", record, payload, RUNS)
    raw.db.execute("create schema staging")
    raw.db.execute(f"create view staging.last_run as\n{read_sql('staging/last_run')}")
    rows = {name: raw.db.execute(sql).fetchall() for name, sql in CHECKS.items()}
    assert {name: what for name, what in rows.items() if what} == found
