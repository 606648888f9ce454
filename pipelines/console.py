"""How the command line ends: the exit code, and one line on standard error for what went wrong.

Exit codes: 0 done, 1 a fault of Rollcall's own, 2 usage or configuration, 130 interrupted; the errors of
`pipelines.errors` bring theirs. With `--json` the error stands on standard output too, as an object.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import click

from pipelines.errors import SyncError, sentences
from pipelines.printable import printable

DEBUG = "ROLLCALL_DEBUG"
INTERRUPTED = 130
LONGEST_FAULT = 300  # characters: dlt says all that led to an error
_JSON_TOO = f"{__name__}.json_too"


class Verbs(click.Group):
    """A group of verbs whose failures end as this module says."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """Parse the options before the verb."""
        json_too = _asks_for_json(args)
        with _ending(json_too=json_too):
            _refuse_what_is_not_utf8(args)
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_JSON_TOO] = json_too
        return context

    def invoke(self, ctx: click.Context) -> object:
        """Parse what the verb is given, and run it."""
        with _ending(json_too=ctx.meta[_JSON_TOO]):
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result


def note(text: str) -> None:
    """Say something on standard error."""
    click.echo(printable(text), err=True)


def note_excerpt(excerpt: str) -> None:
    """Show on standard error the lines that a message speaks of."""
    for line in excerpt.splitlines():
        note(line)


@dataclass(frozen=True)
class Failure:
    """What went wrong, what to do about it, the exit code, and the lines of the SQL that it speaks of."""

    kind: str
    reason: str
    remedy: str
    exit_code: int
    excerpt: str = ""

    def __str__(self) -> str:
        return sentences(self.reason, self.remedy)


@contextlib.contextmanager
def _ending(*, json_too: bool) -> Iterator[None]:
    try:
        yield
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        raise
    except BrokenPipeError:
        _forget_standard_output()
        raise click.exceptions.Exit(0) from None
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        failure = _failure(error)
        note(f"rollcall: {failure}")
        note_excerpt(failure.excerpt)
        _finish_standard_output()
        if json_too:
            shown = {name: value for name, value in asdict(failure).items() if name != "excerpt" or value}
            click.echo(json.dumps({"error": shown}))
        raise click.exceptions.Exit(failure.exit_code) from error


def _failure(error: BaseException) -> Failure:
    kind = type(error).__name__
    match error:
        case SyncError():
            return Failure(kind, error.reason, error.remedy, error.exit_code, error.excerpt)
        case KeyboardInterrupt() | click.Abort():
            return Failure(kind, "interrupted", "", INTERRUPTED)
        case click.ClickException():
            reason = " ".join(error.format_message().split())  # click lists choices a line each
            return Failure("UsageError", reason, f"see {_verb_of(error)} --help", error.exit_code)
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return Failure(kind, f"{place}{error.strerror or error}", "", _code_of(error))
    first_line = str(error).strip().partition("\n")[0][:LONGEST_FAULT]
    return Failure(
        kind,
        f"a fault of Rollcall's own ({kind}: {first_line})",
        f"{DEBUG}=1 shows where; please report it",
        1,
    )


def _asks_for_json(args: Sequence[str]) -> bool:
    return "--json" in args or "--format=json" in args or ("--format", "json") in pairwise(args)


def _refuse_what_is_not_utf8(args: Sequence[str]) -> None:
    try:
        "".join(args).encode()
    except UnicodeEncodeError:
        raise click.UsageError("an argument is not UTF-8") from None


def _verb_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return context.command_path if context else "rollcall"


def _code_of(error: OSError) -> int:
    """2 where the user named a place that cannot be used, 1 where the machine fails."""
    named = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
    return 2 if isinstance(error, named) else 1


def _finish_standard_output() -> None:
    """Write what is waiting, or let it go: Python tries again as it ends, and would end with 120."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        _forget_standard_output()


def _forget_standard_output() -> None:
    """Let what is still to be written go nowhere: whoever read it has seen enough."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
