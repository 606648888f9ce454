"""The checks of a run that is divided into parts: each part runs those that depend on one key's records.

The other checks, and all checks of the user, run once, over the rows of all parts.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from pipelines.transform.checks import Finding, run_checks, sampled
from pipelines.transform.model import Model, read_models

# A part returns this many rows of a finding, because rows of several parts may have to be added up.
MOST_ROWS = 1_000
COUNTS = ("projects", "records")
EXAMPLE = "example"


def check_part(db: duckdb.DuckDBPyConnection, home: Path) -> tuple[Finding, ...]:
    """Run the checks that depend on one key's records."""
    return run_checks(db, (one for one in read_models("checks", home).values() if _is_of_key(one)), MOST_ROWS)


def check_whole(
    db: duckdb.DuckDBPyConnection, home: Path, of_parts: Iterable[Finding]
) -> tuple[Finding, ...]:
    """Run the other checks, and add what the parts have found, as if there had been one part."""
    found = run_checks(db, (one for one in read_models("checks", home).values() if not _is_of_key(one)))
    by_name: dict[str, list[Finding]] = {}
    for finding in of_parts:
        by_name.setdefault(finding.name, []).append(finding)
    together = map(_together, by_name.values())
    return tuple(sorted((*found, *together), key=lambda finding: finding.name))


def _is_of_key(check: Model) -> bool:
    return check.is_own and check.scope == "key"


def _together(findings: Sequence[Finding]) -> Finding:
    """The findings of one check as one: rows that differ in counts and examples only are added up."""
    first = findings[0]
    added: dict[tuple[object, ...], dict[str, object]] = {}
    for finding in findings:
        for values in finding.sample:
            row = dict(zip(first.columns, values, strict=True))
            key = tuple(row[name] for name in first.columns if name not in (*COUNTS, EXAMPLE))
            added[key] = _sum(added[key], row) if key in added else row
    rows = [tuple(row[name] for name in first.columns) for row in added.values()]
    ordered = sorted(rows, key=lambda row: [(value is None, str(value)) for value in row])
    unread = sum(finding.rows - len(finding.sample) for finding in findings)
    return sampled(first, ordered, len(ordered) + unread)


def _sum(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    total = dict(one)
    for name in COUNTS:
        if isinstance(count := total.get(name), int) and isinstance(more := other[name], int):
            total[name] = count + more
    if EXAMPLE in total:
        total[EXAMPLE] = min(str(total[EXAMPLE]), str(other[EXAMPLE]))
    return total
