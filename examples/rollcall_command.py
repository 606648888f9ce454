"""Run a command of Rollcall as a task of an orchestrator, and map its exit code to an outcome.

`rollcall` must be on the PATH. Install it in its own environment, separate from the orchestrator's.
ROLLCALL_HOME names the directory with its configuration.
"""

import subprocess

VERIFIED, PARTIAL, BUSY = "verified", "partial", "busy"
OUTCOMES = {0: VERIFIED, 3: PARTIAL, 5: BUSY}


class CommandFailed(Exception):
    """Rollcall ended with 1, 2 or 4, or by a signal; its output says why."""


def rollcall(*arguments: str) -> tuple[str, str]:
    """Run a command. Returns its outcome and its output.

    PARTIAL: a run was published, but a listing failed, was not verified or is held back. BUSY: it did not
    begin, because another run is in progress. Raises CommandFailed for any exit code but 0, 3 and 5.
    """
    ended = subprocess.run(
        ("rollcall", *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ended.returncode not in OUTCOMES:
        raise CommandFailed(f"rollcall {arguments[0]} ended with {ended.returncode}: {ended.stdout.strip()}")
    return OUTCOMES[ended.returncode], ended.stdout
