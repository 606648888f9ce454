"""One attempt at a task for a unit, on a worker of whichever engine.

An engine starts a task again if its worker dies. An error of a task is not raised in the worker, where an
engine would print it, but returned.
"""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

import duckdb

from pipelines.common.errors import SyncError, WorkerFailed
from pipelines.common.version import rollcall_version
from pipelines.compute import unit as units_of_a_run
from pipelines.compute.job import Report, Unit

Task = Literal["receive", "count", "finish"]
U = TypeVar("U", bound=Unit)

RETRIES = 3
LONGEST_REASON = 300  # characters


@dataclass(frozen=True)
class Result:
    """The end of an attempt: a value, or an error."""

    value: object = None
    error: Exception | None = None


def versions() -> Mapping[str, str]:
    """What must be equal on all workers."""
    return {"Rollcall": rollcall_version(), "DuckDB": duckdb.__version__}


def attempt(task: Task, expected: Mapping[str, str], packed: bytes, report: Report) -> bytes:
    """Do a task for a pickled unit, on a worker. Returns a pickled Result."""
    return pickle.dumps(_attempt(task, expected, packed, report))


def opened(result: bytes) -> object:
    """The value of an attempt. Raises its error."""
    found: Result = pickle.loads(result)  # noqa: S301 - from our own worker
    if found.error is not None:
        raise found.error
    return found.value


def _attempt(task: Task, expected: Mapping[str, str], packed: bytes, report: Report) -> Result:
    if different := [name for name, version in versions().items() if version != expected[name]]:
        here = " and ".join(f"{name} {versions()[name]}" for name in different)
        wanted = " and ".join(f"{name} {expected[name]}" for name in different)
        return Result(
            error=WorkerFailed(
                f"a worker has {here}", f"install {wanted} on it, as on the machine of the run"
            )
        )
    one: Unit = pickle.loads(packed)  # noqa: S301 - from the run's own process
    work = cast("Callable[[Unit, Report], object]", getattr(units_of_a_run, task))
    try:
        return Result(work(one, report))
    except (SyncError, OSError) as error:
        return Result(error=error)
    except duckdb.OutOfMemoryException:
        return Result(error=_needs_memory(one))
    except Exception as error:  # noqa: BLE001 - the process of the run reports it
        return Result(error=_unexpected(one, error))


def _needs_memory(one: Unit) -> SyncError:
    return WorkerFailed(
        f"{one.name} needs more than the {one.job.memory_mb} MB of memory_mb of [compute]",
        "raise it, or lower unit_records",
    )


def _unexpected(one: Unit, error: Exception) -> SyncError:
    """An internal error as it may be shown: without the secrets of the connection."""
    from pipelines.common.redaction import Secrets

    given = [str(value) for value in one.asked.settings.values() if isinstance(value, str)]
    lake = one.job.exchange.lake
    given += [lake.password] + ([lake.storage.secret, lake.storage.session_token] if lake.storage else [])
    reason = Secrets(given).redact(str(error).strip().partition("\n")[0])[:LONGEST_REASON]
    return WorkerFailed(
        f"internal error in a worker, at {one.name} ({type(error).__name__}: {reason})",
        "please report it",
    )
