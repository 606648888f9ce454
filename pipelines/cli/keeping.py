"""Verbs that keep the warehouse and its history: backup, restore, accounts, forget, migrate, maintain."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from pipelines.cli import completion
from pipelines.cli.group import verb
from pipelines.cli.options import NamedPath, home, json_option


@verb("backup", "rollcall backup /srv/backup/rollcall")
@click.argument("directory", type=NamedPath(file_okay=False), metavar="DIR")
@json_option
def _backup(directory: Path, as_json: bool) -> None:
    """Copy the published warehouse into DIR, and verify the copy.

    The copy is in a folder named after its last run, with a manifest. You can make one at any time, also
    during a run.
    """
    from pipelines.cli.keeping_views import show_backup
    from pipelines.commands.backup import backup

    show_backup(backup(home(), directory), as_json=as_json)


@verb(
    "restore",
    "rollcall restore",
    "rollcall restore --list",
    "rollcall restore warehouse.previous-2.duckdb",
    "rollcall restore /srv/backup/rollcall/20261103T020000Z",
)
@click.argument("file", required=False, type=NamedPath())
@click.option("--list", "to_list", is_flag=True, help="Show which earlier runs are next to the warehouse.")
@json_option
def _restore(file: Path | None, to_list: bool, as_json: bool) -> None:
    """Publish an earlier run again.

    Without FILE, publishes the previous run's file. FILE can be one that --list shows, any other warehouse
    file, or the folder of a backup. The replaced file is kept under another name. No run may be in progress.
    """
    from pipelines.cli.failures import printing_a_result
    from pipelines.cli.keeping_views import show_restorable, show_restored
    from pipelines.commands.restore import restorable, restore

    if to_list and file is not None:
        raise click.UsageError("--list takes no FILE")
    if to_list:
        show_restorable(restorable(home()), as_json=as_json)
        return
    restored = restore(home(), file)
    with printing_a_result():
        show_restored(restored, as_json=as_json)


yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def _confirm(action: str, *, yes: bool) -> None:
    """Ask whether to do `action`, unless `yes`. Raises UsageError if nobody can answer."""
    from pipelines.common.errors import UsageError

    if yes:
        return
    if not (sys.stdin and sys.stdin.isatty()):
        raise UsageError(
            "nobody can confirm this: standard input is not a terminal", f"give --yes to {action}"
        )
    click.confirm(f"{action[0].upper()}{action[1:]}?", abort=True, err=True)


@verb("retire", "rollcall retire belltastic")
@click.argument("connection", shell_complete=completion.connections)
@yes_option
def _retire(connection: str, yes: bool) -> None:
    """Close the rows of a connection that is no longer used.

    Its projects and files end now, with the end reason "retired"; their history stays. Remove the connection
    from the configuration too, or the next run lists it again.
    """
    from pipelines.cli.keeping_views import show_account, show_retired
    from pipelines.commands.retire import look_up, retire

    account = look_up(home(), connection)
    show_account(account)
    _confirm(f"retire {connection}", yes=yes)
    show_retired(account, retire(home(), connection))


@verb("rename", "rollcall rename belltastic north")
@click.argument("old", shell_complete=completion.connections)
@click.argument("new")
@yes_option
def _rename(old: str, new: str, yes: bool) -> None:
    """Give a connection another name, with its keys and its history.

    Every key that begins with OLD begins with NEW afterwards. Rename the connection in the configuration too.
    """
    from pipelines.cli.keeping_views import show_account, show_renamed
    from pipelines.commands.rename import refuse_name, rename
    from pipelines.commands.retire import look_up

    account = look_up(home(), old)
    refuse_name(home(), account.provider, new)
    show_account(account)
    _confirm(f"rename {old} to {new}", yes=yes)
    show_renamed(account, new, rename(home(), old, new))


@verb("prune", "rollcall prune --before 2024-01-01 --dry-run", "rollcall prune --before 2024-01-01")
@click.option(
    "--before",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Drop versions that ended before this date, in UTC.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be dropped, and drop nothing.")
@yes_option
def _prune(before: datetime, dry_run: bool, yes: bool) -> None:
    """Drop the versions that ended before a date.

    Current versions stay, and so do those that were valid on the date. Afterwards, the history begins at the
    date. Earlier runs next to the warehouse and backups still contain what was dropped.
    """
    from pipelines.cli.keeping_views import show_prunable, show_pruned
    from pipelines.commands.prune import look_up, prune

    found = look_up(home(), before.replace(tzinfo=UTC))
    show_prunable(found)
    if dry_run or found.is_empty:
        return
    _confirm("drop this from the history", yes=yes)
    show_pruned(prune(home(), found.before))


@verb(
    "forget",
    "rollcall forget belltastic:5",
    "rollcall forget evovoice:c17 evovoice:c18 --yes",
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@yes_option
def _forget(keys: tuple[str, ...], yes: bool) -> None:
    """Erase projects or files from the warehouse permanently.

    Erases everything received about them from the published file and the earlier runs next to it. Only a
    pseudonym and the validity periods remain. Delete exports, reports, logs and backups yourself.
    """
    from pipelines.cli.failures import note
    from pipelines.cli.keeping_views import show_forgettable
    from pipelines.commands.forget import forget, look_up

    found = look_up(home(), keys)
    show_forgettable(found)
    _confirm("erase this permanently", yes=yes)
    for aside in forget(home(), found):
        note(f"removed {aside}")
    note("erased; earlier exports, reports, logs and copies may still contain it")


@verb(
    "migrate",
    "rollcall migrate warehouse.duckdb",
    "rollcall migrate --to copy.duckdb",
)
@click.argument("file", required=False, type=NamedPath(exists=True, dir_okay=False))
@click.option(
    "--to",
    "target",
    type=NamedPath(dir_okay=False),
    metavar="FILE",
    help="Copy the lakehouse into a new file instead.",
)
@json_option
def _migrate(file: Path | None, target: Path | None, as_json: bool) -> None:
    """Copy the history of a warehouse FILE into an empty lakehouse.

    The lakehouse is the one in the configuration. No run of it may be in progress.
    """
    from pipelines.cli.keeping_views import show_migrated
    from pipelines.commands.migrate import migrate_from_file, migrate_to_file

    if (file is None) == (target is None):
        raise click.UsageError("give FILE, or --to FILE")
    moved = migrate_from_file(home(), file) if file else migrate_to_file(home(), Path(str(target)))
    show_migrated(moved, as_json=as_json)


@verb("maintain", "rollcall maintain", "rollcall maintain --keep 90d")
@click.option(
    "--keep",
    default="30d",
    show_default=True,
    metavar="AGE",
    help="Keep the snapshots of this period for --as-of-run, such as 36h, 7d or 2w.",
)
@json_option
def _maintain(keep: str, as_json: bool) -> None:
    """Merge the small files of a lakehouse; expire old snapshots.

    Deletes the files that no kept snapshot needs. The history in the tables stays. --as-of-run no longer
    reaches the expired snapshots.
    """
    from pipelines.cli.keeping_views import show_maintained
    from pipelines.commands.maintain import maintain

    show_maintained(maintain(home(), keep), as_json=as_json)
