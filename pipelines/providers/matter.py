"""Matter: the projects of a company in Origin Connect API v2, by page number.

Source: the vendor's page of `GET /connect/v2/projects/get`. `status.state` decides success, also with HTTP
200. The page documents `numberOfPages` as a division, but not how it is rounded. So the number of pages is
computed from `numberOfElements`, in case the last page is lost to rounding.
"""

from collections.abc import Iterator

from pipelines.sdk import (
    AccessRefused,
    BearerAuth,
    Client,
    ErrorBody,
    ListingRequest,
    MalformedAnswer,
    Page,
    Provider,
    ProviderError,
    Request,
    Setting,
    Settings,
    Transient,
    as_text,
    counted,
    elements,
    members,
    pages_of,
    value,
)

FAILURES: dict[str, type[ProviderError]] = {
    "CE00000": Transient,  # unexpected
    "CE00001": MalformedAnswer,  # validation
    "CE00002": AccessRefused,  # not authorised
    "CE00003": AccessRefused,  # limit of the paid package
}


def auth(settings: Settings) -> BearerAuth:
    """Bearer, with the company's access token."""
    return BearerAuth(settings.text("access_token"))


def pages(client: Client, request: ListingRequest) -> Iterator[Page]:
    """Pages are numbered from 1."""
    size = request.settings.integer("page_size")

    def numbered(number: int, _records: int) -> Request:
        params: dict[str, str | int] = {"locale": request.settings.text("locale")}
        return Request("projects/get", params | {"pageNumber": number + 1, "pageSize": size})

    return pages_of(client, numbered, read_page)


def read_page(body: bytes) -> Page:
    """The records and the total of one page. `status.state` decides, not the HTTP status."""
    envelope = members(body)
    if "status" not in envelope:
        raise MalformedAnswer("the answer has no status")
    if as_text(members(envelope["status"]).get("state")) != "SUCCESS":
        raise MalformedAnswer("the answer's status does not report success")
    result = members(envelope.get("result", b"null"))
    search = result.get("searchInfo", b"null")
    counts = {} if search == b"null" else members(search)
    return counted(
        elements(result.get("data", b"null")),
        ("numberOfElements", counts.get("numberOfElements")),
        ("numberOfPages", counts.get("numberOfPages")),
    )


def error_body(body: bytes) -> ErrorBody | None:
    """`{"status": {"state": "ERROR", "code": "CE00001 - text", "messages": [...]}}`."""
    status = members(members(body).get("status", b"{}"))
    code = as_text(status.get("code"))
    if code is None:
        return None
    messages = value(status.get("messages", b"[]"))
    texts = [str(message) for message in messages] if isinstance(messages, list) else []
    prefix, _, text = code.partition(" - ")
    return ErrorBody(prefix, "; ".join([text, *texts] if text else texts), FAILURES.get(code[:7]))


PROVIDER = Provider(
    entity="projects",
    settings=(
        Setting("base_url", required=True, about="the URL of your installation; ends in /connect/v2"),
        Setting(
            "access_token", required=True, secret=True, about="the company's access token for Origin Connect"
        ),
        Setting("locale", default="en", about="de, es_MX, en, fr or zh_CN"),
        Setting(
            "page_size", "integer", 100, minimum=1, maximum=100, about="projects per request, at most 100"
        ),
    ),
    id_keys=("originId",),
    pages=pages,
    auth=auth,
    error_body=error_body,
)
