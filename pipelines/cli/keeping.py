"""Verbs that keep the warehouse and its history: backup, restore, forget."""

import sys
from pathlib import Path

import click

from pipelines.cli.group import verb
from pipelines.cli.options import home, json_option


@verb("backup", "rollcall backup /srv/backup/rollcall")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@json_option
def _backup(directory: Path, as_json: bool) -> None:
    """Copy the published warehouse into DIR, and verify the copy.

    The copy is in a folder named after its last run, with a manifest. You can make one at any time, also
    during a run.
    """
    from pipelines.cli.read_views import show_backup
    from pipelines.commands.backup import backup

    show_backup(backup(home(), directory), as_json=as_json)


@verb(
    "restore",
    "rollcall restore",
    "rollcall restore --list",
    "rollcall restore warehouse.previous-2.duckdb",
    "rollcall restore /srv/backup/rollcall/20261103T020000Z",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--list", "to_list", is_flag=True, help="Show which earlier runs are beside the warehouse.")
@json_option
def _restore(file: Path | None, to_list: bool, as_json: bool) -> None:
    """Publish an earlier run again.

    Without FILE it is the previous run's file. FILE is another that --list shows, any file, or the folder
    of a backup. The replaced file is kept under another name. No run may be in progress.
    """
    from pipelines.cli.failures import telling_what_is_done
    from pipelines.cli.read_views import show_restorable, show_restored
    from pipelines.commands.restore import restorable, restore

    if to_list and file is not None:
        raise click.UsageError("--list takes no FILE")
    if to_list:
        show_restorable(restorable(home()), as_json=as_json)
        return
    restored = restore(home(), file)
    with telling_what_is_done():
        show_restored(restored, as_json=as_json)


@verb(
    "forget",
    "rollcall forget belltastic:5",
    "rollcall forget evovoice:c17 evovoice:c18 --yes",
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def _forget(keys: tuple[str, ...], yes: bool) -> None:
    """Erase projects or files from the warehouse permanently.

    Erases everything received about them from the published file and the earlier runs beside it. Only a
    pseudonym and the validity periods remain. Delete exports, reports, logs and backups yourself.
    """
    from pipelines.cli.failures import note
    from pipelines.cli.read_views import show_forgettable
    from pipelines.commands.forget import forget, look_up
    from pipelines.common.errors import UsageError

    found = look_up(home(), keys)
    show_forgettable(found)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "nobody can confirm this: standard input is not a terminal",
                "give --yes to erase this permanently",
            )
        click.confirm("Erase this permanently?", abort=True, err=True)
    for aside in forget(home(), found):
        note(f"removed {aside}")
    note("erased; earlier exports, reports, logs and copies may still contain it")
