"""A folder next to the data of a lakehouse, in which the workers of one run exchange Parquet files.

Every attempt of a task writes to a folder of its own, and only files that a finished attempt names are read.
The run holds a lock on the folder and removes it at its end. If the run dies, a later run removes it.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from pipelines.common.errors import WarehouseError
from pipelines.common.files import private_folder
from pipelines.common.sql import literal
from pipelines.config.lake import LakeSettings
from pipelines.warehouse.lake_lock import LakeLocks

if TYPE_CHECKING:  # it takes a tenth of a second
    from pyarrow import fs

FOLDER = "exchange"


@dataclass(frozen=True)
class Exchange:
    """The folder `name` in the exchange folder of a lakehouse."""

    lake: LakeSettings
    name: str

    def attempt(self, task: str) -> str:
        """A new folder for one attempt of `task`, with a slash at its end."""
        return self.folder(f"{task}/{secrets.token_hex(8)}")

    def folder(self, name: str) -> str:
        """A folder in it, with a slash at its end. It exists then, because DuckDB would not create it."""
        place = f"{_root(self.lake)}{self.name}/{name}/"
        if self.lake.storage is None:
            private_folder(Path(place))
        return place


@contextmanager
def exchange(lake: LakeSettings, locks: LakeLocks) -> Iterator[Exchange]:
    """A new exchange while the block runs. Those of runs that have died are removed first."""
    remove_dead_exchanges(lake, locks)
    name = secrets.token_hex(8)
    locks.claim(_lock(name))
    try:
        yield Exchange(lake, name)
    finally:
        _remove(lake, name)


def remove_dead_exchanges(lake: LakeSettings, locks: LakeLocks) -> None:
    """Remove the exchanges whose runs have died. Raises WarehouseError if the data cannot be written."""
    for name in _names(lake):
        if locks.claim(_lock(name)):
            _remove(lake, name)


def copy_rows(db: duckdb.DuckDBPyConnection, query: str, target: str) -> int:
    """Write the rows of a query to one Parquet file. Returns their number."""
    (row,) = db.execute(f"copy ({query}) to {literal(target)} (format parquet, compression zstd)").fetchall()
    return int(row[0])


def _lock(name: str) -> str:
    return f"exchange {name}"


def _root(lake: LakeSettings) -> str:
    return f"{lake.data}{FOLDER}/"


def _names(lake: LakeSettings) -> list[str]:
    files, root = _files(lake)
    try:
        found = files.get_file_info(_selector(root))
    except OSError as error:
        raise _unreachable(lake, error) from error
    return [one.base_name for one in found]


def _remove(lake: LakeSettings, name: str) -> None:
    files, root = _files(lake)
    try:
        if files.get_file_info(f"{root}{name}").type.name != "NotFound":
            files.delete_dir(f"{root}{name}")
    except OSError as error:
        raise _unreachable(lake, error) from error


def _unreachable(lake: LakeSettings, error: OSError) -> WarehouseError:
    reason = " ".join(str(error).split())[:300]
    return WarehouseError(f"{lake.data} does not answer ({reason})", "check data of [warehouse]")


def _selector(folder: str) -> "fs.FileSelector":
    from pyarrow import fs

    return fs.FileSelector(folder.rstrip("/"), allow_not_found=True)


def _files(lake: LakeSettings) -> tuple["fs.FileSystem", str]:
    """The file system of the data, and the path of all exchanges in it."""
    from pyarrow import fs

    if lake.storage is None:
        return fs.LocalFileSystem(), _root(lake)
    given, url = lake.storage, urlsplit(lake.storage.endpoint)
    options = {
        "access_key": given.key_id,
        "secret_key": given.secret,
        "session_token": given.session_token,
        "region": given.region,
        "scheme": url.scheme,
        "endpoint_override": f"{url.netloc}{url.path.rstrip('/')}",
        "tls_ca_file_path": given.ca_file,
    }
    files = fs.S3FileSystem(**{name: value for name, value in options.items() if value})
    return files, _root(lake).removeprefix("s3://")
