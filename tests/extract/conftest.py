"""The connections that the settings of a test configure."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.extract.connections import Connection, load_connections

Load = Callable[..., tuple[Connection, ...]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`load(config, secrets, names)`: the connections that two files configure."""

    def load_files(config: str, secrets: str = "", names: tuple[str, ...] = ()) -> tuple[Connection, ...]:
        folder = tmp_path / ".dlt"
        folder.mkdir()
        (folder / "config.toml").write_text(config)
        (folder / "secrets.toml").write_text(secrets)
        (folder / "secrets.toml").chmod(0o600)
        return load_connections(tmp_path, names)

    return load_files
