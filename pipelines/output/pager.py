"""What is longer than the screen, shown by a pager: $PAGER, else less."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import IO

from pipelines.common.limits import Clock

# less, unless it is told otherwise: leave at once what fits, obey colours, cut long lines, and leave what was
# shown on the screen.
LESS = "FRSX"


def find_pager() -> list[str] | None:
    """The command of the pager; None where there is none, or none is wanted."""
    try:
        command = shlex.split(os.environ.get("PAGER", "less"))
    except ValueError:  # a quotation that does not end
        return None
    if not command or command == ["cat"] or os.environ.get("TERM", "dumb") == "dumb":
        return None
    return command if shutil.which(command[0]) else None


@contextlib.contextmanager
def paged(command: list[str], clock: Clock) -> Iterator[IO[bytes]]:
    """What the block writes is shown by the pager. Raises BrokenPipeError once the reader has left it.

    The clock does not count how long it is read when all is written.
    """
    pager = subprocess.Popen(command, stdin=subprocess.PIPE, env={"LESS": LESS} | os.environ)  # noqa: S603
    assert pager.stdin is not None
    # While the pager runs Ctrl-C is meant for it.
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
