"""Views of the results of the verbs that keep the warehouse and its history."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli.failures import note
from pipelines.cli.printing import print_json
from pipelines.common.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pipelines.commands.backup import Backup
    from pipelines.commands.forget import Forgettable
    from pipelines.commands.migrate import Migrated
    from pipelines.commands.prune import Prunable
    from pipelines.commands.restore import Restorable, Restored
    from pipelines.commands.retire import Account
    from pipelines.warehouse.lake_maintenance import Maintained


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
    date = found.before.date().isoformat()
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


def show_forgettable(found: "Sequence[Forgettable]") -> None:
    """Show a line for each project or file, with the records and versions to be erased."""
    for one in found:
        kind, key, name = one.subject
        named = f"{kind} {key}: {name}" if name else f"{kind} {key}"
        refused = f", {one.quarantined} in quarantine" if one.quarantined else ""
        note(f"{named}: {counted(one.versions, 'version')} of {counted(one.records, 'record')}{refused}")
        if one.named_by:
            note(
                f"{key} is still named as the parent customer in {', '.join(one.named_by)}: forget these too"
            )


def show_restored(restored: "Restored", *, as_json: bool) -> None:
    """Show which run is published again, and where the replaced file is."""
    warehouse, aside = restored.warehouse, restored.aside
    if as_json:
        last_run = restored.last_run and restored.last_run.isoformat()
        found = {
            "warehouse": str(warehouse),
            "source": str(restored.source),
            "last_run": last_run,
            "aside": aside and str(aside),
        }
        print_json(found)
        return
    run = _minute(restored.last_run)
    kept = f"; the replaced file is kept as {aside.name}" if aside else ""
    click.echo(printable(f"{warehouse.name} is now the run of {run}{kept}"))
    for line in restored.unfinished:
        note(line)


def show_restorable(found: "Sequence[Restorable]", *, as_json: bool) -> None:
    """A line for each file that could be restored: its last run, or why it cannot be."""
    if as_json:
        rows = [{**asdict(one), "last_run": one.last_run and one.last_run.isoformat()} for one in found]
        print_json(rows)
        return
    if not found:
        note("no earlier run found next to the warehouse")
    width = max((len(one.file.name) for one in found), default=0)
    for one in found:
        shown = one.problem or f"the run of {_minute(one.last_run)}"
        click.echo(printable(f"{one.file.name:{width}}  {one.bytes / 1e6:9,.1f} MB  {shown}"))


def show_backup(made: "Backup", *, as_json: bool) -> None:
    """A line: where the copy is, and of which run."""
    if as_json:
        print_json(asdict(made))
        return
    verb = "holds" if made.existed else "now holds"
    size = f"{made.bytes / 1e6:,.1f} MB"
    click.echo(printable(f"{made.folder} {verb} the run of {made.run.started_at}, {size}, verified"))


def show_migrated(moved: "Migrated", *, as_json: bool) -> None:
    """A line: what was copied, and where it is."""
    if as_json:
        print_json(asdict(moved))
        return
    copied = f"{counted(moved.runs, 'run')}, {counted(moved.versions, 'version')}"
    click.echo(printable(f"{moved.target} now holds the history of {moved.source}: {copied}"))


def show_maintained(done: "Maintained", *, as_json: bool) -> None:
    """A line: how many snapshots have expired, and how many files were rewritten or deleted."""
    if as_json:
        print_json(asdict(done))
        return
    expired, merged = counted(done.snapshots_expired, "snapshot"), counted(done.tables_rewritten, "table")
    click.echo(f"expired {expired}, rewrote {merged}, deleted {counted(done.files_deleted, 'file')}")


def _minute(run: "datetime | None") -> str:
    return f"{run:%Y-%m-%d %H:%M}" if run else "no run"
