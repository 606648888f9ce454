"""What the stand-ins of the five vendors have in common."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from pipelines.sandbox.store import Store

Clock: TypeAlias = Callable[[], datetime]
"""The time, with its offset, that a stand-in stamps on what it writes."""

Setting: TypeAlias = str | list[int]


PROVIDERS = ("fone_dynamics", "matter", "rillsoft", "evovoice", "belltastic")


class Vendor(Protocol):
    """A vendor's API over the records it lists."""

    @property
    def base_path(self) -> str:
        """The path under which `base_url` ends."""

    @property
    def settings(self) -> Mapping[str, Setting]:
        """What a user configures besides `base_url` and the secrets."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """What a user configures as secret."""

    @property
    def stores(self) -> Mapping[int | None, Store]:
        """The records by client, or under None where there are no clients."""

    def routes(self) -> Sequence[BaseRoute]:
        """The endpoints, relative to the vendor's own root."""

    def refuse(self, request: Request, status: int) -> Response:
        """The vendor's error for a path (404) or a method (405) that it does not have."""
