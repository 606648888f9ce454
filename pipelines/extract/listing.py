"""One listing: read page by page, read again if it changed meanwhile, and verified or not.

A listing is verified if it was read to its end and everything that the provider states agrees:
the number of distinct ids equals every total, no id had different contents, no page was repeated, and
every record had an id. Without totals, one complete, valid answer verifies a listing of one page.

Records can change while pages are read one after the other. If a record disappears from a page already read,
a later record moves to that page and is missed; if another record is added, the total does not show it. But
such a reading contains the record that disappeared. So a listing of several pages that lacks a known record
is read again, and verified by a reading that contains everything of the reading before it: then no record
had disappeared. Without a total, two readings must have the same ids in the same order.
"""

import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.common.errors import MalformedAnswer, ProviderError
from pipelines.common.text import counted
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import Connection
from pipelines.extract.provider import ListingRequest, Page
from pipelines.extract.records import KnownRecords, Record, read_record

RE_READINGS = 3
MOST_EMPTY_PAGES = 100  # a reading with more fails


@dataclass(frozen=True)
class Batch:
    """Records of one page, in the order received. `reading` counts the readings of the listing from 0."""

    reading: int
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Listing:
    """The result of one listing. `reading` is the reading that counts; None if nothing was received.

    `unverified_reason` says why it is not verified; None if it is. `records` is the number received in that
    reading. `error_kind` is the kind of the error that ended it; None if none did.
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
    unverified_reason: str | None
    error_kind: str | None


@dataclass
class Reading:
    """One reading of a listing: the records received, and the reasons why it is not verified."""

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
        """Count one page. Raises MalformedAnswer if it repeats an earlier page, or if too many were empty."""
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
        self.uncounted = self.uncounted or page.unverified_reason
        if page.total is not None:
            self.totals.add(page.total)
        if page.page_count is not None:
            self.page_counts.add(page.page_count)
        # Integers take a third of the memory of strings.
        contents = [
            (record.record_id, hash(record.canonical_hash or record.content_hash)) for record in records
        ]
        by_id = {record_id: content for record_id, content in contents if record_id is not None}
        if len(by_id) == len(contents) and self.seen.keys().isdisjoint(by_id):
            self.seen |= by_id  # true for nearly every page
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
        """Whether the only doubt so far is ids that were received twice with different bytes.

        Only an exact reading shows whether their contents are equal.
        """
        return bool(self.conflicts) and self.uncounted is None

    def unverified_reason(self) -> str | None:
        """Why this reading by itself is not verified; None if it is."""
        return next(self._unverified_reasons(), None)

    def reason_against_removals(self, known: Set[str], previous: "Reading | None") -> str | None:
        """Why records missing from this reading may still exist; None if they are certainly gone.

        `previous` is the reading before, if it is verified by itself.
        """
        if self.pages <= 1 or (self.totals and known <= self.seen.keys()):
            return None
        if previous is None:
            return "no second reading confirmed it"
        if self.totals:
            gone = len(previous.seen.keys() - self.seen.keys())
            return (
                f"it changed while it was read: {counted(gone, 'record')} of one reading "
                f"{'was' if gone == 1 else 'were'} missing in the next"
                if gone
                else None
            )
        same = list(previous.seen) == list(self.seen)
        return None if same else "it gives no total, and no two readings agree"

    def _unverified_reasons(self) -> Iterator[str]:
        if self.uncounted:
            yield self.uncounted
        if len(self.totals) > 1:
            yield f"its total changed while it was read: {_numbers(self.totals)}"
        if self.conflicts:
            yield f"{counted(len(self.conflicts), 'id')} appeared twice with different content"
        if self.nameless:
            yield f"{counted(self.nameless, 'record has', 'records have')} no readable id"
        for total in self.totals:
            if len(self.seen) != total:
                received = "1 was" if len(self.seen) == 1 else f"{len(self.seen):,} were"
                yield f"the provider counts {counted(total, 'record')}, but {received} received"
            if not self.page_counts <= self._fitting_page_counts(total):
                yield f"{counted(total, 'record does', 'records do')} not match {_pages(self.page_counts)}"

    def _fitting_page_counts(self, total: int) -> set[int]:
        """The numbers of pages that match a total. Vendors document neither rounding nor empty listings."""
        if not self.page_size:
            return {0, 1}
        return {total // self.page_size, -(-total // self.page_size)}


class ListingReader:
    """Reads one listing, again if it changed meanwhile, and keeps its result."""

    def __init__(
        self,
        api: HttpClient,
        connection: Connection,
        request: ListingRequest,
        known: KnownRecords,
        progress: Callable[[int, int], None],
    ) -> None:
        """`progress` is called with the numbers of pages and records so far."""
        self._api = api
        self._connection = connection
        self._request = request
        self._known = known
        self._progress = progress
        self._drop = connection.settings.texts("drop_fields")
        # The reading that counts, and why it is not verified.
        self._best_number: int | None = None
        self._best = Reading()
        self._reason: str | None = None
        self._failure: str | None = None
        self._error_kind: str | None = None
        self._result: Listing | None = None

    @property
    def result(self) -> Listing:
        """The result, once all batches have been read."""
        assert self._result is not None
        return self._result

    def batches(self) -> Iterator[Batch]:
        """Yield the records of every page of every reading. Never raises because of a provider."""
        began = time.monotonic()
        requests, retries = self._api.traffic.requests, self._api.traffic.retries
        yield from self._readings()
        self._result = Listing(
            connection=self._connection,
            scope=self._request.scope,
            since=self._request.since,
            reading=self._best_number,
            pages=self._best.pages,
            records=self._best.records,
            requests=self._api.traffic.requests - requests,
            retries=self._api.traffic.retries - retries,
            seconds=time.monotonic() - began,
            unverified_reason=self._reason and self._connection.redact(self._reason),
            error_kind=self._error_kind,
        )

    def _readings(self) -> Iterator[Batch]:
        """Yield the pages of every reading, until one is verified or another reading would not help."""
        expected = frozenset(self._known.values())
        previous: Reading | None = None
        exact = False
        for number in range(1 + RE_READINGS):
            reading = Reading()
            yield from self._read(reading, number, exact=exact)
            if reading.ended or (self._best_number is None and reading.pages):
                self._best_number, self._best = number, reading
            own_reason = (
                f"page {reading.pages + 1}: {self._failure}" if self._failure else reading.unverified_reason()
            )
            self._reason = own_reason or reading.reason_against_removals(expected, previous)
            is_undecided = reading.is_undecided and not exact
            may_show_more = is_undecided or (reading.may_move and not reading.nameless)
            if self._failure or self._reason is None or not may_show_more:
                return
            exact = exact or is_undecided
            previous = None if own_reason else reading

    def _read(self, reading: Reading, number: int, *, exact: bool) -> Iterator[Batch]:
        """Yield the pages of one reading, and record in `reading` what they say."""
        provider = self._connection.provider
        self._failure = self._error_kind = None
        try:
            for page in provider.pages(self._api, self._request):
                records = tuple(
                    read_record(provider, self._drop, text, self._known, exact=exact) for text in page.records
                )
                reading.take(page, records)
                yield Batch(number, records)
                self._progress(reading.pages, reading.records)
            reading.ended = True
        except ProviderError as error:
            self._failure, self._error_kind = str(error), error.kind
        except Exception as error:  # noqa: BLE001 - a provider's module must not end the other connections
            name = type(error).__name__
            self._failure = f"its module failed: {name}: {self._connection.quote(str(error))}"
            self._error_kind = "module"


def _numbers(counts: set[int]) -> str:
    return " and ".join(f"{count:,}" for count in sorted(counts))


def _pages(counts: set[int]) -> str:
    return "1 page" if counts == {1} else f"{_numbers(counts)} pages"
