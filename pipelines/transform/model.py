"""SQL models: a file is a model, its folder a layer, its name the name of its table.

functions     scalar macros that the other layers use; a file has several, in order
incremental   tables of the records and keys that changed since the last build
staging       views: one row per version as received, typed and renamed; only these read JSON
intermediate  what the marts are made of: views, or tables of the kind `table`
marts         published: tables, or views of the kind `view`
macros        table macros over the marts, published
checks        selects of the rows that break a promise
reports       selects that are exported

A directory `sql` in the user's home adds to a layer; a file there replaces the file of the same name.
The header of a file is the one place for its description (`-- text`) and these keys:

grain         the columns that identify a row: `-- grain: a, b`
nullable      those of them that may be null, and so cannot be part of a primary key
severity      of a check: error (the default) or warning
scope         of a check: key (the default), whose rows each depend on the records of one key, or run
example       a query of the table, for the data dictionary
incremental   the key of a table that can be updated by key: the rows of a key depend only on its own records
refreshed     columns of such a table that change with every run, and are computed for all rows
kind          `table`, `view`, or `versions of KEY`: see `versions.py`
not compared  columns of such a model whose changes begin no version
compared as   `COLUMN by MACRO`: columns that are compared by a macro of theirs
project id    members of the payload with the id of the project that a record belongs to: see `facts.py`
local times   members of the payload with times that may have no offset, and are in the connection's time zone
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pipelines.common.errors import ConfigurationError
from pipelines.common.sql import SQL_ROOT

Severity = Literal["error", "warning"]
Kind = Literal["view", "table"]
Scope = Literal["key", "run"]

# The keys whose affected values `sql/incremental` finds.
INCREMENTAL_KEYS = ("file_key", "project_key")

_KEYS = (
    "grain",
    "nullable",
    "severity",
    "scope",
    "incremental",
    "refreshed",
    "kind",
    "not compared",
    "compared as",
    "example",
    "project id",
    "local times",
)
_VERSIONS = re.compile(r"versions of (\w+)")
_KEY = re.compile(rf"({'|'.join(_KEYS)}): (.*)")


@dataclass(frozen=True)
class Model:
    """One file and the keys of its header.

    `creates` is what its kind says, None if it says nothing. `versions_of` is the key of a model of the kind
    `versions of KEY`.
    """

    name: str
    path: Path
    sql: str
    description: str
    grain: tuple[str, ...]
    nullable: tuple[str, ...]
    severity: Severity
    scope: Scope
    incremental: str | None
    refreshed: tuple[str, ...]
    creates: Kind | None
    versions_of: str | None
    not_compared: tuple[str, ...]
    compared_as: tuple[tuple[str, str], ...]  # column, macro
    example: str | None
    project_id: tuple[str, ...]
    local_times: tuple[str, ...]

    @property
    def is_own(self) -> bool:
        """Whether it is part of Rollcall, and not from the user's home."""
        return self.path.is_relative_to(SQL_ROOT)


def read_models(layer: str, home: Path) -> dict[str, Model]:
    """The models of a layer by name, in the order of their names."""
    paths = {path.stem: path for root in (SQL_ROOT, home / "sql") for path in files_in(root / layer, "*.sql")}
    return {name: _read_model(paths[name]) for name in sorted(paths)}


def files_in(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder by name, without directories and hidden files, which editors and macOS create."""
    found = sorted(folder.glob(pattern))
    return [path for path in found if not path.name.startswith(".") and not path.is_dir()]


def read_sql_file(path: Path) -> str:
    """The SQL in a file. Raises ConfigurationError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not in UTF-8 ({error})", "save it as that") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read", error.strerror or "") from None


def _read_model(path: Path) -> Model:
    sql = read_sql_file(path)
    head = itertools.takewhile(lambda line: line.startswith("--"), sql.splitlines())
    lines = [line.removeprefix("--").strip() for line in head]
    keys = {found[1]: found[2] for line in lines if (found := _KEY.fullmatch(line))}
    _refuse_wrong(path, keys)
    kind = keys.get("kind")
    versioned = re.fullmatch(_VERSIONS, kind or "")
    return Model(
        name=path.stem,
        path=path,
        sql=sql,
        description=" ".join(line for line in lines if not _KEY.fullmatch(line)),
        grain=_names(keys.get("grain")),
        nullable=_names(keys.get("nullable")),
        severity=cast("Severity", keys.get("severity", "error")),
        scope=cast("Scope", keys.get("scope", "key")),
        incremental=keys.get("incremental"),
        refreshed=_names(keys.get("refreshed")),
        creates=cast("Kind", kind) if kind in ("table", "view") else None,
        versions_of=versioned[1] if versioned else None,
        not_compared=_names(keys.get("not compared")),
        compared_as=tuple(re.findall(r"(\w+) by ([\w.]+)", keys.get("compared as", ""))),
        example=keys.get("example"),
        project_id=_names(keys.get("project id")),
        local_times=_names(keys.get("local times")),
    )


def _refuse_wrong(path: Path, keys: Mapping[str, str]) -> None:
    """Raise ConfigurationError if a key of a header has a value that it cannot have."""
    if (severity := keys.get("severity", "error")) not in ("error", "warning"):
        raise ConfigurationError(f"{path} has the severity {severity!r}", "use error or warning")
    if (scope := keys.get("scope", "key")) not in ("key", "run"):
        raise ConfigurationError(f"{path} has the scope {scope!r}", "use key or run")
    incremental, kind = keys.get("incremental"), keys.get("kind")
    if incremental not in (None, *INCREMENTAL_KEYS):
        raise ConfigurationError(
            f"{path} is incremental by {incremental!r}",
            f"use {' or '.join(INCREMENTAL_KEYS)}, or leave it out",
        )
    if kind not in (None, "table", "view") and not re.fullmatch(_VERSIONS, str(kind)):
        raise ConfigurationError(
            f"{path} has the kind {kind!r}", "use `table`, `view` or `versions of KEY`, or leave it out"
        )
    if kind == "view" and incremental:
        raise ConfigurationError(f"{path} is a view and incremental", "leave one of the two out")


def _names(listed: str | None) -> tuple[str, ...]:
    return tuple(listed.split(", ")) if listed else ()
