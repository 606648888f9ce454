"""Putting a finished file where a user wants it, unless that would overwrite what Rollcall depends on."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.files import STATE_FOLDER, is_device, replace_atomically
from pipelines.config.files import CONFIG, SECRETS, read_toml, settings_file

# What runs read in a home, in lower case; `sql` has folders of models, checks and reports.
MAPPINGS = ("status_mapping.csv", "client_mapping.csv")
FOLDERS = {"providers": ".py", "sql": ".sql"}
# How the keys of settings end that name a file.
FILE_KEYS = ("path", "file", "_command", "catalog")


def deliver(finished: Path, target: Path) -> None:
    """Rename `finished` to the file that a user has named, on the same file system, once it is on disk.

    A device or a pipe, such as `/dev/stdout`, is written into. Raises UsageError if `target` is a symbolic
    link, or a file that Rollcall depends on.
    """
    if is_device(target):
        with finished.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        return
    if target.is_symlink():
        raise UsageError(f"{target} is a symbolic link, which is not followed", "name the file itself")
    if reason := _why_kept(target):
        raise UsageError(f"{target} {reason} and is not overwritten", "name another file")
    replace_atomically(finished, target)


def _why_kept(target: Path) -> str | None:
    """Why a file must not be written; None if it may be. Other hard links to it are unaffected."""
    if target.suffix.casefold() in {".duckdb", ".wal"}:
        return "has the name of a database"
    # Its directory may be a link into a home, or out of it: `abspath` follows no link.
    absolute = os.path.abspath(target)  # noqa: PTH100 - a Path keeps each `..`
    places = {Path(absolute), target.parent.resolve() / target.name}
    if any(_is_configuration(place) for place in places):
        return "is part of the configuration"
    if not target.exists():
        return None
    if any(
        folder.name.casefold() == STATE_FOLDER
        and (any(folder.glob("*.lock")) or (folder / "published").exists())
        for place in places
        for folder in place.parents
    ):
        return "is one of Rollcall's own files"
    with contextlib.suppress(OSError), target.open("rb") as file:
        if file.read(12)[8:] == b"DUCK":
            return "is a DuckDB database"
    return None


def _is_configuration(place: Path) -> bool:
    """Whether runs of a home above `place` read it, or would read it."""
    if place.parent.name.casefold() == ".dlt" and place.suffix.casefold() == ".toml":
        return True
    return any(
        _is_read(place.relative_to(home)) or place in _named_files(home)
        for home in place.parents
        if (home / ".dlt").is_dir() or (home / STATE_FOLDER).is_dir()
    )


def _is_read(path: Path) -> bool:
    """Whether runs read the file with this path in a home."""
    folder, *_ = folded = Path(path.as_posix().casefold()).parts
    return folded[-1] in MAPPINGS if len(folded) == 1 else path.suffix.casefold() == FOLDERS.get(folder)


def _named_files(home: Path) -> Iterator[Path]:
    """The files that the settings of `home` name, such as a `ca_file`."""
    for name in (CONFIG, SECRETS):
        with contextlib.suppress(ConfigurationError):
            for text in _file_names(read_toml(settings_file(home, name))):
                with contextlib.suppress(OSError, ValueError):
                    yield (home / text).resolve()


def _file_names(given: object, key: str = "") -> Iterator[str]:
    """The texts below keys that name files, at any depth."""
    if isinstance(given, Mapping):
        for inner, value in given.items():
            yield from _file_names(value, inner)
    elif isinstance(given, list):
        for value in given:
            yield from _file_names(value, key)
    elif isinstance(given, str) and key.endswith(FILE_KEYS):
        yield given
