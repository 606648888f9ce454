"""The options that verbs share."""

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipelines.output.writer import Form

Command = Callable[..., None]

_HOME = f"{__name__}.home"
# Two dashes that begin neither an option nor the end of the options.
_COMMENT = re.compile(r"--(?![\w-]+(=|\Z)|\Z)")


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


def _remember_home(context: click.Context, _parameter: click.Parameter, given: Path | None) -> None:
    if given is not None:
        context.meta[_HOME] = given.absolute()


def home_option(
    envvar: str | None = None, default: str | None = None, fallback: str = ""
) -> Callable[[Command], Command]:
    """`--home`, accepted before and after the verb; the later one counts."""
    return click.option(
        "--home",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        callback=_remember_home,
        expose_value=False,
        envvar=envvar,
        default=default,
        metavar="DIR",
        help=f"Directory with the configuration and the warehouse.{fallback}",
    )


# The values of `Form` that can be written to a file.
FILE_FORMS = ("csv", "tsv", "json", "jsonl", "parquet", "arrow", "xlsx")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
raw_option = click.option(
    "--raw", is_flag=True, help="Leave CSV and TSV cells that a spreadsheet would run as formulas."
)


class SqlCommand(click.Command):
    """A command that takes SQL, which may begin with a comment."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as usual, but take `-- why` as SQL, not as an option."""
        return super().parse_args(ctx, [f"\n{arg}" if _COMMENT.match(arg) else arg for arg in args])


def output_options(command: Command, more_forms: Sequence[str] = ()) -> Command:
    """Add the options of verbs that print rows; `command` gets them as one `output`."""

    @click.option(
        "--format",
        "form",
        type=click.Choice(["table", *FILE_FORMS, *more_forms]),
        help="Output format.  [default: by the extension of FILE, else table]",
    )
    @click.option(
        "-o",
        "--output",
        "file",
        type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
        metavar="FILE",
        help="Write to a file; it appears complete or not at all.",
    )
    @raw_option
    @click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
    @click.option("--no-pager", is_flag=True, help="Do not use a pager.")
    @functools.wraps(command)
    def with_output(
        *args: object,
        form: "Form | None",
        file: Path | None,
        raw: bool,
        as_json: bool,
        no_pager: bool,
        **others: object,
    ) -> None:
        from pipelines.output.writer import Output

        if as_json and form not in {None, "json"}:
            raise click.UsageError(f"--json and --format {form} contradict each other")
        path = None if file == Path("-") else file
        chosen = "json" if as_json else form or form_of(path)
        command(*args, output=Output(chosen, path, raw, pager=not no_pager), **others)

    return with_output


_ENDINGS: "dict[str, Form]" = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xlsx": "xlsx",
}


def form_of(path: Path | None) -> "Form":
    """The form for a file's extension; a table for standard output, a device, or a name without one."""
    ending = path.suffix.lower() if path else ""
    if path is None or not ending or (path.exists() and not path.is_file()):
        return "table"
    if ending not in _ENDINGS:
        raise click.UsageError(
            f"{path.name} ends in none of {', '.join(_ENDINGS)}: rename it or set --format"
        )
    return _ENDINGS[ending]


def is_file_name(path: Path) -> bool:
    """Whether a path names a file to write, judged by its extension, rather than a directory."""
    return path.suffix.lower() in _ENDINGS and not path.is_dir()
