"""A home that is connected to the simulated providers."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from pipelines.common.errors import UsageError
from pipelines.common.files import private_folder
from pipelines.sandbox import Sandbox

MARK = "# Written by rollcall sandbox, which may overwrite this file.\n"
FILES = ("config.toml", "secrets.toml")


def refuse_foreign(directory: Path) -> None:
    """Raise UsageError if the configuration in `directory` is not one that the sandbox wrote."""
    for path in (directory / ".dlt" / name for name in FILES):
        if path.exists() and not path.read_bytes().startswith(MARK.encode()):
            raise UsageError(f"{path} was not written by rollcall sandbox", "name another directory")


def write_home(directory: Path, sandbox: Sandbox, mark: str) -> None:
    """Configure the five simulated providers in `directory`. Each file begins with `mark`."""
    settings = directory / ".dlt"
    private_folder(settings)
    for name, text in zip(FILES, (sandbox.config_toml(), sandbox.secrets_toml()), strict=True):
        path = settings / name
        path.touch(mode=0o600)
        path.write_text(mark + text)


def introduce_home(directory: Path, sandbox: Sandbox) -> Iterator[str]:
    """Write the home, and return how to try it."""
    write_home(directory, sandbox, MARK)
    yield f"{directory} is connected to the five simulated providers at {sandbox.url}, until this ends."
    yield f"In another terminal: rollcall sync --home {quote(str(directory))}"
