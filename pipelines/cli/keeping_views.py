"""Views of the results of the verbs that keep the warehouse and its history."""

from typing import TYPE_CHECKING

from pipelines.cli.failures import note
from pipelines.cli.read_views import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.commands.prune import Prunable
    from pipelines.commands.retire import Account


def show_account(account: "Account") -> None:
    """A line: what is listed of a connection now."""
    files = f", {counted(account.files, 'file')}" if account.files else ""
    note(f"{account.connection} ({account.provider}): {counted(account.projects, 'project')}{files}")


def show_retired(account: "Account", unfinished: "Sequence[str]") -> None:
    """What was done, and what is left to do."""
    note(f"retired {account.connection}; `rollcall restore` undoes it")
    if account.is_configured:
        note(
            f"{account.connection} is still configured, so the next run lists it again: "
            f"remove [sources.{account.connection}] from .dlt/config.toml and .dlt/secrets.toml"
        )
    for line in unfinished:
        note(line)


def show_renamed(account: "Account", new: str, unfinished: "Sequence[str]") -> None:
    """What was done, and what is left to do."""
    old = account.connection
    note(f"renamed {old} to {new}; `rollcall restore` undoes it")
    if account.is_configured:
        provider = f', with provider = "{account.provider}" in it' if old == account.provider else ""
        note(
            f"{old} is still configured: rename [sources.{old}] to [sources.{new}] in .dlt/config.toml and "
            f".dlt/secrets.toml{provider}, and {old} in client_mapping.csv"
        )
    for line in unfinished:
        note(line)


def show_prunable(found: "Prunable") -> None:
    """A line for each connection, with the number of versions that would be dropped."""
    date = f"{found.before:%Y-%m-%d}"
    for connection, versions in found.versions:
        note(f"{connection}: {counted(versions, 'version')} ended before {date}")
    if found.quarantined:
        note(f"{counted(found.quarantined, 'record')} quarantined before {date}")
    if found.is_empty:
        note(f"nothing ended before {date}")


def show_pruned(unfinished: "Sequence[str]") -> None:
    """What was done, and which files still contain it."""
    note("dropped; `rollcall restore` undoes it: earlier runs next to the warehouse, and backups, contain it")
    for line in unfinished:
        note(line)
