"""Promise 8: no matter how a listing changes while it is read, no record that still exists is removed."""

import json
from typing import Any

import pytest

from pipelines.extract.listing import ListingReader, Reading
from pipelines.extract.provider import ListingRequest, Page
from tests.campaigns.drift import RATES, STYLES, Measured, RequestCounter, measure, texts_of
from tests.support.scripted import scripted

SEEDS = 80
UNKNOWN = "no second reading confirmed it"
MOVED = "it changed while it was read: 1 record of one reading was missing in the next"
TWO_FACES = "1 id appeared twice with different content"
NO_TWO = "it gives no total, and no two readings agree"


@pytest.mark.parametrize("style", STYLES)
def test_promise_08_records_that_are_still_listed_are_never_closed(style: str) -> None:
    rates = {rate: measure(style, rate, range(SEEDS)) for rate in RATES}
    assert {rate: found.false_removals for rate, found in rates.items()} == dict.fromkeys(RATES, 0)
    assert all(found.missed <= 0.002 * found.steady for found in rates.values())
    quiet = rates[RATES[0]]
    assert quiet.verified >= 0.9 * SEEDS
    assert quiet.removed > 0


def test_without_a_second_reading_drift_would_remove_listed_records() -> None:
    assert measure("page and total, oldest first", 0.2, range(2 * SEEDS), confirm=False).false_removals > 0


def test_a_listing_that_lacks_nothing_is_read_once() -> None:
    for style in STYLES:
        found = measure(style, 0.0, range(1), all_known=True)
        pages = {"one page": 1, "no total": 2 * 7}.get(style, 6)
        assert found == Measured(listings=1, verified=1, requests=pages, steady=60)


@pytest.mark.parametrize("pages", [["ABä"], ["AB", "Cä"]], ids=["on one page", "on two"])
def test_ids_that_come_twice_with_other_bytes_are_read_again_exactly(pages: list[str]) -> None:
    """Their contents are equal, so the listing can be verified; otherwise it would be read only once."""
    known = "".join(sorted({*"".join(pages).upper()} - {"Ä"}))
    assert listing_of([" ".join(pages)] * 4, known, len(known)) == (2, None)
    assert listing_of([" ".join(pages).replace("ä", "A")] * 4, known, len(known)) == (1, None)


def listing_of(walks: list[str], known: str, total: int | None) -> tuple[int, str | None]:
    """How many walks are made, and why it is unverified then.

    A walk is its pages, a letter for each record; the same letter, small, is the record with another content,
    and "ä" is "A" in another spelling.
    """
    made = iter(walks)
    asked = []

    def pages(_api: object, _ask: ListingRequest) -> Any:
        walk = next(made)
        asked.append(walk)
        for page in walk.split():
            if page == "!":
                raise RuntimeError("boom")
            records = tuple(
                b'{"is_small":false,"id":"A"}'
                if record == "ä"
                else f'{{"id": "{record.upper()}", "is_small": {json.dumps(record.islower())}}}'.encode()
                for record in page.strip("-")
            )
            yield Page(records, total)

    connection = scripted("walks", "belltastic", pages)
    api: Any = type("Silent", (), {"traffic": RequestCounter()})
    request = ListingRequest(connection.settings)
    reader = ListingReader(api, connection, request, texts_of(known), lambda *_: None)
    for _ in reader.batches():
        pass
    return len(asked), reader.result.unverified_reason


@pytest.mark.parametrize(
    ("walks", "known", "total", "made", "reason"),
    [
        (["AB CD"], "ABCD", 4, 1, None),
        (["ABC"], "ABCD", 3, 1, None),
        (["AB C"] * 2, "ABCD", 3, 2, None),
        (["AB C", "BA C"], "ABCD", 3, 2, None),
        (["AB C", "AB CD"], "ABCD", 3, 4, "the provider counts 3 records, but 4 were received"),
        (["AB C", "AB E", "AB F", "AB G"], "ABCD", 3, 4, MOVED),
        (["AB C", "AB E", "AB E"], "ABCD", 3, 3, None),
        (["AB C", "A BB", "AB C", "AB C"], "ABCD", 3, 4, None),
        (["AB", "AB", "AB", "AB C"], "ABCD", 3, 4, UNKNOWN),
        (["AB C", "AB !"], "ABCD", 3, 2, "page 2: its module failed: RuntimeError: boom"),
        (["ABC"], "ABCD", None, 1, None),
        (["AB CD"] * 2, "ABCD", None, 2, None),
        (["AB -"] * 2, "AB", None, 2, None),
        (["AB CD", "AB DC", "AB CD", "AB DC"], "ABCD", None, 4, NO_TWO),
        (["AB CD", "AB C", "AB C"], "ABCD", None, 3, None),
        ([], "", None, 1, None),
        (["Aa"], "A", None, 2, TWO_FACES),
        (["aA"], "A", None, 2, TWO_FACES),
        (["Aa"], "A", 1, 4, TWO_FACES),
        (["A a"], "A", None, 4, TWO_FACES),
    ],
)
def test_a_removal_is_confirmed_by_a_reading_that_has_all_the_earlier_one_had(
    walks: list[str], known: str, total: int | None, made: int, reason: str | None
) -> None:
    assert listing_of([*walks, *[walks[-1] if walks else ""] * 4], known, total) == (made, reason)


@pytest.mark.parametrize(
    ("page_count", "reason"), [(0, None), (1, None), (2, "0 records do not match 2 pages")]
)
def test_an_empty_listing_may_have_a_page(page_count: int, reason: str | None) -> None:
    reading = Reading()
    reading.take(Page((), 0, page_count), ())
    assert reading.unverified_reason() == reason
