"""Rillsoft Integration Server: the active projects of each client, one unpaged list per client.

Source: the vendor's page of `GET /api/v2/clients/{client_id}/projects`. `details` is the list on
success and a string on error. `isReadOnly` and `lock*` depend on the caller and the moment, so they do not
count as changes of a project.
"""

from collections.abc import Iterator
from urllib.parse import quote

from pipelines.sdk import (
    BearerAuth,
    Client,
    ErrorBody,
    ListingRequest,
    MalformedAnswer,
    Page,
    Provider,
    Request,
    Setting,
    Settings,
    as_text,
    elements,
    is_list,
    members,
)


def auth(settings: Settings) -> BearerAuth:
    """Bearer, with a JWT that the server's operator issues."""
    return BearerAuth(settings.text("access_token"))


def scopes(settings: Settings) -> tuple[str | None, ...]:
    """Each client has its own listing."""
    return tuple(dict.fromkeys(settings.texts("client_ids")))


def pages(client: Client, request: ListingRequest) -> Iterator[Page]:
    """The only page of the client `request.scope`."""
    permission = request.settings.text("permission")
    params = {"permission": permission} if permission else None
    yield client.get(Request(f"clients/{quote(request.scope or '', safe='')}/projects", params), read_page)


def read_page(body: bytes) -> Page:
    """The whole list. An error can come with status 200: `status` and `details` must both say success."""
    envelope = members(body)
    details = envelope.get("details", b"null")
    if as_text(envelope.get("status")) != "success" or not is_list(details):
        raise MalformedAnswer("the answer has no list of projects")
    return Page(elements(details))


def error_body(body: bytes) -> ErrorBody | None:
    """`{"status": "error", "code": 403, "message": "Access denied", "details": "…"}`."""
    envelope = members(body)
    if "message" not in envelope or as_text(envelope.get("status")) == "success":
        return None
    details = envelope.get("details")
    texts = [as_text(envelope["message"]), None if details and is_list(details) else as_text(details)]
    return ErrorBody(as_text(envelope.get("code")) or "", ", ".join(text for text in texts if text))


PROVIDER = Provider(
    entity="projects",
    settings=(
        Setting("base_url", required=True, about="the URL of your server; ends in /api/v2"),
        Setting("client_ids", "list", required=True, about="the clients (tenants) to list, such as [1, 2]"),
        Setting("access_token", required=True, secret=True, about="a JWT that the server's operator issues"),
        Setting("time_zone", default="UTC", about="zone of the server's times, which have no offset"),
        Setting(
            "permission", about="list only what this allows: ProjectRead, ProjectModify or ProjectCreate"
        ),
    ),
    id_keys=("id",),
    pages=pages,
    auth=auth,
    error_body=error_body,
    scopes=scopes,
    volatile=frozenset({"isReadOnly", "lockAt", "lockUserId", "lockUserName"}),
    time_zone=lambda settings: settings.text("time_zone"),
)
