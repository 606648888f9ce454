"""The extras of the distribution: packages that only some verbs need."""

import contextlib
import re
import shlex
from collections.abc import Iterator

from pipelines.common.errors import ConfigurationError
from pipelines.common.version import DISTRIBUTION


@contextlib.contextmanager
def needing(extra: str) -> Iterator[None]:
    """Run a block that imports packages of `extra`. Raises ConfigurationError if one is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing, packages = str(error.name).partition(".")[0], packages_of(extra)
        if missing not in {re.split(r"[^\w-]", package)[0].replace("-", "_") for package in packages}:
            raise
        raise ConfigurationError(
            f"{missing} is not installed", f"run: pip install {shlex.join(packages)}"
        ) from None


def packages_of(extra: str) -> list[str]:
    """The packages of an extra, as the distribution lists them: `starlette>=0.46; extra == 'sandbox'`."""
    from importlib.metadata import requires

    wanted = [one.partition(";") for one in requires(DISTRIBUTION) or ()]
    return [package.strip() for package, _, marker in wanted if marker.strip() == f"extra == '{extra}'"]
