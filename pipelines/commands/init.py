"""`rollcall init`: writes the two files of a configuration, for the providers chosen.

Their content comes from the providers' settings. Existing content is never changed; connections that are
missing are added below it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.files import private_folder, write_atomically
from pipelines.common.suggest import nearest
from pipelines.config.files import CONFIG, SECRETS, parse_toml, read_text
from pipelines.config.resolve import how_to_set, variable
from pipelines.config.tables import COMMON, TABLES
from pipelines.extract.connections import NAME
from pipelines.extract.provider import Provider, Setting, find_providers

FILES = {False: CONFIG, True: SECRETS}  # by whether a setting is secret
COMMENT_COLUMN = 36
_CONFIG_HEAD = """\
# Which accounts to sync, and where to keep the results. A table [sources.NAME] is a connection. Its provider
# is NAME, unless a key `provider` says otherwise: two accounts at one provider are two tables.
# A key after a # has the value shown; remove the # to change it. Secrets belong in secrets.toml.
# Tables for the rest: {others}.
#
# Every connection also takes:
{common}
"""
_SECRETS_HEAD = """\
# For its owner only: chmod 600. Each of these can be a variable instead, such as
# SOURCES__BELLTASTIC__API_TOKEN.
"""

Tables = Mapping[str, object]


@dataclass(frozen=True)
class Initialised:
    """What was written, the connections added and those found, and a line for each key still to be set."""

    written: tuple[Path, ...]
    added: tuple[str, ...]
    found: tuple[str, ...]
    to_set: tuple[str, ...]


def init(home: Path, chosen: Sequence[str]) -> Initialised:
    """Configure a connection for each of `chosen`, which are `PROVIDER` or `NAME=PROVIDER`.

    Raises UsageError if one is not a provider, ConfigurationError if a file cannot be extended.
    """
    providers = find_providers(home)
    connections = dict(_connection(choice, providers) for choice in chosen)
    folder = home / ".dlt"
    private_folder(folder)
    written, before = [], {name: read_text(folder / name) for name in FILES.values()}
    sources = {name: _sources(text, folder / name) for name, text in before.items()}
    for secret, name in FILES.items():
        wanted = {
            connection: _table(connection, provider, providers[provider], secret=secret)
            for connection, provider in connections.items()
            if connection not in sources[name]
        }
        addition = "\n".join(filter(None, wanted.values()))
        if addition:
            _add(folder / name, before[name] or _head(secret=secret), addition)
            written.append(folder / name)
    _keep_out_of_git(folder)
    known = {connection for tables in sources.values() for connection in tables}
    return Initialised(
        written=tuple(written),
        added=tuple(connection for connection in connections if connection not in known),
        found=tuple(connection for connection in connections if connection in known),
        to_set=tuple(_to_set(connections, providers, tuple(sources.values()))),
    )


def required_keys(home: Path) -> dict[str, tuple[str, ...]]:
    """The required keys of each provider."""
    return {
        name: tuple(setting.name for setting in provider.settings if setting.required)
        for name, provider in sorted(find_providers(home).items())
    }


def _connection(choice: str, providers: Mapping[str, Provider]) -> tuple[str, str]:
    name, _, provider = choice.partition("=")
    provider = provider or name
    if provider not in providers:
        raise UsageError(f"unknown provider {provider}", nearest(provider, providers, most=1))
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name} is not a valid name for a connection",
            "use lower-case letters and digits, separated by - or _",
        )
    return name, provider


def _sources(text: str, path: Path) -> Tables:
    tables = parse_toml(text, path).get("sources", {})
    return tables if isinstance(tables, dict) else {}


def _head(*, secret: bool) -> str:
    if secret:
        return _SECRETS_HEAD
    common = (_line(setting) for setting in COMMON if setting.name != "provider")
    others = ", ".join(f"[{table}]" for table in TABLES)
    return _CONFIG_HEAD.format(common="\n".join(common), others=others)


def _table(connection: str, provider_name: str, provider: Provider, *, secret: bool) -> str:
    """The table of a connection in one of the files; empty where nothing belongs there."""
    lines = [_line(setting) for setting in provider.settings if setting.secret == secret]
    if not secret and connection != provider_name:
        lines.insert(0, f"provider = {json.dumps(provider_name)}")
    return "\n".join((f"[sources.{connection}]", *lines, "")) if lines else ""


def _line(setting: Setting) -> str:
    """A key for the user to set if it is required, else a comment that shows its default."""
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    empty = [] if setting.type == "list" else ""
    value = json.dumps(empty if default is None else default, ensure_ascii=False)
    assignment = f"{'' if setting.required else '# '}{setting.name} = {value}"
    return f"{assignment:{COMMENT_COLUMN}}# {setting.about}" if setting.about else assignment


def _add(path: Path, before: str, addition: str) -> None:
    """Write `before` with `addition` below it; the file appears complete or not at all."""
    text = f"{before.rstrip()}\n\n{addition}"
    try:
        parse_toml(text, path)
    except ConfigurationError:
        raise ConfigurationError(
            f"cannot add a table to {path}", "write its connections as tables such as [sources.matter]"
        ) from None
    is_public = path.name != SECRETS and path.exists()
    write_atomically(path, text, mode=path.stat().st_mode & 0o777 if is_public else 0o600)


def _keep_out_of_git(folder: Path) -> None:
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text(f"{FILES[True]}\n", encoding="utf-8")


def _to_set(
    connections: Mapping[str, str], providers: Mapping[str, Provider], files: Sequence[Tables]
) -> list[str]:
    lines = []
    for connection, provider in connections.items():
        tables = [table for table in (file.get(connection) for file in files) if isinstance(table, dict)]
        for setting in providers[provider].settings:
            given = os.environ.get(variable(f"sources.{connection}", setting))
            if setting.required and not (given or any(table.get(setting.name) for table in tables)):
                lines.append(how_to_set(f"sources.{connection}", setting))
    return lines
