"""Showing long output in a pager: $PAGER, else less."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import IO

from pipelines.common.limits import Clock

# Defaults for less: quit if everything fits, show colours, cut long lines, and leave the output on the
# screen.
LESS = "FRSX"


def find_pager() -> list[str] | None:
    """The command of the pager; None if there is none, or if it is turned off."""
    try:
        command = shlex.split(os.environ.get("PAGER", "less"))
    except ValueError:  # an unclosed quotation mark
        return None
    if not command or command == ["cat"] or os.environ.get("TERM", "dumb") == "dumb":
        return None
    return command if shutil.which(command[0]) else None


@contextlib.contextmanager
def paged(command: list[str], clock: Clock) -> Iterator[IO[bytes]]:
    """Show the output of the block in the pager. Raises BrokenPipeError after the reader has quit.

    The countdown stops while the reader reads after everything is written.
    """
    pager = subprocess.Popen(command, stdin=subprocess.PIPE, env={"LESS": LESS} | os.environ)  # noqa: S603
    assert pager.stdin is not None
    # While the pager runs, Ctrl-C is for the pager.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield pager.stdin
    except BaseException:
        pager.terminate()
        raise
    finally:
        with contextlib.suppress(BrokenPipeError):
            pager.stdin.close()
        with clock.stopped():
            pager.wait()
        signal.signal(signal.SIGINT, previous)
