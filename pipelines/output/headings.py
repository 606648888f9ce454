"""Headings for people, in place of the names of columns."""

from collections import Counter
from dataclasses import replace

from pipelines.output.result import Column, Rows

# Where the name alone would mislead, or would give the same heading as another.
_HEADINGS = {
    "archived_at": "Archived on",
    "client_name": "Client",
    "client_id": "Client at provider",
    "column_name": "Field",
    "connection_outcome": "Last sync",
    "content_length": "Bytes",
    "customer_name": "Customer",
    "account_name": "Account",
    "file_name": "Name",
    "finishes_at": "Finish",
    "is_fresh": "Up to date",
    "last_full_at": "Last read in full",
    "new_value": "After",
    "old_value": "Before",
    "owner_name": "Account",
    "owner_id": "Account id",
    "project_id": "Id at provider",
    "provider_status": "Status at provider",
    "starts_at": "Start",
    "valid_from": "From",
    "valid_to": "Until",
}


def heading(name: str) -> str:
    """The heading for a column: `client_name` is "Client", `first_seen_at` is "First seen"."""
    words = name.removeprefix("is_").removesuffix("_at").replace("_", " ")
    return _HEADINGS.get(name, words[:1].upper() + words[1:])


def with_headings(rows: Rows) -> Rows:
    """The same rows under headings for people; columns that would share a heading keep their names."""
    headings = [heading(column.name) for column in rows.columns]
    count = Counter(headings)
    columns = (
        Column(text if count[text] == 1 else column.name, column.type)
        for text, column in zip(headings, rows.columns, strict=True)
    )
    return replace(rows, columns=tuple(columns))
