"""A connection of a real provider with pages defined by the test: listings without HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.config.tables import COMMON
from pipelines.extract.connections import Connection
from pipelines.extract.provider import ListingRequest, Page, Settings, find_providers

PROVIDERS = find_providers(Path("/nonexistent"))

Pages = Callable[[Any, ListingRequest], Iterator[Page]]


def scripted(name: str, provider: str, pages: Pages | None = None, **settings: object) -> Connection:
    """A connection with these settings and the defaults; without `pages`, it sends requests as usual."""
    known = PROVIDERS[provider]
    described = replace(known, pages=pages) if pages else known
    values = {setting.name: setting.default for setting in (*COMMON, *known.settings)}
    return Connection(name, provider, described, Settings(values | settings))
