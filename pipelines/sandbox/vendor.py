"""What the simulations of the five vendors have in common."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from pipelines.sandbox.store import Store

Clock: TypeAlias = Callable[[], datetime]
"""The time, with its offset, that a simulated provider gives to what it writes."""

Setting: TypeAlias = str | list[int]


PROVIDERS = ("fone_dynamics", "matter", "rillsoft", "evovoice", "belltastic")


class Vendor(Protocol):
    """A vendor's API, and the records it lists."""

    @property
    def base_path(self) -> str:
        """The path at the end of `base_url`."""

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The settings that a user configures, except `base_url` and the secrets."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that a user configures."""

    @property
    def stores(self) -> Mapping[int | None, Store]:
        """The records by client, or under None if there are no clients."""

    def routes(self) -> Sequence[BaseRoute]:
        """The endpoints, relative to the vendor's own root."""

    def refuse(self, request: Request, status: int) -> Response:
        """The vendor's error for a path (404) or a method (405) that it does not have."""
