"""The name and the version of the distribution, in one place.

On PyPI `rollcall` is the name of an unrelated program. The name of the distribution is `rollcall-sync`.
"""

DISTRIBUTION = "rollcall-sync"


def rollcall_version() -> str:
    """The version that is installed; between two tags it names the commit."""
    from importlib.metadata import version

    return version(DISTRIBUTION)
