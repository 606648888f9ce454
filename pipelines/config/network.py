"""Checks of settings about the network: URLs, proxies and certificates."""

import errno
import ipaddress
import re
import ssl
import stat
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.common.errors import ConfigurationError
from pipelines.config.files import path_of
from pipelines.config.tables import Settings

# What to do about a proxy that asks for credentials, which Rollcall never sends to one.
PROXY_CREDENTIALS = "let the proxy know this machine, or name a proxy on this machine that adds them"


def check_base_url(connection: str, url: str) -> None:
    """Raise ConfigurationError unless `url` is a host and a path, with https except to this machine."""
    wrong = f"base_url of {connection} is {url!r}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(wrong, "give a complete URL such as https://example.com/api") from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", url):
        raise ConfigurationError(wrong, "give a complete URL such as https://example.com/api")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"base_url of {connection} has more than a host and a path",
            "leave out credentials, query and fragment",
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(wrong, "use https; plain http is allowed only to this machine")


def check_proxy(owner: str, url: str) -> None:
    """Raise ConfigurationError if a proxy is not a URL of a host, without credentials."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        is_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_host = False
    is_bare = is_host and not (
        parts.path.strip("/") or parts.query or parts.fragment or re.search(r"\s", url)
    )
    if not is_bare or parts.scheme not in {"http", "https"}:
        raise ConfigurationError(
            f"proxy of {owner} is not a URL of a proxy", "give one such as http://proxy.example.com:3128"
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            f"proxy of {owner} contains credentials",
            PROXY_CREDENTIALS,
        )


def proxies(settings: Settings) -> dict[str, str]:
    """The proxy of these settings in the form of `requests`; none from the environment."""
    proxy = settings.text("proxy")
    return {"http": proxy, "https": proxy} if proxy else {}


def certificates(home: Path, owner: str, file: str, *, key: str = "ca_file") -> str:
    """The absolute path of a file of certificates. Raises ConfigurationError if it cannot be read."""
    path = path_of(home, file, f"{key} of {owner}")
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for a writer
            raise OSError(errno.EINVAL, "not a regular file")
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        reason = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(
            f"{key} of {owner} is {file}, which cannot be read ({reason})",
            "name a file of certificates in PEM form",
        ) from None
    return str(path)


def is_loopback(host: str) -> bool:
    """Whether `host` is a loopback address or `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
