"""`rollcall why`: the listing and the payloads behind each version of a project or file."""

from dataclasses import dataclass

from pipelines.commands.history import Subject, find
from pipelines.common.sql import read_sql
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse


@dataclass(frozen=True)
class Reasons:
    """A row for each event of each record of a subject, oldest first.

    `event` is created, changed, returned, removed or refreshed (only volatile fields differ; their values
    before are not kept). `outcome`, `pages`, `records`, `window_start` and `message` are those of the listing
    that showed it, `changed_fields` the members that differ, `before` and `after` the payloads.
    """

    subject: Subject
    events: Rows


def why(warehouse: Warehouse, key: str) -> Reasons:
    """The events of the project or file with this key or id. Raises UsageError if there is none."""
    subject = find(warehouse, key)
    return Reasons(subject, rows_of(warehouse, read_sql("queries/why"), subject.parameters))
