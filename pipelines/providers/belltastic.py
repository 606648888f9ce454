"""Belltastic: the projects that a user's token can see, as one bare array.

Source: the vendor's page of the Projects API. Lists are at `projects`, one project at `project/{id}`. The API
needs a paid plan. The page does not say which status an expired plan gives, so 402 and 403 mean the same
here.
"""

from collections.abc import Iterator
from urllib.parse import quote

from pipelines.sdk import (
    BearerAuth,
    Client,
    ErrorBody,
    ListingRequest,
    Page,
    Provider,
    Request,
    Setting,
    Settings,
    as_text,
    elements,
    members,
)


def auth(settings: Settings) -> BearerAuth:
    """Bearer, with a user's token (`user_…`); a project's token is refused."""
    return BearerAuth(settings.text("api_token"))


def pages(client: Client, _request: ListingRequest) -> Iterator[Page]:
    """The only page. Anything but an array is an error, never an empty listing."""
    yield client.get(Request("projects"), lambda body: Page(elements(body)))


def read_one(client: Client, _request: ListingRequest, record_id: str) -> bytes:
    """The current state of one project."""

    def read(body: bytes) -> bytes:
        members(body)
        return body

    return client.get(Request(f"project/{quote(record_id, safe='')}"), read)


def error_body(body: bytes) -> ErrorBody | None:
    """`{"message": "…", "errors": {field: ["…"]}}`."""
    found = members(body)
    message = as_text(found.get("message"))
    return None if message is None else ErrorBody("message", message)


PROVIDER = Provider(
    entity="projects",
    settings=(
        Setting("base_url", default="https://belltastic.com/api/v1"),
        Setting(
            "api_token",
            required=True,
            secret=True,
            about="a user's token (user_…), not a project's (proj_…)",
        ),
    ),
    id_keys=("id",),
    pages=pages,
    auth=auth,
    error_body=error_body,
    read_one=read_one,
)
