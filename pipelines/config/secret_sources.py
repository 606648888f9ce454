"""A secret that is given under its key, in a file of its own, or by a command such as a password manager.

Only the first line of a file or of a command's output counts. Messages quote neither.
"""

import functools
import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from pipelines.common.errors import ConfigurationError
from pipelines.config.files import path_of

LONGEST_COMMAND_S = 30.0
LONGEST_SECRET = 64 << 10  # bytes
SUFFIXES = ("_file", "_command")


def secret_given(name: str, owner: str, given: Mapping[str, object], home: Path) -> object:
    """The secret `name` of `owner`: the value given itself, or that of the file or the command given instead.

    `given` has the values of the keys `NAME`, `NAME_file` and `NAME_command`. Returns None if none of them is
    set. Raises ConfigurationError if several are, or if the file or the command gives no secret.
    """
    used = {key: value for key, value in given.items() if value not in (None, "", [])}
    if len(used) > 1:
        raise ConfigurationError(f"{owner} has {' and '.join(used)}", "leave one of them")
    for key, value in used.items():
        named = f"{key} of {owner}"
        if key == f"{name}_file":
            return read_secret_file(path_of(home, str(value), named), home, named)
        if key == f"{name}_command":
            return run_secret_command(_words(value, named), home, named)
        return value
    return None


def read_secret_file(path: Path, home: Path, named: str) -> str:
    """The first line of the file at `path`.

    `named` is the key and its owner, for messages. Raises ConfigurationError if the file cannot be read, is
    empty, or is a file of the home that others can read.
    """
    try:
        found = path.stat()
        if path.resolve().is_relative_to(home.resolve()) and stat.S_IMODE(found.st_mode) & 0o077:
            raise ConfigurationError(
                f"{path} can be read by others", f"run: chmod 600 {shlex.quote(str(path))}"
            )
        with path.open("rb") as file:
            content = file.read(LONGEST_SECRET)
    except OSError as error:
        raise ConfigurationError(
            f"{named} is {path}, which cannot be read ({error.strerror})", "name a file with the secret"
        ) from None
    return _first_line(content, f"the file of {named}")


@functools.cache  # a password manager may ask its user each time
def run_secret_command(command: tuple[str, ...], home: Path, named: str) -> str:
    """The first line that `command` prints, run in the home without a shell.

    Raises ConfigurationError if it cannot be run, fails, prints nothing, or takes too long.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command
            command,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a command"
        raise ConfigurationError(f"{named} cannot be run ({reason})", "correct it") from None
    with process:
        try:
            printed, _ = process.communicate(timeout=LONGEST_COMMAND_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise ConfigurationError(
                f"{named} did not end within {LONGEST_COMMAND_S:g} s", "run it by hand to see why"
            ) from None
    if process.returncode:
        raise ConfigurationError(
            f"{named} ended with exit status {process.returncode}", "run it by hand to see why"
        )
    return _first_line(printed, f"the output of {named}")


def _words(command: object, named: str) -> tuple[str, ...]:
    """A command as its words: a list as it is, a string as a shell would split it."""
    try:
        found = shlex.split(command) if isinstance(command, str) else cast("Sequence[object]", command)
        words = tuple(map(str, found))
    except (TypeError, ValueError):
        words = ()
    if not words:
        raise ConfigurationError(f"{named} is not a command", 'write it as ["program", "argument"]')
    return words


def _first_line(content: bytes, source: str) -> str:
    try:
        line = content.partition(b"\n")[0].decode().rstrip("\r")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{source} is not UTF-8", "it should be one line of text") from None
    if not line:
        raise ConfigurationError(f"{source} is empty", "its first line should be the secret")
    return line
