"""Reading a listing page by page: as many as its total says, or else until a page is short."""

import itertools
from collections.abc import Callable, Iterator

from pipelines.common.errors import MalformedAnswer
from pipelines.extract.provider import Client, Page, Request
from pipelines.extract.raw_json import as_count

Count = tuple[str, bytes | None]
"""The name of a count, and its JSON as sent; None if it is missing."""


def pages_of(
    client: Client, request: Callable[[int, int], Request], read: Callable[[bytes], Page]
) -> Iterator[Page]:
    """Every page of a listing in order.

    `request` creates the request for a page from its number, which counts from 0, and the number of records
    before it. The size of the first page is the page size, because a server may cap it. Without a plausible
    total, pages are read one by one until one is shorter than the first.
    """
    first = client.get(request(0, 0), read)
    yield first
    size = len(first.records)
    if not size:
        return
    requests = (request(number, number * size) for number in itertools.count(1))
    if count := page_count_of(first):
        yield from client.get_all(itertools.islice(requests, count - 1), read)
        return
    for another in requests:
        page = client.get(another, read)
        yield page
        if len(page.records) < size:
            return


def page_count_of(first: Page) -> int | None:
    """The number of pages of a listing by its first page; None if its total is not plausible."""
    size = len(first.records)
    return -(-first.total // size) if first.total is not None and first.total >= size > 0 else None


def counted(records: tuple[bytes, ...], total: Count, page_count: Count = ("", None)) -> Page:
    """Create a page with the counts that it gives.

    If the total is missing or is not an integer, the records are still used, and the page says why the
    listing cannot be verified. The number of pages may be missing: the total is enough.
    """
    number, reason = _read(total)
    pages, other_reason = (None, None) if page_count[1] in (None, b"null") else _read(page_count)
    return Page(records, number, pages, reason or other_reason)


def _read(count: Count) -> tuple[int | None, str | None]:
    name, text = count
    try:
        return as_count(text, name), None
    except MalformedAnswer as error:
        return None, error.reason
