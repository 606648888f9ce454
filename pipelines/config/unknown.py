"""Tables, keys and variables of a configuration that Rollcall does not know."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pipelines.common.errors import ConfigurationError
from pipelines.common.suggest import nearest
from pipelines.config.files import CONFIG, SECRETS, read_toml, settings_file
from pipelines.config.tables import DESTINATION, TABLES, Setting, names_of

LIKE_OURS = 0.75  # how similar a name must be to that of a setting
# Tables that `dlt init` writes. They have no effect, because Rollcall itself sets what dlt needs.
OF_DLT = frozenset({"data_writer", "destination", "extract", "load", "normalize", "runtime", "schema"})


def refuse_unknown(home: Path) -> None:
    """Raise ConfigurationError for the first unknown table or key, or for a file that is not TOML."""
    for mistake in find_unknown(home):
        raise mistake


def find_unknown(home: Path) -> Iterator[ConfigurationError]:
    """Yield an error for each unknown table, key and variable.

    Skips the keys of connections, which only their providers know, and a secrets file that this user may not
    read: reading the warehouse does not need it. Raises ConfigurationError if a file is not TOML.
    """
    for file in (settings_file(home, CONFIG), settings_file(home, SECRETS)):
        if file.name == CONFIG or os.access(file, os.R_OK):
            for table, given in read_toml(file).items():
                yield from _unknown_in(file, table, given)
    yield from _unknown_variables()


def _unknown_in(file: Path, table: str, given: object) -> Iterator[ConfigurationError]:
    if not isinstance(given, Mapping):
        yield ConfigurationError(
            f"{table} in {file} is outside any table", "move it below the header of its table"
        )
    elif table == "sources":
        for key in (key for key, keys in given.items() if not isinstance(keys, Mapping)):
            yield ConfigurationError(
                f"{key} under [sources] in {file} does not belong to a connection",
                "move it below the header of its connection, such as [sources.belltastic]",
            )
    elif table in TABLES:
        for key, value in given.items():
            if table == "publish" and isinstance(value, Mapping):
                for inner in value:
                    yield from _unknown_key(file, f"publish.{key}", inner, DESTINATION)
            else:
                yield from _unknown_key(file, table, key, TABLES[table])
    elif table not in OF_DLT:
        yield ConfigurationError(
            f"{file} has an unknown table [{table}]", nearest(table, {*TABLES, "sources"})
        )


def _unknown_key(
    file: Path, table: str, key: str, settings: tuple[Setting, ...]
) -> Iterator[ConfigurationError]:
    known = {name: setting for setting in settings for name in names_of(setting)}
    if key not in known:
        remedy = nearest(key, known, f"choose from {', '.join(sorted(setting.name for setting in settings))}")
        yield ConfigurationError(f"[{table}] in {file} has an unknown key {key}", remedy)
    elif file.name == CONFIG and known[key].secret and key == known[key].name:
        yield ConfigurationError(
            f"{key} of [{table}] is a secret and is not read from {file}",
            f"move it into {file.with_name(SECRETS)}",
        )
    elif file.name == SECRETS and table != "notify" and not known[key].secret:
        yield ConfigurationError(
            f"{key} of [{table}] is not read from {file}", f"move it into {file.with_name(CONFIG)}"
        )


def _unknown_variables() -> Iterator[ConfigurationError]:
    """Find variables that look like a misspelled setting. Other programs use variables of this form too."""
    for variable in sorted(os.environ):
        table, separator, key = variable.partition("__")
        settings = TABLES.get(table.lower(), ())
        known = [name.upper() for setting in settings for name in names_of(setting)]
        near = get_close_matches(key, known, n=1, cutoff=LIKE_OURS) if separator else []
        if near and key not in known:
            yield ConfigurationError(
                f"the variable {variable} has no effect", f"did you mean {table}__{near[0]}?"
            )
