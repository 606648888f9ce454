"""A home directory whose five connections are the sandbox's, and what a night leaves in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.sandbox import Sandbox
from pipelines.sync import Night, sync

Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Home:
    """A directory that Rollcall runs in."""

    path: Path

    def configure(self, config: str, secrets: str = "") -> None:
        settings = self.path / ".dlt"
        settings.mkdir(exist_ok=True)
        (settings / "config.toml").write_text(config)
        (settings / "secrets.toml").write_text(secrets)
        (settings / "secrets.toml").chmod(0o600)

    def night(self, *names: str, full: bool = False, accept: dict[str, int] | None = None) -> Night:
        return sync(self.path, names, full=full, accept=accept)

    @property
    def warehouse(self) -> Path:
        return self.path / "warehouse.duckdb"

    def rows(self, sql: str, *values: object) -> Rows:
        with duckdb.connect(str(self.warehouse), read_only=True) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'")
            return warehouse.execute(sql, values).fetchall()

    def table(self, sql: str) -> list[dict[str, object]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'")
            found = warehouse.execute(sql)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=3, projects=30, files=90) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    _sandbox.reset()
    return _sandbox


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def home(empty_home: Home, sandbox: Sandbox) -> Home:
    """All five connections, that lose no time between tries."""
    config = sandbox.config_toml().replace("base_url", "retry_wait_s = 0.001\nbase_url")
    empty_home.configure(config, sandbox.secrets_toml())
    return empty_home


def outcomes(night: Night) -> dict[str, str]:
    """How each connection's listings went, by connection and scope."""
    return {
        f"{listing.connection} {listing.scope or ''}".strip(): listing.outcome for listing in night.listings
    }


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
