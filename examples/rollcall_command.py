"""A command of Rollcall as a task of an orchestrator, and what its exit code means there.

`rollcall` must be on the PATH. It has an environment of its own, separate from the orchestrator's.
ROLLCALL_HOME names the directory with its configuration.
"""

import subprocess

VERIFIED, PARTIAL, BUSY = "verified", "partial", "busy"
OUTCOMES = {0: VERIFIED, 3: PARTIAL, 5: BUSY}


class CommandFailed(Exception):
    """Rollcall ended with 1, 2 or 4, or by a signal; what it printed says why."""


def rollcall(*arguments: str) -> tuple[str, str]:
    """Run a command: how it went, and what it printed.

    PARTIAL is a run that is published although a listing failed, was not verified or is held back. BUSY is
    one that did not begin because another one runs. Raises CommandFailed for any other exit code but 0.
    """
    ended = subprocess.run(
        ("rollcall", *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ended.returncode not in OUTCOMES:
        raise CommandFailed(f"rollcall {arguments[0]} ended with {ended.returncode}: {ended.stdout.strip()}")
    return OUTCOMES[ended.returncode], ended.stdout
