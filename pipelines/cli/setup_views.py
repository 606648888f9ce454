"""Views of the results of the verbs for setting up."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.failures import note
from pipelines.cli.printing import print_json
from pipelines.common.text import counted, printable

if TYPE_CHECKING:
    from pipelines.commands.doctor import Examination
    from pipelines.commands.init import Initialised
    from pipelines.commands.schedule import Schedule


def show_init(done: "Initialised", home: Path, *, as_json: bool) -> None:
    """Show what was written, and what is left to do."""
    if as_json:
        print_json(asdict(done))
        return
    for path in done.written:
        click.echo(printable(f"wrote {path}"))
    for connection in done.found:
        click.echo(f"{connection} is already configured; left unchanged")
    for line in done.to_set:
        click.echo(printable(f"- {line}"))
    click.echo(f"Then: {command(home)} doctor")


def show_providers(required: dict[str, tuple[str, ...]], *, as_json: bool) -> None:
    """Show the providers, and the keys that each needs."""
    if as_json:
        print_json(required)
        return
    width = max(map(len, required))
    for name, keys in required.items():
        click.echo(f"{name:{width}}  needs {', '.join(keys) or 'nothing'}")
    note(f"Choose one or more: rollcall init {next(iter(required))}")


def show_examination(examination: "Examination", *, as_json: bool) -> None:
    """Show a line for each check; below failed ones, how to fix them."""
    if as_json:
        print_json({"exit_code": examination.exit_code, **asdict(examination)})
        return
    width = max(len(check.name) for check in examination.checks)
    for check in examination.checks:
        click.echo(printable(f"{check.outcome:7}  {check.name:{width}}  {check.message}"))
        for remedy in check.remedies:
            click.echo(printable(f"{'':7}  {'':{width}}  - {remedy}"))
    failed = sum(check.outcome == "failed" for check in examination.checks)
    if failed:
        click.echo(f"{failed} of {counted(len(examination.checks), 'check')} failed")
    elif examination.exit_code:
        click.echo("Not now: another run is in progress")
    else:
        click.echo("Ready: rollcall sync")


def show_schedule(made: "Schedule", *, as_json: bool) -> None:
    """Print the files on standard output, with names if there are several; the steps on standard error."""
    if as_json:
        print_json(asdict(made))
        return
    for name, text in made.files.items():
        if len(made.files) > 1:
            click.echo(f"# {name}")
        click.echo(text)
    if made.scheduler in {"cron", "systemd"}:
        note("- add --install to install it")
    _note_steps(made)


def show_installed(made: "Schedule", done: tuple[str, ...], *, as_json: bool) -> None:
    """Show what was done, and what is left to do."""
    if as_json:
        print_json({**asdict(made), "done": done})
        return
    for line in done:
        click.echo(line)
    _note_steps(made)


def show_removed(done: tuple[str, ...], *, as_json: bool) -> None:
    """Show what was removed."""
    if as_json:
        print_json({"done": done})
        return
    for line in done:
        click.echo(line)


def _note_steps(made: "Schedule") -> None:
    for warning in made.warnings:
        note(f"rollcall: {warning}")
    for step in made.next_steps:
        note(f"- {step}")


def command(home: Path) -> str:
    """The command for `home` from the current directory."""
    return "rollcall" if home == Path.cwd() else f"rollcall --home {home}"
