"""The settings of a lakehouse: the places of its catalog and its data, and the credentials for both."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.common.errors import ConfigurationError
from pipelines.config.files import path_of
from pipelines.config.network import certificates
from pipelines.config.settings import given_secret, given_text

ENGINES = ("duckdb", "ducklake")
POSTGRES = "postgres:"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class ObjectStorage:
    """How to sign in to S3 or a service like it. `endpoint` is a URL; empty for Amazon's own.

    `ca_file` is the absolute path of the certificates to trust; empty for the default ones.
    """

    endpoint: str
    region: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    session_token: str = field(repr=False)
    ca_file: str = ""


@dataclass(frozen=True)
class LakeSettings:
    """A lakehouse: `catalog` is a libpq connection string if it `is_shared`, else a file's absolute path.

    `data` is an absolute directory or an s3:// URL, with a slash at its end.
    """

    catalog: str
    is_shared: bool
    data: str
    storage: ObjectStorage | None
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Its catalog, as messages name it: without a password."""
        return f"{POSTGRES if self.is_shared else ''}{self.catalog}"


def lake_settings(home: Path) -> LakeSettings | None:
    """The lakehouse that `home` uses; None if its warehouse is a file.

    Raises ConfigurationError if the settings are incomplete or unsafe.
    """
    engine = given_text(home, "warehouse", "engine")
    if engine not in ENGINES:
        raise ConfigurationError(
            f"engine of [warehouse] is {engine!r}", f"set it to one of {', '.join(ENGINES)}"
        )
    if engine == "duckdb":
        return None
    catalog, data = (_required(home, key) for key in ("catalog", "data"))
    is_shared = catalog.startswith(POSTGRES)
    if not is_shared:
        catalog = str(path_of(home.absolute(), catalog, "catalog of [warehouse]"))
    elif re.search(r"\bpassword\s*=", catalog):
        raise ConfigurationError(
            "catalog of [warehouse] contains a password",
            "move it to catalog_password of [warehouse] in .dlt/secrets.toml",
        )
    is_remote = data.startswith("s3://")
    folder = data.rstrip("/") if is_remote else str(path_of(home.absolute(), data, "data of [warehouse]"))
    return LakeSettings(
        catalog.removeprefix(POSTGRES),
        is_shared,
        f"{folder}/",
        _storage(home) if is_remote else None,
        given_secret(home, "warehouse", "catalog_password"),
    )


def _required(home: Path, key: str) -> str:
    value = given_text(home, "warehouse", key)
    if not value:
        raise ConfigurationError(
            f"{key} of [warehouse] is missing", 'a warehouse with engine = "ducklake" needs catalog and data'
        )
    return value


def _storage(home: Path) -> ObjectStorage:
    endpoint, region = (given_text(home, "warehouse", f"s3_{key}") for key in ("endpoint", "region"))
    key_id, secret, token = (
        given_secret(home, "warehouse", f"s3_{key}") for key in ("key_id", "secret", "session_token")
    )
    url = urlsplit(endpoint)
    if endpoint and not (
        url.hostname and (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK))
    ):
        raise ConfigurationError(
            "s3_endpoint of [warehouse] is not an https URL", 'write it as s3_endpoint = "https://HOST"'
        )
    ca_file = given_text(home, "warehouse", "s3_ca_file")
    trusted = certificates(home.absolute(), "[warehouse]", ca_file, key="s3_ca_file") if ca_file else ""
    return ObjectStorage(endpoint, region, key_id, secret, token, trusted)
