"""A home with the five simulated providers, and the command line over it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.sandbox import Sandbox
from tests.support.home import Home
from tests.support.loopback import Loopback

Run = Callable[..., Result]


@pytest.fixture(scope="package")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=5, projects=12, files=12) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    _sandbox.reset()
    return _sandbox


@pytest.fixture(scope="package")
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run(*arguments, code=0)`: the command line over the home; the exit code must be `code`."""

    def invoke(*arguments: str, code: int = 0, text: str | None = None) -> Result:
        result = CliRunner().invoke(main, ["--home", str(tmp_path), *arguments], input=text)
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result

    return invoke
