"""`rollcall history`: every version of one project or file."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.common.errors import UsageError
from pipelines.common.sql import read_sql
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse


class Subject(NamedTuple):
    """The subject of a history: `kind` is project or file, `name` its last known name."""

    kind: str
    key: str
    name: str | None

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a query about it."""
        return {"kind": self.kind, "key": self.key}


@dataclass(frozen=True)
class History:
    """The versions of one subject, oldest first: a row for each changed column, or one if none changed."""

    subject: Subject
    versions: Rows


def history(warehouse: Warehouse, key: str) -> History:
    """The history of the project or file with this key, or with this id if it is unique.

    Raises UsageError, which names similar ones, if there is none.
    """
    subject = find(warehouse, key)
    sql = read_sql(
        "queries/history/versions", history=f"{subject.kind}s_history", key_column=f"{subject.kind}_key"
    )
    return History(subject, rows_of(warehouse, sql, {"key": subject.key}))


def find(warehouse: Warehouse, key: str) -> Subject:
    """The one project or file with this key or id. Raises UsageError if there is none."""
    if not key.strip():
        raise UsageError("the key is empty", "name a project or file, such as matter:4711")
    rows = _among_subjects(warehouse, "find", key)
    found = [Subject(*row) for row in rows]
    found = [subject for subject in found if subject.key == key] or found
    if not found:
        raise UsageError(f"there is no project or file {key}", _near(warehouse, key))
    if len(found) > 1:
        keys = ", ".join(subject.key for subject in found)
        raise UsageError(f"{len(found)} records have the id {key}", f"name one by its key: {keys}")
    return found[0]


def _near(warehouse: Warehouse, key: str) -> str:
    near = _among_subjects(warehouse, "similar", key)
    if not near:
        return "see: rollcall query 'select project_key, name from projects'"
    return "did you mean " + " or ".join(f"{key} ({name})" for key, name, _ in near) + "?"


def _among_subjects(warehouse: Warehouse, query: str, key: str) -> list[tuple[Any, ...]]:
    sql = read_sql(f"queries/history/{query}", subjects=read_sql("queries/history/subjects"))
    return warehouse.db.execute(sql, {"key": key}).fetchall()
