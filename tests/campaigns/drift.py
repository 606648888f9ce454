"""Page drift: listings read page by page while records are added, removed and moved; without HTTP.

A listing here holds sixty records in pages of ten. Between two requests, as many changes happen as the rate
says: a record is added, removed, moved, or returns. Requests of one listing overtake each other, as parallel
requests do.

`make campaign-drift` plays every style at every rate and prints a table, SEEDS=2000 listings for each.
"""

import json
import math
import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipelines.extract.listing import ListingReader
from pipelines.extract.provider import ListingRequest, Page, Request
from pipelines.extract.raw_json import elements
from pipelines.extract.records import KnownRecords
from tests.support.scripted import Pages, scripted

T = TypeVar("T")

RATES = (0.01, 0.05, 0.2, 1.0)
"""What happens between two requests, on average: quiet to busy."""
RECORDS, PAGE_SIZE, IN_FLIGHT = 60, 10, 4
LINE = "{:<30}{:>6}{:>10}{:>10}{:>10}{:>10}{:>10}{:>7}{:>12}{:>10}{:>7}"


class World:
    """The records of a provider, in its order, and how they change while it is read."""

    def __init__(self, chance: random.Random, rate: float, *, appends: bool) -> None:
        self.chance = chance
        self.rate = rate
        self.appends = appends
        self.live = [f"{number}" for number in range(RECORDS)]
        self.steady = set(self.live)
        self.gone: list[str] = []
        self.born = RECORDS

    def request(self) -> list[str]:
        """The answer to a request, after the changes since the previous one."""
        while self.chance.random() >= math.exp(-self.rate):  # in proportion to how often each change happens
            self.chance.choices((self.come, self.go, self.move, self.come_back), (45, 45, 8, 2))[0]()
            if self.chance.random() < 0.5:  # the total does not show a record that replaces a removed one
                self.chance.choice((self.come, self.go))()
        return self.live

    def come(self) -> None:
        self.born += 1
        self.put(str(self.born))

    def go(self) -> None:
        if self.live:
            self.gone.append(self.live.pop(self.chance.randrange(len(self.live))))
            self.steady.discard(self.gone[-1])

    def move(self) -> None:
        if self.live:
            self.put(self.live.pop(self.chance.randrange(len(self.live))))

    def come_back(self) -> None:
        if self.gone:
            self.put(self.gone.pop())

    def put(self, record: str) -> None:
        at = len(self.live) if self.appends else self.chance.randint(0, len(self.live))
        self.live.insert(at, record)


@dataclass
class RequestCounter:
    requests: int = 0
    retries: int = 0


@dataclass
class DriftingApi:
    """Replaces `HttpClient`: answers a request for a page from a world."""

    style: "Style"
    world: World
    traffic: RequestCounter = field(default_factory=RequestCounter)

    def get(self, request: Request, read: Callable[[bytes], T]) -> T:
        self.traffic.requests += 1
        live = self.world.request()
        params: Any = request.params
        page = live[self.style.page(params)]
        rows = [{self.style.id_key: record} for record in page]
        return read(json.dumps(self.style.envelope(rows, len(live))).encode())

    def get_all(self, wanted: Iterable[Request], read: Callable[[bytes], T]) -> Iterator[T]:
        """The answers in the order of the requests; parallel requests are answered in any order."""
        waiting = list(wanted)
        while waiting:
            sent, waiting = waiting[:IN_FLIGHT], waiting[IN_FLIGHT:]
            order = self.world.chance.sample(range(len(sent)), len(sent))
            answers = {at: self.get(sent[at], read) for at in order}
            yield from (answers[at] for at in range(len(sent)))


@dataclass(frozen=True)
class Style:
    """How a provider pages: which records a request asks for, and what its answer looks like.

    `appends` says that new records come last. `pages` are used if no provider pages in this way.
    """

    provider: str
    id_key: str
    page: Callable[[dict[str, int]], slice]
    envelope: Callable[[list[Any], int], object]
    appends: bool = False
    pages: Pages | None = None


def page_from(start: int) -> slice:
    return slice(start, start + PAGE_SIZE)


def pages_without_total(api: Any, _ask: ListingRequest) -> Iterator[Page]:
    """Skip further until a page is not full."""
    skip = 0
    while True:
        page = api.get(Request("things", {"skip": skip}), lambda body: Page(elements(body)))
        yield page
        skip += PAGE_SIZE
        if len(page.records) < PAGE_SIZE:
            return


STYLES = {
    "skip and total": Style(
        "fone_dynamics",
        "PropertySid",
        lambda params: page_from(params["Results_Skip"]),
        lambda rows, total: {"Properties": rows, "TotalCount": total},
    ),
    "page and total": Style(
        "matter",
        "originId",
        lambda params: page_from(PAGE_SIZE * (params["pageNumber"] - 1)),
        lambda rows, total: {
            "status": {"state": "SUCCESS"},
            "result": {
                "searchInfo": {"numberOfElements": total, "numberOfPages": -(-total // PAGE_SIZE)},
                "data": rows,
            },
        },
    ),
    "page and total, oldest first": Style(
        "evovoice",
        "id",
        lambda params: page_from(PAGE_SIZE * params["Page"]),
        lambda rows, total: {"items": rows, "totalCount": total, "totalPages": -(-total // PAGE_SIZE)},
        appends=True,
    ),
    "no total": Style(
        "belltastic",
        "id",
        lambda params: page_from(params["skip"]),
        lambda rows, _total: rows,
        pages=pages_without_total,
    ),
    "one page": Style("belltastic", "id", lambda _params: slice(None), lambda rows, _total: rows),
}


@dataclass
class Measured:
    """Sums over many listings. `steady` counts the records that were there from before to after a listing."""

    listings: int = 0
    verified: int = 0
    requests: int = 0
    steady: int = 0
    missed: int = 0
    removed: int = 0
    false_removals: int = 0


def texts_of(ids: Iterable[str]) -> KnownRecords:
    """These ids as known records, with texts that no later answer repeats."""
    return {f"of {record_id}": record_id for record_id in ids}


def measure(
    name: str, rate: float, seeds: Iterable[int], *, confirm: bool = True, all_known: bool = False
) -> Measured:
    """Read a listing per seed. A few known records have gone before, a few live ones are not known yet;
    with `all_known` what is known and what is there are the same.

    Without `confirm` the reading does not know what it should bring: absence is then believed at once.
    """
    style = STYLES[name]
    connection = scripted("drift", style.provider, style.pages, page_size=PAGE_SIZE)
    measured = Measured()
    for seed in seeds:
        world = World(random.Random(f"{name} {rate} {seed}"), rate, appends=style.appends)
        known = set(world.live)
        before = () if all_known else (world.go, world.come)
        for happen in before:
            for _ in range(world.chance.randrange(3)):
                happen()
        world.gone.clear()
        world.steady = set(world.live)
        api: Any = DriftingApi(style, world)
        request = ListingRequest(connection.settings)
        expected = texts_of(known) if confirm else {}
        readings: dict[int, set[str | None]] = {}
        reader = ListingReader(api, connection, request, expected, lambda *_: None)
        for batch in reader.batches():
            readings.setdefault(batch.reading, set()).update(record.record_id for record in batch.records)
        listing = reader.result
        measured.listings += 1
        measured.requests += listing.requests
        if listing.unverified_reason is None and listing.reading is not None:
            came = readings.get(listing.reading, set())
            measured.verified += 1
            measured.steady += len(world.steady)
            measured.missed += len(world.steady - came)
            measured.removed += len(known - came)
            measured.false_removals += len((known & world.steady) - came)
    return measured


def table(seeds: Iterable[int]) -> Iterator[str]:
    """A line for every style at every rate; the last three columns are of readings that confirm nothing."""
    names = ("style", "rate", "listings", "verified %", "requests", "missed %", "removals", "false")
    yield LINE.format(*names, "verified %", "requests", "false")
    missed = steady = false_removals = 0
    for name in STYLES:
        for rate in RATES:
            found, hasty = (measure(name, rate, seeds, confirm=confirm) for confirm in (True, False))
            yield LINE.format(
                name,
                rate,
                found.listings,
                f"{100 * found.verified / found.listings:.1f}",
                f"{found.requests / found.listings:.1f}",
                f"{100 * found.missed / max(found.steady, 1):.4f}",
                found.removed,
                found.false_removals,
                f"{100 * hasty.verified / hasty.listings:.1f}",
                f"{hasty.requests / hasty.listings:.1f}",
                hasty.false_removals,
            )
            missed, steady = missed + found.missed, steady + found.steady
            false_removals += found.false_removals
    yield (
        f"in all verified listings {missed} of {steady} live rows missed ({100 * missed / steady:.4f} %), "
        f"{false_removals} false removals"
    )


if __name__ == "__main__":
    for line in table(range(int(os.environ.get("SEEDS") or 2000))):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
