"""EvoVoice: the files of the accounts that a user can see; a file names the customer it belongs to.

Source: the vendor's page of `GET /files`. Pages count from 0. Keys are PascalCase in the documentation and
camelCase on the live service, so both are read. There are no API keys: a login sets session cookies, and a
session that has ended answers 401.
"""

from collections.abc import Iterator
from datetime import UTC

from pipelines.api import Api, Request
from pipelines.errors import Malformed
from pipelines.provider import Ask, ErrorBody, Page, Provider, Setting, Settings
from pipelines.strict_json import as_text, elements, first_of, members, whole_number


def auth(_settings: Settings) -> None:
    """None: the session's cookies carry the login."""


def sign_in(api: Api) -> None:
    """`POST /auth/credentials` sets `ss-id` and `ss-pid`."""
    credentials = {
        "provider": "credentials",
        "userName": api.settings.text("user_name"),
        "password": api.settings.text("password"),
        "rememberMe": True,
    }
    api.log_in("auth/credentials", credentials)


def pages(api: Api, ask: Ask) -> Iterator[Page]:
    """Oldest first, so that files created while it is read come last."""
    size = ask.settings.integer("page_size")
    window: dict[str, str | int] = {"SortField": "DateCreated", "SortOrder": "Ascend"}
    if ask.since is not None:
        window["DateCreatedStart"] = ask.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if accounts := ask.settings.texts("account_ids"):
        window["AccountIds"] = ",".join(accounts)

    def numbered(page: int) -> Request:
        return Request("files", {**window, "Page": page, "CountPerPage": size})

    first = api.get(numbered(0), read_page)
    yield first
    if first.records and first.total is not None:
        # A server may cap the count below what was asked: go by what the first page held.
        stride = len(first.records)
        yield from api.get_all(map(numbered, range(1, -(-first.total // stride))), read_page)


def read_page(body: bytes) -> Page:
    """The records and the totals of one page."""
    envelope = members(body)
    records = first_of(envelope, "items", "Items")
    if records is None:
        raise Malformed("the answer has no Items")
    return Page(
        elements(records),
        total=whole_number(first_of(envelope, "totalCount", "TotalCount"), "TotalCount"),
        page_count=whole_number(first_of(envelope, "totalPages", "TotalPages"), "TotalPages"),
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
        Setting("account_ids", "list", (), about="all accounts that the user sees, unless set"),
        Setting("page_size", "integer", 100, minimum=1, about="files per request"),
        Setting(
            "lookback_days",
            "integer",
            30,
            minimum=0,
            maximum=36_500,
            about="how far before the newest known file a night reads again",
        ),
        Setting(
            "full_every_days",
            "integer",
            7,
            minimum=0,
            maximum=36_500,
            about="how often all files are read; 0: every night",
        ),
    ),
    id_keys=("id", "Id"),
    pages=pages,
    auth=auth,
    sign_in=sign_in,
    error_body=error_body,
    volatile=frozenset({"uri", "Uri"}),
    created_keys=("dateCreated", "DateCreated"),
)
