"""EvoVoice: the files of the accounts that a user can see; a file names the customer it belongs to.

Source: the vendor's page of `GET /files`. The vendor's client counts pages from 0. A server that counts from
1, and returns its first page for 0 too, also works. Keys are PascalCase in the documentation and camelCase on
the live service; both work. There are no API keys: a login sets session cookies, and an expired session gives
401.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC

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
    page_count_of,
    pages_of,
)


def auth(_settings: Settings) -> None:
    """None: the session's cookies identify the user."""


def sign_in(client: Client) -> None:
    """`POST /auth/credentials` sets `ss-id` and `ss-pid`."""
    credentials = {
        "provider": "credentials",
        "userName": client.settings.text("user_name"),
        "password": client.settings.text("password"),
        "rememberMe": True,
    }
    client.post_login("auth/credentials", credentials)


def pages(client: Client, request: ListingRequest) -> Iterator[Page]:
    """Oldest first, so that files created during the listing come last."""
    size = request.settings.integer("page_size")
    params: dict[str, str | int] = {"SortField": "DateCreated", "SortOrder": "Ascend"}
    if request.since is not None:
        params["DateCreatedStart"] = request.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if accounts := request.settings.texts("account_ids"):
        params["AccountIds"] = ",".join(accounts)

    def numbered(number: int, _records: int = 0) -> Request:
        return Request("files", {**params, "Page": number, "CountPerPage": size})

    walk = pages_of(client, numbered, read_page)
    first = next(walk)
    yield first
    second = next(walk, None)
    if second is None:
        return
    counts_from_1 = _ids(second) == _ids(first)
    if not counts_from_1:
        yield second
    yield from walk
    if counts_from_1 and (count := page_count_of(first)):
        yield client.get(numbered(count), read_page)


def _ids(page: Page) -> list[bytes]:
    """What identifies the records of a page: their `Uri` may differ on every request."""
    return [_id(record) or record for record in page.records]


def _id(record: bytes) -> bytes | None:
    with contextlib.suppress(MalformedAnswer):
        return first_of(members(record), "id", "Id")
    return None


def read_page(body: bytes) -> Page:
    """The records and the totals of one page."""
    envelope = members(body)
    records = first_of(envelope, "items", "Items")
    if records is None:
        raise MalformedAnswer("the answer has no Items")
    return counted(
        elements(records),
        ("TotalCount", first_of(envelope, "totalCount", "TotalCount")),
        ("TotalPages", first_of(envelope, "totalPages", "TotalPages")),
    )


def error_body(body: bytes) -> ErrorBody | None:
    """ServiceStack's `{"responseStatus": {"errorCode", "message", "errors": []}}`."""
    status = first_of(members(body), "responseStatus", "ResponseStatus")
    if status is None:
        return None
    found = members(status)
    code = as_text(first_of(found, "errorCode", "ErrorCode"))
    return ErrorBody(code or "", as_text(first_of(found, "message", "Message")) or "")


PROVIDER = Provider(
    entity="files",
    settings=(
        Setting("base_url", default="https://evovoice.io"),
        Setting(
            "user_name", required=True, about="a user with the role Manager, Customer or SystemAdministrator"
        ),
        Setting("password", required=True, secret=True, about="its password: there are no API keys"),
        Setting("account_ids", "list", (), about="the accounts to list; if unset, all that the user sees"),
        Setting("page_size", "integer", 100, minimum=1, about="files per request"),
        Setting("time_zone", about="zone of times without an offset, such as Europe/Berlin; UTC if unset"),
        Setting(
            "lookback_days",
            "integer",
            30,
            minimum=0,
            maximum=36_500,
            about="how many days before the newest known file a run reads again",
        ),
        Setting(
            "full_every_days",
            "integer",
            7,
            minimum=0,
            maximum=36_500,
            about="how many days until a run reads all files again; 0: every run does",
        ),
    ),
    id_keys=("id", "Id"),
    pages=pages,
    auth=auth,
    sign_in=sign_in,
    error_body=error_body,
    volatile=frozenset({"uri", "Uri"}),
    created_keys=("dateCreated", "DateCreated"),
    time_zone=lambda settings: settings.text("time_zone") or None,
)
