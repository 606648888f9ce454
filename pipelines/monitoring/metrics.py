"""The state of a home as Prometheus metrics: for `rollcall status`, and for a file after each run.

The file is for the textfile collector of node_exporter. Every metric is a gauge with a label `home`, because
one machine may have several homes. A connection that is retired or no longer configured has no metrics, so
that no alert fires for it.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipelines.common.errors import SyncError
from pipelines.common.files import write_atomically
from pipelines.common.sql import read_sql
from pipelines.common.version import rollcall_version
from pipelines.config.settings import textfile_path
from pipelines.warehouse.published import bytes_of, open_published

if TYPE_CHECKING:
    import duckdb

    from pipelines.warehouse.reader import Warehouse

OUTCOMES = ("verified", "unverified", "held_back", "failed")
READABLE_BY_ALL = 0o644  # node_exporter is another user

OF_HOME: Mapping[str, str] = {
    "build_info": "The version of Rollcall, as a label.",
    "last_run_timestamp_seconds": "Start of the last published run.",
    "last_run_duration_seconds": "How long the last published run took.",
    "last_run_exit_code": "Exit code of the last published run: 0, or 3 if not every listing was verified.",
    "last_attempt_timestamp_seconds": "End of the last run, published or not. In the file only.",
    "last_attempt_exit_code": "Exit code of the last run, published or not. In the file only.",
    "warehouse_bytes": "Size of the published file.",
}
OF_CONNECTION: Mapping[str, str] = {
    "connection_records": "Records listed now.",
    "connection_last_attempt_timestamp_seconds": "Start of the last run that synced the connection.",
    "connection_last_verified_timestamp_seconds": "Start of the last run that verified all its listings.",
    "connection_last_full_timestamp_seconds": "Start of the last run that verified them without a window.",
    "connection_duration_seconds": "How long its listings took in its last run.",
    "connection_new": "Records that its last run added.",
    "connection_changed": "Records that its last run changed.",
    "connection_removed": "Records that its last run removed.",
    "connection_quarantined": "Records that its last run quarantined.",
    "connection_held_back": "Records whose removal waits for an operator.",
    "connection_outcome": "1 for the outcome of its last run, 0 for the other outcomes.",
}


@dataclass(frozen=True)
class Attempt:
    """The last run, published or not: when it ended, in seconds since 1970, and its exit code."""

    ended: float
    exit_code: int


def metrics_text(home: Path, warehouse: "Warehouse | None", attempt: Attempt | None = None) -> str:
    """The metrics of a home in Prometheus' text format. `warehouse` is open; None if there is none."""
    registry = CollectorRegistry()
    registry.register(_Metrics(_families(str(home), warehouse, attempt)))
    return generate_latest(registry).decode()


def update_textfile(home: Path, attempt: Attempt, warn: Callable[[str], None]) -> None:
    """Write the file of `[monitoring] textfile`, if it is configured. A failure is a warning only."""
    try:
        path = textfile_path(home)
    except SyncError as error:
        warn(f"cannot write metrics: {error}")
        return
    if path is None:
        return
    try:
        with contextlib.ExitStack() as stack:
            warehouse = None
            # After a run that failed, there may be no warehouse, or one that cannot be read.
            with contextlib.suppress(Exception):
                warehouse = stack.enter_context(open_published(home))
            text = metrics_text(home, warehouse, attempt)
        # Not while the warehouse is open: an error would be taken for one of its file.
        write_atomically(path, text, mode=READABLE_BY_ALL)
    except OSError as error:
        warn(f"cannot write the metrics {path} ({error.strerror}); the run continues")
    except Exception as error:  # noqa: BLE001 - metrics must not end the run
        warn(f"cannot write the metrics {path} ({type(error).__name__}); the run continues")


class _Metrics(Collector):
    """Families that are collected once."""

    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return iter(self._families)


def _families(
    home: str, warehouse: "Warehouse | None", attempt: Attempt | None
) -> Iterator[GaugeMetricFamily]:
    info = _family("build_info", OF_HOME, "version")
    info.add_metric([home, rollcall_version()], 1)
    yield info
    values: dict[str, object] = {}
    if attempt is not None:
        values |= {
            "last_attempt_timestamp_seconds": attempt.ended,
            "last_attempt_exit_code": attempt.exit_code,
        }
    if warehouse is not None:
        values["warehouse_bytes"] = bytes_of(warehouse)
        for run in _rows(warehouse.db, "last_run_metrics", last_sync=read_sql("queries/last_sync")):
            values |= {
                "last_run_timestamp_seconds": run["started"],
                "last_run_duration_seconds": run["seconds"],
                "last_run_exit_code": run["exit_code"],
            }
    for name, value in values.items():
        family = _family(name, OF_HOME)
        family.add_metric([home], float(str(value)))
        yield family
    if warehouse is not None:
        yield from _of_connections(home, list(_rows(warehouse.db, "connection_metrics")))


def _of_connections(home: str, connections: list[dict[str, object]]) -> Iterator[GaugeMetricFamily]:
    for name in (name for name in OF_CONNECTION if name != "connection_outcome"):
        column = name.removeprefix("connection_").removesuffix("_timestamp_seconds")
        column = {"duration_seconds": "seconds"}.get(column, column)
        family = _family(name, OF_CONNECTION, "connection", "provider")
        for one in connections:
            if one[column] is not None:
                family.add_metric([home, *_labels(one)], float(str(one[column])))
        yield family
    outcomes = _family("connection_outcome", OF_CONNECTION, "connection", "provider", "outcome")
    for one in connections:
        for outcome in OUTCOMES:
            outcomes.add_metric([home, *_labels(one), outcome], one["outcome"] == outcome)
    yield outcomes


def _family(name: str, described: Mapping[str, str], *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"rollcall_{name}", described[name], labels=["home", *labels])


def _labels(connection: Mapping[str, object]) -> list[str]:
    return [str(connection["connection"]), str(connection["provider"])]


def _rows(db: "duckdb.DuckDBPyConnection", query: str, **fragments: str) -> Iterator[dict[str, object]]:
    found = db.execute(read_sql(f"queries/{query}", **fragments))
    names = [column[0] for column in found.description]
    for row in found.fetchall():
        yield dict(zip(names, row, strict=True))
