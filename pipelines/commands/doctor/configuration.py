"""Checks of the home: who may read its files, and its configuration."""

import shlex
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.commands.doctor.check import Check, broken, failed
from pipelines.common.errors import ConfigurationError
from pipelines.config.resolve import resolve
from pipelines.config.settings import find_mistakes
from pipelines.config.tables import COMMON
from pipelines.config.unknown import find_unknown
from pipelines.extract.connections import Configured, Connection, make_connection, read_tables


def check_files(home: Path) -> Iterator[Check]:
    """Check that only the owner can read secrets, and change the files that say where they are sent."""
    secrets = home / ".dlt" / "secrets.toml"
    private = True
    if secrets.exists() and _mode(secrets) & 0o077:
        private = False
        yield broken("files", f"{secrets} can be read by others", f"chmod 600 {shlex.quote(str(secrets))}")
    for path in (home, home / ".dlt", home / ".dlt" / "config.toml"):
        if path.exists() and _mode(path) & 0o002 and not _mode(path) & stat.S_ISVTX:
            private = False
            yield broken("files", f"{path} can be changed by others", f"chmod o-w {shlex.quote(str(path))}")
    if private:
        yield Check("files", "ok", "nobody else can read secrets or change the configuration")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def check_configuration(home: Path, names: Sequence[str]) -> tuple[list[Check], list[Connection]]:
    """A check for each mistake in the configuration, and the connections without one."""
    checks: list[Check] = []
    connections: list[Connection] = []
    try:
        unknown = list(find_unknown(home))
        checks += [failed("configuration", mistake) for mistake in unknown]
        if not unknown:
            checks += [failed("configuration", mistake) for mistake in find_mistakes(home)]
        configured = read_tables(home, names)
    except ConfigurationError as error:
        return [*checks, failed("configuration", error, "or begin with: rollcall init")], []
    for name in sorted(set(names) or configured.tables):
        try:
            connections.append(make_connection(name, configured))
        except ConfigurationError as error:
            mistakes = {str(mistake): mistake for mistake in (error, *_mistakes(name, configured))}
            checks += [failed("configuration", mistake) for mistake in mistakes.values()]
    if connections:
        found = ", ".join(connection.name for connection in connections)
        checks.append(Check("configuration", "ok", f"complete for {found}"))
    return checks, connections


def _mistakes(name: str, configured: Configured) -> Iterator[ConfigurationError]:
    """All mistakes in a connection's keys, of which `make_connection` raises the first."""
    try:
        provider = configured.providers.get(str(resolve(f"sources.{name}", COMMON[0]) or name))
    except ConfigurationError:
        return
    for setting in (*COMMON, *provider.settings) if provider else ():
        try:
            resolve(f"sources.{name}", setting)
        except ConfigurationError as error:
            yield error
