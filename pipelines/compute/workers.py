"""The workers of an engine, whose name only this module knows."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from pipelines.common.extras import needing
from pipelines.compute.attempts import Task, U
from pipelines.compute.job import Report
from pipelines.config.compute import ComputeSettings


class Workers(Protocol):
    """Workers for the time of a run."""

    def each(self, task: Task, units: Sequence[U], report: Report) -> Iterator[tuple[U, object]]:
        """Do a task for each unit, in any order; yields each with what the task returned.

        Raises the SyncError that a task has raised, WorkerFailed if it cannot be done.
        """


def workers_for(settings: ComputeSettings) -> AbstractContextManager[Workers]:
    """The workers of the engine that is configured. Raises ConfigurationError if it cannot run here."""
    with needing(settings.engine):
        if settings.engine == "ray":
            from pipelines.compute.on_ray import RayWorkers

            return RayWorkers(settings)
        from pipelines.compute.on_spark import SparkWorkers

        return SparkWorkers(settings)
