"""A home directory with connections, and its runs."""

import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.commands.sync import Options, Run, sync
from pipelines.config.tables import COMMON
from pipelines.extract.provider import find_providers
from pipelines.sandbox import Sandbox
from pipelines.warehouse import file_store
from tests.support.canaries import leaks

FIRST_RUN = datetime(2026, 11, 1, 2, tzinfo=UTC)

Row = dict[str, Any]


class Home:
    """A home for one test. By its clock, runs are a day apart, beginning at `FIRST_RUN`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = 0
        self._tables: dict[str, dict[str, object]] = {}

    def connect(self, name: str, provider: str | None = None, **settings: object) -> None:
        """Configure a connection, replacing one with the same name. It retries without waiting."""
        self.connect_each(provider or name, {name: settings})

    def connect_each(self, provider: str, accounts: Mapping[str, Mapping[str, object]]) -> None:
        """Configure connections of one provider, by name."""
        for name, settings in accounts.items():
            self._tables[name] = {"provider": provider, "retry_wait_s": 0.0, **settings}
        (self.path / ".dlt").mkdir(exist_ok=True)
        known = find_providers(self.path)
        texts = {"config.toml": "", "secrets.toml": ""}
        for table, values in self._tables.items():
            described = known[str(values["provider"])].settings
            secrets = {setting.name for setting in (*COMMON, *described) if setting.secret}
            for file, wanted in (("config.toml", values.keys() - secrets), ("secrets.toml", secrets)):
                texts[file] += _table(table, {key: values[key] for key in sorted(wanted & values.keys())})
        for file, text in texts.items():
            path = self.path / ".dlt" / file
            path.write_text(text)
            path.chmod(0o600)

    def connect_all(self, sandbox: Sandbox, suffix: str = "", **settings: object) -> None:
        """Configure the five simulated providers, under their names followed by `suffix`."""
        for name, configured in sandbox_settings(sandbox).items():
            self.connect(f"{name}{suffix}", name, **configured | settings)

    def run(self, *names: str, at: datetime | None = None, **options: Any) -> Run:
        """Start a run that starts `at` a time, or a day after the one before.

        What it leaves, and just before it publishes what it works on, is searched for its secrets.
        """
        now = at or FIRST_RUN + timedelta(days=self.runs)
        self.runs += 1
        found: list[str] = []
        publish = file_store.publish

        def search_and_publish(draft: Path, *place: Any) -> tuple[str, ...]:
            found.extend(leaks(self.path, ".rollcall"))
            return publish(draft, *place)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pipelines.warehouse.file_store.publish", search_and_publish)
            run = sync(self.path, Options(names, **options), clock=lambda: now)
        assert found + leaks(self.path, ".", repr(run)) == []
        return run

    @property
    def warehouse(self) -> Path:
        """The published file."""
        return self.path / "warehouse.duckdb"

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """The rows of a query on the published warehouse; times are strings in UTC."""
        with duckdb.connect(str(self.warehouse), read_only=True) as db:
            db.execute("set TimeZone = 'UTC'")
            found = db.execute(f"select to_json(found) from ({query}) as found", parameters)
            return [json.loads(text) for (text,) in found.fetchall()]


def sandbox_settings(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The settings of each provider, secrets included."""
    public = tomllib.loads(sandbox.config_toml())["sources"]
    secret = tomllib.loads(sandbox.secrets_toml())["sources"]
    return {name: public[name] | secret[name] for name in public}


def _table(name: str, settings: Mapping[str, object]) -> str:
    # Strings, numbers and lists of them have the same form in JSON and TOML.
    lines = (f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    return f"[sources.{name}]\n{''.join(lines)}"
