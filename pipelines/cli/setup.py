"""Verbs that set Rollcall up and try it: init, doctor, schedule, demo, sandbox."""

import functools
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import completion
from pipelines.cli.group import verb
from pipelines.cli.options import Command, NamedPath, home, json_option, refuse_nan

if TYPE_CHECKING:
    from pipelines.commands.schedule import ScheduledRun, Scheduler


@verb(
    "init",
    "rollcall init belltastic matter",
    "rollcall init north=matter south=matter",
)
@click.argument("chosen", nargs=-1, metavar="[[NAME=]PROVIDER]...", shell_complete=completion.providers)
@json_option
def _init(chosen: Sequence[str], as_json: bool) -> None:
    """Write a configuration for providers, ready to fill in.

    Existing settings are never changed. To configure two accounts at one provider, give each a NAME.
    """
    from pipelines.cli.setup_views import show_init, show_providers
    from pipelines.commands.init import init, required_keys

    if not chosen:
        show_providers(required_keys(home()), as_json=as_json)
        if as_json or not (sys.stdin and sys.stdin.isatty()):
            return
        chosen = click.prompt("Which providers").replace(",", " ").split()
    show_init(init(home(), chosen), home(), as_json=as_json)


@verb(
    "doctor",
    "rollcall doctor",
    "rollcall doctor matter --json",
)
@click.argument("connections", nargs=-1, metavar="[CONNECTION]...", shell_complete=completion.connections)
@click.option(
    "--send-notice", is_flag=True, help="Send a test notice to every channel in [notify]. It raises no alarm."
)
@json_option
def _doctor(connections: Sequence[str], send_notice: bool, as_json: bool) -> None:
    """Check everything a run needs, without starting one.

    Reads one page of each listing. Shows how to fix each failed check.
    """
    from pipelines.cli.setup_views import show_examination
    from pipelines.commands.doctor import doctor

    examination = doctor(home(), connections, send_notice=send_notice)
    show_examination(examination, as_json=as_json)
    click.get_current_context().exit(examination.exit_code)


def _schedule_options(command: Command) -> Command:
    """Add the options of the run that is scheduled; `command` gets them as one `run`."""

    @click.option(
        "--at",
        type=click.DateTime(["%H:%M"]),
        default="04:30",  # no time zone skips or repeats it when its clocks change
        show_default=True,
        metavar="HH:MM",
        help="Time of day at which the run starts.",
    )
    @click.option("--time-zone", "zone", metavar="ZONE", help="Time zone of --at.  [default: this machine's]")
    @click.option("--image", default="", help="Container image that Kubernetes runs.")
    @click.option(
        "--package",
        default="",
        metavar="URL",
        help="What GitHub installs: a commit, as git+https://…@COMMIT.",
    )
    @click.option("--export", "to_export", is_flag=True, help="Export all reports after each run.")
    @click.option("--report", "to_report", is_flag=True, help="Write the report after each run.")
    @functools.wraps(command)
    def with_run(
        *args: object,
        at: datetime,
        zone: str | None,
        image: str,
        package: str,
        to_export: bool,
        to_report: bool,
        **others: object,
    ) -> None:
        from pipelines.commands.schedule import ScheduledRun

        afterwards = [*(["--export"] if to_export else []), *(["--report"] if to_report else [])]
        run = ScheduledRun(home(), at.time(), zone, image, package, tuple(afterwards))
        command(*args, run=run, **others)

    return with_run


@verb(
    "schedule",
    "rollcall schedule cron --at 05:15 --install",
    "rollcall schedule systemd --time-zone Europe/Berlin --export --report",
    "rollcall schedule cron --remove",
    "rollcall schedule github --package git+https://HOST/OWNER/REPOSITORY@COMMIT",
)
@click.argument("scheduler", type=click.Choice(["cron", "systemd", "github", "kubernetes"]))
@_schedule_options
@click.option("--install", "to_install", is_flag=True, help="Install it in cron or systemd for this user.")
@click.option("--remove", "to_remove", is_flag=True, help="Remove it from cron or systemd.")
@json_option
def _schedule(
    *, scheduler: "Scheduler", run: "ScheduledRun", to_install: bool, to_remove: bool, as_json: bool
) -> None:
    """Print a daily schedule, install it, or remove it."""
    from pipelines.cli.setup_views import show_installed, show_removed, show_schedule
    from pipelines.commands.schedule import install, remove, schedule

    if to_remove and to_install:
        raise click.UsageError("--install and --remove contradict each other")
    if to_remove:
        show_removed(remove(home(), scheduler), as_json=as_json)
        return
    made = schedule(run, scheduler)
    if to_install:
        show_installed(made, install(made, home()), as_json=as_json)
    else:
        show_schedule(made, as_json=as_json)


@verb("demo", "rollcall demo", "rollcall demo /tmp/rollcall-demo")
@click.argument("directory", default="demo", type=NamedPath(file_okay=False))
@json_option
def _demo(directory: Path, as_json: bool) -> None:
    """Play three runs against simulated providers.

    Needs no account. Leaves the resulting warehouse in DIRECTORY for you to explore.
    """
    from pipelines.cli.run_view import demo_json, print_demo, print_demo_run, result_console
    from pipelines.common.extras import needing

    with needing("sandbox"):
        from pipelines.commands.demo import demo

    place, console = home() / directory, result_console()
    played = demo(place, lambda run: None if as_json else print_demo_run(run, console))
    if as_json:
        click.echo(demo_json(played))
    else:
        print_demo(played, console)


@verb(
    "sandbox",
    "rollcall sandbox --init try",
    "rollcall sandbox --port 8765 --projects 500",
)
@click.option(
    "--init",
    "directory",
    type=NamedPath(file_okay=False),
    metavar="DIR",
    help="Write a home connected to it, instead of printing the configuration.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port to listen on; 0 means any free one.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed for generating the records.")
@click.option(
    "--projects",
    type=click.IntRange(0),
    default=40,
    show_default=True,
    help="Number of projects at each provider.",
)
@click.option(
    "--files", type=click.IntRange(0), default=120, show_default=True, help="Number of files at EvoVoice."
)
@click.option(
    "--latency",
    type=click.FloatRange(0),
    callback=refuse_nan,
    default=0,
    metavar="SECONDS",
    help="Delay before every answer.",
)
def _sandbox(directory: Path | None, port: int, seed: int, projects: int, files: int, latency: float) -> None:
    """Serve simulated versions of the five providers."""
    from pipelines.common.extras import needing

    with needing("sandbox"):
        from pipelines.commands.sandbox_home import introduce_home, refuse_foreign
        from pipelines.sandbox import configuration_texts, serve

    place = None if directory is None else home() / directory
    if place is not None:
        refuse_foreign(place)
    serve(
        seed=seed,
        projects=projects,
        files=files,
        port=port,
        latency_s=latency,
        announce=click.echo,
        introduce=lambda one: introduce_home(place, one) if place else configuration_texts(one),
    )
