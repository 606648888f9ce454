"""A destination as a home configures it: a table `[publish.NAME]`, and dlt's own `[destination.NAME]`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.redaction import Secrets
from pipelines.common.suggest import nearest
from pipelines.config.files import CONFIG, read_toml, settings_file
from pipelines.config.secret_values import secrets_of_destination
from pipelines.config.settings import published_after_sync
from pipelines.config.tables import DESTINATION
from pipelines.config.unknown import refuse_unknown
from pipelines.destinations.kinds import KINDS, Kind, TableFormat

FORMATS = ("delta", "iceberg")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Target:
    """A configured destination. `tables` is empty if all are published."""

    name: str
    kind: Kind
    dataset: str
    tables: tuple[str, ...]
    table_format: TableFormat

    @property
    def label(self) -> str:
        """Its name in messages, such as `bi (postgres, dataset rollcall)`."""
        return f"{self.name} ({self.kind.name}, dataset {self.dataset})"


def load_target(home: Path, name: str) -> Target:
    """The destination configured as `[publish.NAME]`.

    Raises UsageError if there is none of that name, ConfigurationError if a key is wrong.
    """
    refuse_unknown(home)
    file = settings_file(home, CONFIG)
    targets = {key: table for key, table in _section(home).items() if isinstance(table, Mapping)}
    if name not in targets:
        remedy = nearest(name, targets) if targets else f"add a table [publish.{name}] to {file}"
        raise UsageError(f"there is no destination {name}", remedy)
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a destination", "use lower-case letters, digits and underscores"
        )
    values = {setting.name: setting.default for setting in DESTINATION} | dict(targets[name])
    _refuse_wrong_types(values, name, file)
    _refuse_unknown_kinds(values, name, file)
    return Target(
        name=name,
        kind=KINDS[str(values["destination"])],
        dataset=str(values["dataset"]),
        tables=tuple(map(str, cast("list[object]", values["tables"]))),
        table_format=cast("TableFormat", values["table_format"]),
    )


def configured_targets(home: Path) -> tuple[str, ...]:
    """The names of all tables `[publish.NAME]`. Raises ConfigurationError if the file cannot be read."""
    return tuple(name for name, table in _section(home).items() if isinstance(table, Mapping))


def targets_after_sync(home: Path) -> tuple[str, ...]:
    """The destinations that `[publish] after_sync` names.

    Raises ConfigurationError if that is not a list, or names one without a table.
    """
    names, known = published_after_sync(home), configured_targets(home)
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"after_sync of [publish] names {name}, and there is no table [publish.{name}] "
                f"in {settings_file(home, CONFIG)}",
                nearest(name, known) if known else "add that table, or take the name out",
            )
    return names


def _refuse_wrong_types(values: Mapping[str, object], name: str, file: Path) -> None:
    for key, value in values.items():
        wanted = (list, tuple) if key == "tables" else str
        if value is not None and not isinstance(value, wanted):
            raise ConfigurationError(
                f"{key} of [publish.{name}] in {file} should be a {'list' if key == 'tables' else 'string'}",
                'write it as tables = ["projects"]' if key == "tables" else f'write it as {key} = "…"',
            )


def _refuse_unknown_kinds(values: Mapping[str, object], name: str, file: Path) -> None:
    if values["destination"] not in KINDS:
        raise ConfigurationError(
            f"destination of [publish.{name}] in {file} is {values['destination'] or 'not set'}",
            f"use one of {', '.join(KINDS)}",
        )
    if values["table_format"] not in FORMATS:
        raise ConfigurationError(
            f"table_format of [publish.{name}] in {file} is {values['table_format']}",
            f"use {' or '.join(FORMATS)}",
        )


def target_secrets(home: Path, name: str) -> Secrets:
    """Every secret of a destination, passwords within connection strings included."""
    return Secrets(secrets_of_destination(home, name))


def _section(home: Path) -> Mapping[str, object]:
    section = read_toml(home.absolute() / ".dlt" / CONFIG).get("publish", {})
    return cast("Mapping[str, object]", section)
