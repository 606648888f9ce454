"""How the command line ends: the exit code, and one line on standard error for what went wrong.

Every error of `pipelines.common.errors` has its exit code. With `--json`, the error is also on standard
output, as an object.
"""

import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import click

from pipelines.cli.options import home_given
from pipelines.common.errors import SyncError, sentences
from pipelines.common.exit_codes import ExitCode
from pipelines.common.filesystem import FULL, free_bytes, space_left
from pipelines.common.text import printable

DEBUG = "ROLLCALL_DEBUG"
NEARLY_NOTHING = 1 << 20  # bytes
OTHERS_PLACE = "run Rollcall as the owner of that place, or have its permissions changed"
LONGEST_FAULT = 300  # characters: dlt's messages contain all causes of an error


def note(text: str) -> None:
    """Print a line on standard error. If that fails, ignore it."""
    StandardError().write(f"{printable(text)}\n")


class StandardError(io.TextIOBase):
    """Standard error that ignores failures, such as the end of the program that reads it."""

    def write(self, text: str) -> int:
        """Write and flush."""
        try:
            click.echo(text, nl=False, err=True)
        except (OSError, ValueError):
            _forget(sys.stderr)
        return len(text)

    @property
    def encoding(self) -> str:  # type: ignore[override] # read-only here
        """The encoding of text."""
        return sys.stderr.encoding if sys.stderr else "utf-8"

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return sys.stderr is not None and sys.stderr.isatty()


@contextlib.contextmanager
def printing_a_result() -> Iterator[None]:
    """Print the result of a verb that has changed something: a failure to print changes no exit code."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        _forget(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # the reader quit
            note(f"rollcall: the command succeeded, but its result cannot be printed ({error.strerror})")


def note_excerpt(excerpt: str) -> None:
    """Show the excerpt of a message on standard error."""
    for line in excerpt.splitlines():
        note(line)


@dataclass(frozen=True)
class Failure:
    """A failure: reason, remedy, exit code, and the lines of SQL with the mistake."""

    kind: str
    reason: str
    remedy: str
    exit_code: int
    excerpt: str = ""

    def __str__(self) -> str:
        return sentences(self.reason, self.remedy)


@contextlib.contextmanager
def ending(*, json_too: bool) -> Iterator[None]:
    """Turn an exception of the block into a line on standard error and an exit code.

    With `json_too`, the error is also an object on standard output.
    """
    try:
        yield
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        raise
    except BrokenPipeError:
        _forget(sys.stdout)
        raise click.exceptions.Exit(ExitCode.DONE) from None
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        failure = _failure(error, click.get_current_context(silent=True))
        note(f"rollcall: {failure}")
        note_excerpt(failure.excerpt)
        _finish_standard_output()
        if json_too:
            shown = {name: value for name, value in asdict(failure).items() if name != "excerpt" or value}
            click.echo(json.dumps({"error": shown}))
        raise click.exceptions.Exit(failure.exit_code) from error


def asks_for_json(args: Sequence[str]) -> bool:
    """Whether these arguments ask for JSON, looked up before they are parsed."""
    return "--json" in args or "--format=json" in args or ("--format", "json") in pairwise(args)


def refuse_non_utf8(args: Sequence[str]) -> None:
    """Raise UsageError if an argument is not UTF-8."""
    try:
        "".join(args).encode()
    except UnicodeEncodeError:
        raise click.UsageError("an argument is not UTF-8") from None


def _failure(error: BaseException, context: click.Context | None) -> Failure:
    kind = type(error).__name__
    match error:
        case SyncError():
            return Failure(kind, error.reason, error.remedy, error.exit_code, error.excerpt)
        case KeyboardInterrupt() | click.Abort():
            return Failure(kind, "interrupted", "", ExitCode.INTERRUPTED)
        case click.ClickException():
            reason = " ".join(error.format_message().split())  # click lists choices on one line each
            return Failure("UsageError", reason, f"see {_verb_of(error)} --help", error.exit_code)
        case OSError():
            return _failure_of_the_machine(error, context)
    return Failure(
        kind,
        f"internal error ({kind}: {_first_line(error, context)})",
        f"{DEBUG}=1 shows the traceback; please report it",
        ExitCode.INTERNAL,
    )


def _failure_of_the_machine(error: OSError, context: click.Context | None) -> Failure:
    kind = type(error).__name__
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in FULL:
        full = "".join(f": {space_left(where)}" for where in _full(error, context))
        return Failure(
            kind, f"{place}{error.strerror}{full}", "free some space, then try again", ExitCode.INTERNAL
        )
    if isinstance(error, FileNotFoundError) and not place and not _is_somewhere():
        reason = "the current directory does not exist any more"
        return Failure(kind, reason, "change to another directory", ExitCode.USAGE)
    remedy = OTHERS_PLACE if isinstance(error, PermissionError) else ""
    return Failure(kind, f"{place}{error.strerror or error}", remedy, _code_of(error))


def _first_line(error: BaseException, context: click.Context | None) -> str:
    """The first line of an unexpected error, without the secrets of connections.

    If a second error prevents that, all of it is hidden.
    """
    from pipelines.common.redaction import HIDDEN

    try:
        from pipelines.extract.connections import secrets_of

        secrets = secrets_of((context and home_given(context)) or Path.cwd())
        return secrets.redact(str(error).strip().partition("\n")[0])[:LONGEST_FAULT]
    except Exception:  # noqa: BLE001 - the first error is the one to report
        return HIDDEN


def _full(error: OSError, context: click.Context | None) -> list[Path]:
    """Find the full file system behind an error, if possible: a failed write does not name it."""
    places = [Path(os.environ.get("TMPDIR") or "/tmp"), Path.cwd()]  # noqa: S108 - only its space is read
    if error.filename:
        places = [Path(os.fsdecode(error.filename))]
    elif context and (home := home_given(context)):
        places.append(home)
    fullest = min(places, key=free_bytes)
    return [fullest] if free_bytes(fullest) < NEARLY_NOTHING else []


def _is_somewhere() -> bool:
    """Whether the current directory exists."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _verb_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return context.command_path if context else "rollcall"


def _code_of(error: OSError) -> ExitCode:
    """Return USAGE if the user named a place that cannot be used, INTERNAL if the machine fails."""
    named = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
    return ExitCode.USAGE if isinstance(error, named) else ExitCode.INTERNAL


def _finish_standard_output() -> None:
    """Flush the output or drop it: Python would flush again at exit, and exit with 120."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        _forget(sys.stdout)


def _forget(stream: TextIO) -> None:
    """Discard what is still to be written to standard output or error."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
