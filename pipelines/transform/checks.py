"""The checks: each selects the rows that break a promise or, as a warning, that a reader should know of.

A run that changes no record does not run every check. A check is steady if it reads only what such a run does
not change: it would find the same rows again, so its finding is kept in the file and repeated. The other
checks read what every run adds: `raw.runs`, `raw.listings`, `raw.quarantine`, or a table built from these.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import msgspec

from pipelines.common.errors import PublicationRefused
from pipelines.transform.execute import execute
from pipelines.transform.graph import read_relations
from pipelines.transform.model import Model, Severity, read_models
from pipelines.transform.seeds import SEEDS

if TYPE_CHECKING:
    from sqlglot import exp

SAMPLE_ROWS = 5
# Tables that change only together with a record, or with what `staging.last_build` is made of; for each, the
# columns that every run sets.
STEADY = {
    "raw.connections": frozenset[str](),
    "raw.forgotten": frozenset[str](),
    "raw.operations": frozenset[str](),  # each of which builds everything
    "raw.records": frozenset({"last_seen_at"}),
    **dict.fromkeys(SEEDS, frozenset[str]()),
    "staging.records": frozenset({"last_seen_at"}),
}


@dataclass(frozen=True)
class Finding:
    """What a check returned: rows that break a promise or, as a warning, that a reader should know of.

    `sample` holds the first of them, with the values of `columns`.
    """

    name: str
    severity: Severity
    description: str
    rows: int
    columns: tuple[str, ...]
    sample: tuple[tuple[object, ...], ...]


class Kept(msgspec.Struct, frozen=True):
    """What a run leaves for the next one: a digest of the checks, what they found, and which are steady.

    `findings` lacks those with values that JSON cannot hold exactly; `lost` has their names. `steady` is None
    until a run needs it: parsing the checks takes half as long as running them.
    """

    digest: str
    findings: tuple[Finding, ...]
    lost: frozenset[str]
    steady: frozenset[str] | None

    @property
    def repeatable(self) -> frozenset[str]:
        """The checks that need not run if no record has changed."""
        return (self.steady or frozenset()) - self.lost


def check(db: duckdb.DuckDBPyConnection, home: Path) -> tuple[Finding, ...]:
    """Run every check. Returns the findings: none if every promise is kept and nothing needs a warning."""
    return run_checks(db, read_models("checks", home).values())


def check_run(db: duckdb.DuckDBPyConnection, home: Path, *, is_unchanged: bool) -> tuple[Finding, ...]:
    """Run the checks after a run. If it has changed no record, repeat the findings of the steady ones."""
    checks = read_models("checks", home)
    digest = _digest(checks.values())
    before = _read_kept(db, digest)
    kept = before
    if kept and is_unchanged and kept.steady is None:
        kept = msgspec.structs.replace(kept, steady=_steady(checks.values(), home))
    skipped = kept.repeatable if kept and is_unchanged else frozenset()
    repeated = [finding for finding in kept.findings if finding.name in skipped] if kept else []
    found = run_checks(db, (model for name, model in checks.items() if name not in skipped))
    findings = tuple(sorted((*repeated, *found), key=lambda finding: finding.name))
    exact = tuple(filter(_is_exact_in_json, findings))
    lost = frozenset(finding.name for finding in findings if finding not in exact)
    _write_kept(db, before, Kept(digest, exact, lost, kept.steady if kept else None))
    return findings


def refuse_broken(findings: Sequence[Finding]) -> None:
    """Raise PublicationRefused if a check found a broken promise."""
    broken = [finding for finding in findings if finding.severity == "error"]
    if broken:
        first = broken[0]
        raise PublicationRefused(
            f"checks failed: {len(broken)}; first {first.name}, rows: {first.rows} ({first.description})",
            "nothing was published; the previous warehouse stays as it was",
        )


def run_checks(
    db: duckdb.DuckDBPyConnection, checks: Iterable[Model], sample_rows: int = SAMPLE_ROWS
) -> tuple[Finding, ...]:
    """Run these checks. A finding counts all rows that a check returns, and keeps the first `sample_rows`."""
    findings = []
    for model in checks:
        execute(db, model, model.sql)
        columns = tuple(column[0] for column in db.description)
        sample = tuple(db.fetchmany(sample_rows))
        rows = len(sample) + sum(map(len, iter(lambda: db.fetchmany(10_000), [])))
        if rows:
            findings.append(Finding(model.name, model.severity, model.description, rows, columns, sample))
    return tuple(findings)


def sampled(finding: Finding, rows: Sequence[tuple[object, ...]], count: int) -> Finding:
    """The same finding with other rows, of which there are `count`."""
    return replace(finding, rows=count, sample=tuple(rows[:SAMPLE_ROWS]))


def _digest(checks: Iterable[Model]) -> str:
    texts = [f"{one.path}\n{one.sql}" for one in checks]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _read_kept(db: duckdb.DuckDBPyConnection, digest: str) -> Kept | None:
    """What the last run left, if it ran the same checks."""
    tables = db.execute(
        "from duckdb_tables() where database_name = current_database() "
        "and schema_name = 'staging' and table_name = 'last_checks'"
    )
    if not tables.fetchone():
        return None
    row = db.execute("select kept from staging.last_checks").fetchone()
    assert row is not None
    kept = msgspec.json.decode(row[0], type=Kept)
    return kept if kept.digest == digest else None


def _write_kept(db: duckdb.DuckDBPyConnection, before: Kept | None, kept: Kept) -> None:
    if kept != before:
        text = msgspec.json.encode(kept, order="deterministic").decode()
        db.execute("create or replace table staging.last_checks as select $1 as kept", [text])


def _is_exact_in_json(finding: Finding) -> bool:
    """Whether a finding is the same after it has been kept as JSON: a timestamp, for example, is not."""
    try:
        return msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding
    except (TypeError, ValueError):
        return False


def _steady(checks: Iterable[Model], home: Path) -> frozenset[str]:
    """The names of the steady checks. A check of the user may call anything, so none of them is steady."""
    steady: dict[str, frozenset[str]] = dict(STEADY)
    for relation in read_relations(home):
        model, reads = relation.model, relation.reads
        if model and not model.is_own:
            continue
        if model and model.incremental:
            steady[relation.name] = frozenset(model.refreshed)
        elif relation.kind == "view" and reads <= steady.keys():
            steady[relation.name] = frozenset().union(*(steady[name] for name in reads))
        elif relation.kind == "table" and _is_steady(relation.query(), steady):
            steady[relation.name] = frozenset()
    return frozenset(one.name for one in checks if one.is_own and _is_steady(one.sql, steady))


def _is_steady(query: str, steady: Mapping[str, Set[str]]) -> bool:
    """Whether a query reads only `steady` tables, and none of the columns that every run sets."""
    import sqlglot
    from sqlglot import exp

    parsed = sqlglot.parse_one(query, dialect="duckdb")
    own = {expression.alias for expression in parsed.find_all(exp.CTE)}
    refreshed: set[str] = set()
    for select in parsed.find_all(exp.Select):
        sources = [select.args.get("from_") or select.args.get("from"), *select.args.get("joins", ())]
        reads = {_name(source.this) for source in sources if source} - own - {""}
        if not reads <= steady.keys():
            return False
        of_these = set[str]().union(*(steady[name] for name in reads))
        if of_these and select.is_star:
            return False
        refreshed |= of_these
    return refreshed.isdisjoint(column.name for column in parsed.find_all(exp.Column))


def _name(source: "exp.Expression") -> str:
    """The name of a table that a query selects from; '' for what reads none by itself."""
    from sqlglot import exp

    if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
        return f"{source.db}.{source.name}".strip(".")
    return "" if isinstance(source, exp.Subquery | exp.Unnest) else source.sql()
