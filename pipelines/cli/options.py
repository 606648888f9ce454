"""Options that verbs share. Those about output are in `output_options.py`."""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import click

Command = Callable[..., None]

_HOME = f"{__name__}.home"
# Two dashes that begin neither an option nor the end of the options.
_COMMENT = re.compile(r"--(?![\w-]+(=|\Z)|\Z)")


class NamedPath(click.Path):
    """A path as a `Path`, which would drop a slash at the end, and read an empty name as this directory."""

    def __init__(
        self,
        *,
        exists: bool = False,
        file_okay: bool = True,
        dir_okay: bool = True,
        allow_dash: bool = False,
    ) -> None:
        super().__init__(exists, file_okay, dir_okay, allow_dash=allow_dash, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Refuse an empty name, and the name of a directory where a file is meant."""
        if not os.fspath(value):
            self.fail("it is empty", param, ctx)
        if names_directory(value) and not self.dir_okay:
            self.fail(f"{value} names a directory", param, ctx)
        return super().convert(value, param, ctx)


def names_directory(value: str | os.PathLike[str]) -> bool:
    """Whether a path names a directory by its end, whether it exists or not."""
    return os.fspath(value).endswith(("/", "/."))


def home() -> Path:
    """The home directory given, absolute."""
    return home_of(click.get_current_context())


def home_given(context: click.Context) -> Path | None:
    """The home directory, absolute; None until it is known."""
    return context.meta.get(_HOME)


def home_of(context: click.Context) -> Path:
    """The home directory given to a verb, absolute."""
    given: Path = context.meta[_HOME]
    return given


def _store_home(context: click.Context, _parameter: click.Parameter, given: Path | None) -> None:
    if given is not None:
        context.meta[_HOME] = given.absolute()


def refuse_nan(_context: click.Context, parameter: click.Parameter, given: float) -> float:
    """Refuse nan, which click accepts in every range."""
    if math.isnan(given):
        raise click.BadParameter(f"{given} is not a number", param=parameter)
    return given


def home_option(
    envvar: str | None = None, default: str | None = None, fallback: str = ""
) -> Callable[[Command], Command]:
    """`--home`, accepted before and after the verb; the later one counts."""
    return click.option(
        "--home",
        type=NamedPath(exists=True, file_okay=False),
        callback=_store_home,
        expose_value=False,
        envvar=envvar,
        default=default,
        metavar="DIR",
        help=f"Directory with the configuration and the warehouse.{fallback}",
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def _time_zones(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Complete an IANA time zone, in any case."""
    from pipelines.config.settings import time_zones

    return sorted(name for name in time_zones() if name.lower().startswith(typed.lower()))


def time_zone_option(default: str = "[display] time_zone, else UTC") -> Callable[[Command], Command]:
    """`--time-zone`; `default` says in the help what the verb uses without it."""
    return click.option(
        "--time-zone",
        metavar="ZONE",
        shell_complete=_time_zones,
        help=f"IANA time zone of times, such as Europe/Vienna.  [default: {default}]",
    )


def zone_of(given: str | None) -> str:
    """The time zone given on the command line, else that of the home. Raises ConfigurationError."""
    from pipelines.config.settings import check_time_zone, display_time_zone

    return display_time_zone(home()) if given is None else check_time_zone(given, "--time-zone")


class SqlCommand(click.Command):
    """A command that takes SQL, which may begin with a comment."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as usual, but take `-- why` as SQL, not as an option."""
        return super().parse_args(ctx, [f"\n{arg}" if _COMMENT.match(arg) else arg for arg in args])
