"""Resolving one key of a table: its sources in order, its type and its range.

dlt reads the sources, but each key only under its full name: dlt's usual search could send an unrelated
variable called TOKEN to a provider.
"""

import math
import os

import msgspec

from pipelines.common.errors import ConfigurationError
from pipelines.config.secret_sources import SUFFIXES, secret_given
from pipelines.config.tables import Setting


def resolve(table: str, setting: Setting) -> object:
    """The value of one key of a table such as `sources.matter`; its default if unset.

    Raises ConfigurationError if it is required and unset, or has the wrong type.
    """
    from pipelines.config.dlt_runtime import dlt

    where, owner = f"{table}.{setting.name}", table.rpartition(".")[2]
    given: object = dlt.secrets.get(where, str) if setting.secret else dlt.config.get(where)
    if setting.secret:
        given = _secret(table, setting, given)
    if given in (None, "", []):
        if setting.required:
            raise ConfigurationError(f"{owner} has no {setting.name}", how_to_set(table, setting))
        return setting.default
    try:
        value = _typed(setting, given)
    except (msgspec.ValidationError, ValueError):
        shown = "the value given" if setting.secret else repr(given)
        raise ConfigurationError(
            f"{setting.name} of {owner} should be {_EXPECTED[setting.type]}, not {shown}",
            how_to_set(table, setting),
        ) from None
    _check_range(owner, setting, value)
    return value


def _secret(table: str, setting: Setting, given: object) -> object:
    """The secret `given`, or that of the file or the command that is configured instead.

    A variable of the key itself comes first: a container gets secrets as variables, and the same files.
    """
    from pipelines.config.dlt_runtime import current_home, dlt

    if os.environ.get(variable(table, setting)):
        return given
    sources: dict[str, object] = {setting.name: given}
    for suffix in SUFFIXES:
        sources[f"{setting.name}{suffix}"] = dlt.config.get(f"{table}.{setting.name}{suffix}")
    return secret_given(setting.name, table.rpartition(".")[2], sources, current_home())


_EXPECTED = {
    "text": "a string on one line",
    "integer": "an integer",
    "number": "a number",
    "list": "a list",
}


def _typed(setting: Setting, given: object) -> object:
    match setting.type:
        case "text":
            text = str(given) if type(given) is int else msgspec.convert(given, str)
            if not text.isprintable():  # requests would refuse such a header, and quote it in the error
                raise ValueError(setting.name)
            return text
        case "integer":
            return msgspec.convert(given, int, strict=False)
        case "number":
            return msgspec.convert(given, float, strict=False)
    if isinstance(given, str):
        given = msgspec.json.decode(given) if given.lstrip().startswith("[") else given.split(",")
    return tuple(str(element).strip() for element in msgspec.convert(given, list[str | int]))


def _check_range(connection: str, setting: Setting, value: object) -> None:
    if not isinstance(value, int | float):
        return
    low, high = setting.minimum, setting.maximum
    if not (-math.inf if low is None else low) <= value <= (math.inf if high is None else high):  # nor NaN
        bounds = [f"from {low:g}"] if low is not None else []
        bounds += [f"to {high:g}"] if high is not None else []
        raise ConfigurationError(
            f"{setting.name} of {connection} is {value:g}", " ".join(["set it to a number", *bounds])
        )


def how_to_set(table: str, setting: Setting) -> str:
    """A remedy: how to set a key of a table such as `sources.matter`, in its file or as a variable."""
    file = ".dlt/secrets.toml" if setting.secret else ".dlt/config.toml"
    example = '["…"]' if setting.type == "list" else '"…"' if setting.type == "text" else "…"
    line = f"set {setting.name} = {example} under [{table}] in {file}"
    return f"{line}, or the variable {variable(table, setting)}"


def variable(table: str, setting: Setting) -> str:
    """The environment variable that sets a key of a table."""
    return f"{table}.{setting.name}".replace(".", "__").upper()
