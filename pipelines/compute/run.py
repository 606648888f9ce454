"""The parts of a run on workers: divides it into units, and adds up what they return."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.compute.job import BucketUnit, ConnectionUnit, Finished, Landed, Report
from pipelines.compute.workers import Workers
from pipelines.load.merge import COUNTED
from pipelines.transform.build import Finding
from pipelines.warehouse.lake_parts import Changed, Changes


@dataclass(frozen=True)
class Parts:
    """What all units of a run have returned: rows of `RUN_LISTINGS` and of `COUNTED`, numbered alike, the
    files of what changes in each table, and what the checks of the units found.
    """

    listings: pa.Table
    totals: pa.Table
    changes: Changes
    findings: tuple[Finding, ...]


def run_units(workers: Workers, units: Sequence[ConnectionUnit], report: Report) -> Parts:
    """List all connections, and merge and build their records. Raises what `Workers.each` raises."""
    received = list(workers.each("receive", units, report))
    buckets = [one for unit, found in received if isinstance(found, Landed) for one in _buckets(unit, found)]
    counts: dict[str, list[pa.Table]] = {}
    for one, counted in workers.each("count", buckets, report):
        counts.setdefault(one.asked.name, []).append(cast("pa.Table", counted))
    totals = {name: added(tables) for name, tables in counts.items()}
    judged = [replace(one, totals=totals[one.asked.name]) for one in buckets]
    finished = {unit.asked.name: [found] for unit, found in received if isinstance(found, Finished)}
    for part, found in workers.each("finish", judged, report):
        finished.setdefault(part.asked.name, []).append(cast("Finished", found))
    return _together(finished, totals)


def added(counts: Iterable[pa.Table]) -> pa.Table:
    """The sums of rows of `COUNTED` of the same listing."""
    sums = [(name, "sum") for name in COUNTED.names[1:]]
    total = pa.concat_tables(counts).group_by("listing").aggregate(sums)
    names = {f"{name}_sum": name for name in COUNTED.names}
    total = total.rename_columns([names.get(name, name) for name in total.column_names])
    return total.select(COUNTED.names).cast(COUNTED).sort_by("listing")


def _buckets(unit: ConnectionUnit, landed: Landed) -> list[BucketUnit]:
    return [
        BucketUnit(unit.job, unit.asked, number, len(landed.buckets), bucket, landed.listings)
        for number, bucket in enumerate(landed.buckets)
    ]


def _together(finished: Mapping[str, Sequence[Finished]], totals: Mapping[str, pa.Table]) -> Parts:
    """Number the listings of all connections in one order, and collect what the units changed and found."""
    listings, counted, listed = [], [], 0
    changes: dict[str, Changed] = {}
    findings: list[Finding] = []
    for name in sorted(finished):
        parts = finished[name]
        rows = parts[0].listings
        listings.append(_renumbered(rows, listed))
        counted.append(_renumbered(totals.get(name, parts[0].counted), listed))
        listed += rows.num_rows
        for part in parts:
            findings += part.findings
            for source, (fresh, stale) in part.changes.items():
                before = changes.get(source, Changed())
                changes[source] = Changed(before.fresh + fresh, before.stale + stale)
    return Parts(pa.concat_tables(listings), pa.concat_tables(counted), changes, tuple(findings))


def _renumbered(rows: pa.Table, first: int) -> pa.Table:
    numbers = pc.add(rows["listing"], pa.scalar(first, pa.int32()))
    return rows.set_column(0, rows.schema.field("listing"), numbers)
