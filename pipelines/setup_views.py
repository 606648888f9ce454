"""What the results of the verbs for setting up look like."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.console import note
from pipelines.printable import printable

if TYPE_CHECKING:
    from pipelines.init import Initialised


def show_json(result: object) -> None:
    """A frozen result as one JSON object."""
    click.echo(json.dumps(result, default=str, ensure_ascii=False, indent=1))


def show_init(done: "Initialised", home: Path, *, as_json: bool) -> None:
    """What was written, and what is left to do."""
    if as_json:
        show_json(asdict(done))
        return
    for path in done.written:
        click.echo(printable(f"wrote {path}"))
    for connection in done.found:
        click.echo(f"{connection} is configured already, and stays as it is")
    for line in done.to_set:
        click.echo(printable(f"- {line}"))
    click.echo(f"Then: {command(home)} doctor")


def show_providers(required: dict[str, tuple[str, ...]], *, as_json: bool) -> None:
    """The providers there are, and what each cannot be asked without."""
    if as_json:
        show_json(required)
        return
    width = max(map(len, required))
    for name, keys in required.items():
        click.echo(f"{name:{width}}  needs {', '.join(keys) or 'nothing'}")
    note(f"Choose some: rollcall init {next(iter(required))}")


def command(home: Path) -> str:
    """How Rollcall is called for `home` from here."""
    return "rollcall" if home == Path.cwd() else f"rollcall --home {home}"
