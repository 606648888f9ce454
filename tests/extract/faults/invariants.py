"""The promises about the history and the counts, checked on the published warehouse."""

from collections.abc import Iterator
from itertools import pairwise

from tests.support.home import Home, Row


def broken_promises(home: Home) -> list[str]:
    """A line for each broken promise in the published warehouse."""
    return [*_of_intervals(home), *_of_removals(home), *_of_accounts(home)]


def _of_intervals(home: Home) -> Iterator[str]:
    """8, 10: intervals are not empty and do not overlap, and at most the last is current."""
    key = "connection, scope, entity, record_id"
    histories: dict[tuple[object, ...], list[Row]] = {}
    for row in home.rows(f"select {key}, valid_from, valid_to from raw.records order by valid_from"):
        histories.setdefault(tuple(row[name] for name in key.split(", ")), []).append(row)
    for name, versions in histories.items():
        for version in versions:
            if version["valid_to"] is not None and version["valid_to"] <= version["valid_from"]:
                yield f"{name} has an empty version"
        for earlier, later in pairwise(versions):
            if earlier["valid_to"] is None or earlier["valid_to"] > later["valid_from"]:
                yield f"{name} has versions that overlap"


def _of_removals(home: Home) -> Iterator[str]:
    """8: every removed record was missing from a verified listing of that run, which counted it."""
    removed = home.rows(
        "select connection, scope, valid_to as run, count(*) as records from raw.records "
        "where end_reason = 'removed' group by all"
    )
    verified = {
        (row["connection"], row["scope"], row["run"]): row["removed"]
        for row in home.rows(
            "select connection, scope, started_at as run, removed from listings where outcome = 'verified'"
        )
    }
    for row in removed:
        listed = (row["connection"], row["scope"], row["run"])
        if verified.get(listed) != row["records"]:
            count = verified.get(listed)
            yield f"{row['records']} records of {listed} were closed, {count} were verified to be gone"


def _of_accounts(home: Home) -> Iterator[str]:
    """5: every received record has exactly one outcome."""
    for row in home.rows("from listings"):
        fates = sum(row[fate] for fate in ("new", "changed", "unchanged", "repeated", "quarantined"))
        if fates != row["records"]:
            yield f"{row['connection']} received {row['records']} records, {fates} are accounted for"
