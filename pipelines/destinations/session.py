"""dlt with one destination. Each publication begins with an empty working directory.

dlt would otherwise load what an interrupted publication left behind, and load it twice.
"""

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from pipelines.common.errors import ConfigurationError, DestinationFailed, SyncError
from pipelines.common.extras import packages_of
from pipelines.destinations.columns import Table
from pipelines.destinations.kinds import DELETED, INCOMING, KEY, Kind, TableFormat
from pipelines.destinations.target import Target, target_secrets

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.common.schema.typing import TColumnSchema
    from dlt.extract.resource import DltResource

ROWS_PER_BATCH = 50_000
LONGEST_MESSAGE = 300  # characters: a driver may quote a statement
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@contextlib.contextmanager
def session(home: Path, target: Target, scratch: Path) -> Iterator["Pipeline"]:
    """A pipeline of dlt to the destination, with its working directory in `scratch`.

    Raises ConfigurationError if dlt lacks a setting or a package, DestinationFailed if the destination
    cannot be reached or refuses what it is asked for.
    """
    from pipelines.config.dlt_runtime import destination_settings, dlt

    with destination_settings(home, target.name), _translated(home, target):
        factory = getattr(dlt.destinations, target.kind.name)
        yield dlt.pipeline(
            "publish",
            pipelines_dir=str(scratch / "dlt"),
            destination=factory(destination_name=target.name),
            dataset_name=target.dataset,
        )


def empty_table(
    table: Table, schema: pa.Schema, kind: Kind, table_format: TableFormat | None
) -> "DltResource":
    """A resource without rows that creates a table, or adds the columns that it lacks."""
    from pipelines.config.dlt_runtime import dlt

    columns: dict[str, TColumnSchema] = {KEY: {"nullable": False}}
    for column in table.columns:
        hints: TColumnSchema = {"description": column.description}
        if column.is_json and kind.json:
            hints["data_type"] = "json"
        if column.name in table.key:
            hints["nullable"] = False
        columns[column.name] = hints
    rows = [_without_deleted(schema).empty_table()]
    resource = dlt.resource(rows, name=table.name, write_disposition="append", columns=columns)
    return resource.apply_hints(file_format=kind.creating, table_format=table_format)


def staged_rows(table: Table, file: Path, kind: Kind) -> "DltResource":
    """A resource with the rows of a file, for a table of their own that it replaces."""
    from pipelines.config.dlt_runtime import dlt

    batches = parquet.ParquetFile(file).iter_batches(ROWS_PER_BATCH)
    rows = (pa.Table.from_batches([batch]) for batch in batches)
    resource = dlt.resource(rows, name=INCOMING + table.name, write_disposition="replace")
    return resource.apply_hints(file_format=kind.staging)


def _without_deleted(schema: pa.Schema) -> pa.Schema:
    return schema.remove(schema.get_field_index(DELETED))


@contextlib.contextmanager
def _translated(home: Path, target: Target) -> Iterator[None]:
    """Turn the exceptions of dlt and of drivers into errors of one line, without secrets."""
    try:
        yield
    except SyncError:
        raise
    except Exception as error:
        causes = tuple(_causes(error))
        if not any(isinstance(cause, OSError) or _is_foreign(cause) for cause in causes):
            raise  # a mistake of Rollcall's own
        if refused := _refused(target, causes):
            raise refused from None
        message = target_secrets(home, target.name).redact(_message(causes[-1]))
        raise DestinationFailed(
            f"publication to {target.label} failed: {message}",
            "nothing is lost: publish again when this is fixed",
        ) from None


def _refused(target: Target, causes: Sequence[BaseException]) -> ConfigurationError | None:
    """The error for a package or a setting that is missing; None if the cause is another."""
    from dlt.common.configuration.exceptions import ConfigFieldMissingException
    from dlt.common.exceptions import MissingDependencyException

    for cause in causes:
        if isinstance(cause, MissingDependencyException | ModuleNotFoundError):
            wanted = (
                packages_of("publish") if target.kind.extra == "publish" else [f"dlt[{target.kind.name}]"]
            )
            return ConfigurationError(
                f"{target.kind.name} needs packages that are not installed",
                f"run: pip install {shlex.join(wanted)}",
            )
        if isinstance(cause, ConfigFieldMissingException):
            return ConfigurationError(
                f"[destination.{target.name}] lacks {', '.join(cause.traces)}",
                f"add it to [destination.{target.name}] in .dlt/secrets.toml",
            )
    return None


def _is_foreign(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] not in {"builtins", "pipelines"}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _message(error: BaseException) -> str:
    return " ".join(_COLOUR.sub("", str(error)).split())[:LONGEST_MESSAGE]
