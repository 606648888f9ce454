"""Fone Dynamics: the Properties of an account, paged by count and skip.

Source: the vendor's page of `GET /v2/Properties`. The list is called `Properties` in the example and
`Projects` in the table; both work. The answer has a `NextPageToken`, but no parameter accepts it:
`TotalCount` says when the listing is complete.
"""

from collections.abc import Iterator
from urllib.parse import quote

from requests.auth import HTTPBasicAuth

from pipelines.sdk import (
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
    counted,
    elements,
    first_of,
    members,
    pages_of,
)


def auth(settings: Settings) -> HTTPBasicAuth:
    """Basic, with the AccountSid as user."""
    return HTTPBasicAuth(settings.text("account_sid"), settings.text("token"))


def pages(client: Client, request: ListingRequest) -> Iterator[Page]:
    """Each page skips the records of the earlier pages."""
    size = request.settings.integer("page_size")

    def skipping(_number: int, records: int) -> Request:
        return Request("Properties", {"Results_Count": size, "Results_Skip": records})

    return pages_of(client, skipping, read_page)


def read_page(body: bytes) -> Page:
    """The records and the total of one page."""
    envelope = members(body)
    records = first_of(envelope, "Properties", "Projects")
    if records is None:
        raise MalformedAnswer("the answer has neither Properties nor Projects")
    return counted(elements(records), ("TotalCount", envelope.get("TotalCount")))


def read_one(client: Client, _request: ListingRequest, record_id: str) -> bytes:
    """The current state of one Property."""

    def read(body: bytes) -> bytes:
        found = first_of(members(body), "Property", "Project")
        if found is None:
            raise MalformedAnswer("the answer has no Property")
        return found

    return client.get(Request(f"Properties/{quote(record_id, safe='')}"), read)


def error_body(body: bytes) -> ErrorBody | None:
    """`{"ResponseStatus": {"ErrorCode", "Message", "Errors": [{"FieldName"}]}}`."""
    status = members(body).get("ResponseStatus")
    if status is None:
        return None
    found = members(status)
    return ErrorBody(as_text(found.get("ErrorCode")) or "", as_text(found.get("Message")) or "")


PROVIDER = Provider(
    entity="projects",
    settings=(
        Setting("base_url", default="https://api.fonedynamics.com/v2"),
        Setting("account_sid", required=True, about="the AccountSid of the API credentials"),
        Setting("token", required=True, secret=True, about="the token that belongs to it"),
        Setting("page_size", "integer", 50, minimum=1, about="properties per request"),
    ),
    id_keys=("PropertySid",),
    pages=pages,
    auth=auth,
    error_body=error_body,
    read_one=read_one,
)
