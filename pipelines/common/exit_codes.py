"""The exit codes of every verb, on which schedulers and monitors rely."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a verb ended. A verb ended by a signal exits with 128 and the signal's number."""

    DONE = 0
    INTERNAL = 1
    """An internal error, or a problem with the machine."""
    USAGE = 2
    """A mistake in the usage or the configuration."""
    PARTIAL = 3
    """Published, but a listing failed, was not verified or is held back; or a connection is stale."""
    REFUSED = 4
    """Not published, because a check failed."""
    BUSY = 5
    """Another run is in progress."""
    INTERRUPTED = 130
    """Interrupted with Ctrl-C."""
