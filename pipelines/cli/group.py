"""The group of all verbs: how help lists them, how one is added, and how one opens the warehouse."""

import atexit
import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.failures import asks_for_json, ending, refuse_non_utf8
from pipelines.cli.options import Command, home, home_option
from pipelines.common.version import DISTRIBUTION

if TYPE_CHECKING:
    from datetime import datetime

    from pipelines.warehouse.reader import Warehouse

_JSON_TOO = f"{__name__}.json_too"
# Imports and records create few cycles. By default, the garbage collector scans them repeatedly.
COLLECT_RARELY = (50_000, 20, 100)


# How `rollcall --help` groups the verbs, in the order in which a new user needs them.
VERBS_BY_PURPOSE = {
    "Set up": ("init", "doctor", "schedule", "demo", "sandbox"),
    "Run": ("sync",),
    "Ask": (
        "status",
        "changes",
        "query",
        "describe",
        "history",
        "why",
        "export",
        "report",
        "notebook",
        "publish",
    ),
    "Maintain": ("backup", "restore", "retire", "rename", "prune", "forget", "migrate", "maintain"),
}


class Verbs(click.Group):
    """A group of verbs whose failures end as `failures` describes."""

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs by purpose."""
        for purpose, names in VERBS_BY_PURPOSE.items():
            with formatter.section(purpose):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(62)) for name in names])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """Parse the options before the verb."""
        json_too = asks_for_json(args)
        with ending(json_too=json_too):
            refuse_non_utf8(args)
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_JSON_TOO] = json_too
        return context

    def invoke(self, ctx: click.Context) -> object:
        """Parse the arguments of the verb, and run it."""
        with ending(json_too=ctx.meta[_JSON_TOO]):
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result


@click.group(
    "rollcall", cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@home_option("ROLLCALL_HOME", ".", "  [default: $ROLLCALL_HOME, else the current directory]")
@click.version_option(package_name=DISTRIBUTION, message="%(prog)s %(version)s")
def main() -> None:
    """Sync projects from five services into one DuckDB warehouse, with their full history."""
    gc.set_threshold(*COLLECT_RARELY)
    # The process ends with the verb, so a last search for garbage would be wasted.
    atexit.register(gc.freeze)


def verb(
    name: str, *examples: str, cls: type[click.Command] = click.Command
) -> Callable[[Command], click.Command]:
    """Add a command to `main`, with `--home`, and with examples below its help."""
    epilog = "\n".join(("\b", "Examples:" if examples else "", *(f"  {example}" for example in examples)))
    return lambda command: main.command(name, cls, epilog=epilog)(home_option()(command))


@contextlib.contextmanager
def open_warehouse(
    folder: Path | None,
    seconds: float | None = None,
    time_zone: str = "UTC",
    as_of_run: "datetime | None" = None,
) -> Iterator["Warehouse"]:
    """Open the warehouse of the home, with times in `time_zone`; output files go to `folder`."""
    from pipelines.warehouse.published import open_published

    with open_published(
        home(), seconds=seconds, workspace_in=folder, time_zone=time_zone, as_of_run=as_of_run
    ) as warehouse:
        yield warehouse
