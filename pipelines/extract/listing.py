"""One listing: read page by page, read again if it changed meanwhile, and verified or not.

A listing is verified if it ended by the provider's own sign and everything that the provider said agrees: the
number of distinct ids equals every total, no id came with different content, no page came twice, and every
record had an id. Without totals, one complete, valid answer verifies a listing of one page.

Records can change while pages are read one after the other. If a record disappears from a page already read,
a later record moves to that page and is missed. If another record is added, the total stays the same. In that
case, the reading contains a record that no longer existed at its end. So a listing of several pages that
lacks a known record is read again. It is verified by a reading that contains everything of the reading
before: then no record had disappeared. Without a total, two readings must have the same ids in the same
order.
"""

import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.common.errors import MalformedAnswer, ProviderError
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import Connection
from pipelines.extract.provider import ListingRequest, Page
from pipelines.extract.records import Record, Texts, read_record

RE_READINGS = 3
MOST_EMPTY_PAGES = 100  # with these, a reading fails


@dataclass(frozen=True)
class Batch:
    """Records of one page, in the order received. `reading` counts the readings of the listing from 0."""

    reading: int
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Listing:
    """The result of one listing. `reading` is the reading that counts; None if nothing was received.

    `doubt` says why it is not verified; None if it is. `records` is the number received in that reading.
    `error_kind` is the kind of the error that ended it; None if none did.
    """

    connection: Connection
    scope: str | None
    since: datetime | None
    reading: int | None
    pages: int
    records: int
    requests: int
    retries: int
    seconds: float
    doubt: str | None
    error_kind: str | None


@dataclass
class Reading:
    """One reading of a listing: the records received, and the reasons to doubt it."""

    pages: int = 0
    records: int = 0
    empty_pages: int = 0
    nameless: int = 0
    ended: bool = False
    seen: dict[str, int] = field(default_factory=dict)  # id -> hash of its content
    conflicts: set[str] = field(default_factory=set)
    totals: set[int] = field(default_factory=set)
    page_counts: set[int] = field(default_factory=set)
    page_size: int = 0
    uncounted: str | None = None  # why a page does not give a total
    fingerprints: set[int] = field(default_factory=set)

    def take(self, page: Page, records: tuple[Record, ...]) -> None:
        """Count one page. Raises MalformedAnswer, and takes nothing, if the provider repeats a page."""
        fingerprint = hash(page.records)
        if records and fingerprint in self.fingerprints:
            raise MalformedAnswer("it repeats an earlier page", "check the provider's paging")
        if not records and self.empty_pages == MOST_EMPTY_PAGES:
            raise MalformedAnswer(f"{MOST_EMPTY_PAGES} pages were empty", "check the provider's paging")
        self.fingerprints.add(fingerprint)
        self.pages += 1
        self.empty_pages += not records
        self.records += len(records)
        self.page_size = self.page_size or len(records)
        self.uncounted = self.uncounted or page.doubt
        if page.total is not None:
            self.totals.add(page.total)
        if page.page_count is not None:
            self.page_counts.add(page.page_count)
        # Takes a third of the memory of strings.
        contents = [
            (record.record_id, hash(record.canonical_hash or record.content_hash)) for record in records
        ]
        came = {record_id: content for record_id, content in contents if record_id is not None}
        if len(came) == len(contents) and self.seen.keys().isdisjoint(came):
            self.seen |= came  # true for nearly every page
            return
        for record_id, content in contents:
            if record_id is None:
                self.nameless += 1
            elif self.seen.setdefault(record_id, content) != content:
                self.conflicts.add(record_id)

    @property
    def may_move(self) -> bool:
        """Whether another reading might show more than this one."""
        return bool(self.totals) or (self.pages > 1 and self.uncounted is None)

    @property
    def is_undecided(self) -> bool:
        """Whether ids came twice with different bytes, and there is no other doubt so far.

        Only an exact reading shows whether their content is the same.
        """
        return bool(self.conflicts) and self.uncounted is None

    def doubt(self) -> str | None:
        """The reason to doubt this reading by itself, or None."""
        return next(self._doubts(), None)

    def doubt_about_absence(self, known: Set[str], previous: "Reading | None") -> str | None:
        """Why records missing from this reading may still exist; None if they are certainly gone.

        `previous` is the reading before, if there is no doubt about it.
        """
        if self.pages <= 1 or (self.totals and known <= self.seen.keys()):
            return None
        if previous is None:
            return "no second reading confirmed it"
        if self.totals:
            gone = len(previous.seen.keys() - self.seen.keys())
            return (
                f"it changed while it was read: {gone} records of one reading were missing in the next"
                if gone
                else None
            )
        same = list(previous.seen) == list(self.seen)
        return None if same else "it gives no total, and no two readings agree"

    def _doubts(self) -> Iterator[str]:
        if self.uncounted:
            yield self.uncounted
        if len(self.totals) > 1:
            yield f"its total changed while it was read: {_numbers(self.totals)}"
        if self.conflicts:
            yield f"{len(self.conflicts)} ids appeared twice with different content"
        if self.nameless:
            yield f"{self.nameless} records have no readable id"
        for total in self.totals:
            if len(self.seen) != total:
                yield f"the provider counts {total} records, but {len(self.seen)} were received"
            if not self.page_counts <= self._fitting_page_counts(total):
                yield f"{total} records do not match {_numbers(self.page_counts)} pages"

    def _fitting_page_counts(self, total: int) -> set[int]:
        """Accept any rounding, and a page or none for an empty listing: no vendor documents either."""
        if not self.page_size:
            return {0, 1}
        return {total // self.page_size, -(-total // self.page_size)}


def read_listing(
    api: HttpClient,
    connection: Connection,
    ask: ListingRequest,
    known: Texts,
    progress: Callable[[int, int], None],
    finish: Callable[[Listing], None],
) -> Iterator[Batch]:
    """Yield the pages of every reading of one listing, then call `finish` with the result.

    `known` are the known records. `progress` is called with the numbers of pages and records so far. It never
    raises because of a provider.
    """
    began = time.monotonic()
    expected = frozenset(known.values())
    drop = connection.settings.texts("drop_fields")
    requests, retries = api.traffic.requests, api.traffic.retries
    best: tuple[int, Reading] | None = None
    previous: Reading | None = None
    doubt: str | None = None
    error_kind: str | None = None
    exact = False
    for number in range(1 + RE_READINGS):
        reading = Reading()
        failure = error_kind = None
        try:
            for page in connection.provider.pages(api, ask):
                records = tuple(
                    read_record(connection.provider, drop, text, known, exact=exact) for text in page.records
                )
                reading.take(page, records)
                yield Batch(number, records)
                progress(reading.pages, reading.records)
            reading.ended = True
        except ProviderError as error:
            failure, error_kind = str(error), error.kind
        except Exception as error:  # noqa: BLE001 - a provider's module must not end the other connections
            failure = f"its module failed: {type(error).__name__}: {connection.quote(str(error))}"
            error_kind = "module"
        if reading.ended or (best is None and reading.pages):
            best = number, reading
        own = _at_page(reading, failure) if failure else reading.doubt()
        doubt = own or reading.doubt_about_absence(expected, previous)
        is_undecided = reading.is_undecided and not exact
        if failure or doubt is None or not (is_undecided or (reading.may_move and not reading.nameless)):
            break  # verified, or another reading would not show more
        exact = exact or is_undecided
        previous = None if own else reading
    counted = best[1] if best else Reading()
    finish(
        Listing(
            connection=connection,
            scope=ask.scope,
            since=ask.since,
            reading=best[0] if best else None,
            pages=counted.pages,
            records=counted.records,
            requests=api.traffic.requests - requests,
            retries=api.traffic.retries - retries,
            seconds=time.monotonic() - began,
            doubt=doubt and connection.redact(doubt),
            error_kind=error_kind,
        )
    )


def _at_page(reading: Reading, failure: str) -> str:
    return f"page {reading.pages + 1}: {failure}"


def _numbers(counts: set[int]) -> str:
    return " and ".join(str(count) for count in sorted(counts))
