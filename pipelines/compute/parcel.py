"""What a worker needs of a home: the user's models, mappings and providers, and a connection.

A worker may be another machine, so the files travel with the unit. Credentials are in the connection's
settings; they are never written to a file.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.common.errors import SyncError
from pipelines.config.tables import Settings
from pipelines.extract.connections import Connection
from pipelines.extract.provider import find_providers

PATTERNS = ("sql/**/*.sql", "providers/*.py", "status_mapping.csv", "client_mapping.csv")
CERTIFICATES = "certificates.pem"


@dataclass(frozen=True)
class HomeFiles:
    """The user's own files that a run reads, by their path in the home."""

    home: Path
    files: Mapping[str, bytes]

    def write(self, folder: Path) -> None:
        """Write them to a folder on a worker, which takes the place of the home."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def at_home(self, error: SyncError, folder: Path) -> SyncError:
        """The error with the paths of the home, not those of `folder`."""
        same = copy.copy(error)
        same.reason = error.reason.replace(str(folder), str(self.home))
        same.remedy = error.remedy.replace(str(folder), str(self.home))
        return same


def home_files(home: Path) -> HomeFiles:
    """The files of `home` that its workers need."""
    found = [path for pattern in PATTERNS for path in home.glob(pattern) if path.is_file()]
    return HomeFiles(home, {str(path.relative_to(home)): path.read_bytes() for path in sorted(found)})


@dataclass(frozen=True)
class Asked:
    """A connection in a form that can be sent to a worker. Its provider's module is imported there."""

    name: str
    provider_name: str
    settings: Mapping[str, object] = field(repr=False)
    certificates: bytes | None = None

    def connection(self, folder: Path) -> Connection:
        """The connection on a worker that has the files of the home in `folder`."""
        settings = dict(self.settings)
        if self.certificates is not None:
            path = folder / CERTIFICATES
            path.write_bytes(self.certificates)
            settings["ca_file"] = str(path)
        provider = find_providers(folder)[self.provider_name]
        return Connection(self.name, self.provider_name, provider, Settings(settings))


def asked(connection: Connection) -> Asked:
    """A connection as it is sent to a worker."""
    file = connection.settings.text("ca_file")
    certificates = Path(file).read_bytes() if file else None
    return Asked(connection.name, connection.provider_name, dict(connection.settings), certificates)
