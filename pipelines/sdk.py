"""All that a provider's module may import, in one list."""

from pipelines.common.errors import AccessRefused, MalformedAnswer, ProviderError, Transient
from pipelines.extract.auth import BearerAuth
from pipelines.extract.paging import counted, page_count_of, pages_of
from pipelines.extract.provider import (
    Client,
    ErrorBody,
    ListingRequest,
    Page,
    Provider,
    Request,
    Setting,
    Settings,
)
from pipelines.extract.raw_json import as_text, elements, first_of, is_list, members, value

__all__ = [
    "AccessRefused",
    "BearerAuth",
    "Client",
    "ErrorBody",
    "ListingRequest",
    "MalformedAnswer",
    "Page",
    "Provider",
    "ProviderError",
    "Request",
    "Setting",
    "Settings",
    "Transient",
    "as_text",
    "counted",
    "elements",
    "first_of",
    "is_list",
    "members",
    "page_count_of",
    "pages_of",
    "value",
]
