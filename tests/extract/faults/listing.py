"""Faults of a listing: wrong totals, moving records, and missing access."""

import json
from collections.abc import Callable
from typing import Any

from tests.extract.faults.cases import (
    ALL,
    ID,
    MANY,
    NAME,
    PAGED,
    UNPAGED,
    Case,
    on_page,
    records,
    status,
)
from tests.extract.faults.hostile import PAGE_COUNT, SIZE, TOTAL, Exchange, Fault, Reply, at, json_reply, put

COUNTED = ("matter", "evovoice")
NO_COUNT = "{count} should be an integer, not"
COMES_BACK = "it repeats an earlier page: check the provider's paging"
REFUSED = "check the credentials of {connection}, and what they can access"


def holding(edit: Callable[[str, list[Any]], list[Any]]) -> Fault:
    """A listing of records that are not the known ones; each answer is consistent in itself."""
    return lambda asked: asked.listing(edit(asked.provider, asked.whole()))


def total(value: object) -> Fault:
    """Good answers except for the total."""
    return lambda asked: json_reply(put(asked.json(), TOTAL[asked.provider], value))


def drop(reply: Reply, path: tuple[str, ...]) -> Reply:
    """The answer without what is at a path."""
    body = json.loads(reply.body)
    return json_reply(put(body, path[:-1], {k: v for k, v in at(body, path[:-1]).items() if k != path[-1]}))


def without_total(asked: Exchange) -> Reply:
    return drop(asked.good(), TOTAL[asked.provider])


def added_to_total(number: int) -> Fault:
    def answer(asked: Exchange) -> Reply:
        body = asked.json()
        total = at(body, TOTAL[asked.provider])
        return json_reply(put(body, TOTAL[asked.provider], type(total)(int(total) + number)))

    return answer


def total_that_grows(asked: Exchange) -> Reply:
    return asked.listing(asked.whole(), total=12 + asked.number)


def pages_said(number: int) -> Fault:
    return lambda asked: json_reply(put(asked.json(), PAGE_COUNT[asked.provider], str(number)))


def page(asked: Exchange, number: int) -> Reply:
    """Another page than the one asked for."""
    size = int(asked.query[SIZE[asked.provider]])
    place = {
        "fone_dynamics": {"Results_Skip": str((number - 1) * size)},
        "matter": {"pageNumber": str(number)},
        "evovoice": {"Page": str(number - 1)},
    }
    return asked.good(**place[asked.provider])


def capped(asked: Exchange) -> Reply:
    """Three records per page, regardless of the page size requested."""
    size = {SIZE[asked.provider]: "3"}
    return asked.good(**size)


def inserted(asked: Exchange) -> Reply:
    """A record is added before the first one while the listing is read."""
    known = asked.whole()
    another = known[0] | {ID[asked.provider]: "another"}
    return asked.listing(known if asked.number == 1 else [another, *known])


def removed(asked: Exchange) -> Reply:
    """The first record is removed while the listing is read."""
    return asked.listing(asked.whole()[asked.number > 1 :])


def moved(asked: Exchange) -> Reply:
    """The last record moves to the first place while the listing is read."""
    known = asked.whole()
    return asked.listing(known if asked.number == 1 else [known[-1], *known[:-1]])


def turned(asked: Exchange) -> Reply:
    """The order is another one for every second page."""
    known = asked.whole()
    return asked.listing(known[::-1] if asked.page == 2 else known)


def repeated(asked: Exchange, **fields: object) -> Reply:
    """The second page begins with the record that ends the first, perhaps with other fields."""
    last = asked.whole()[4]
    answer = records(lambda _, found: [last | fields, *found])(asked)
    assert answer is not None
    return answer


def repeated_otherwise(asked: Exchange) -> Reply:
    return repeated(asked, **{NAME[asked.provider]: "Another name"})


def twice(provider: str, found: list[Any]) -> list[Any]:
    return [*found, found[0]]


def twice_otherwise(provider: str, found: list[Any]) -> list[Any]:
    return [*found, found[0] | {NAME[provider]: "Another name"}]


def without(count: int) -> Fault:
    return holding(lambda _, found: found[count:])


def without_a_team(provider: str, found: list[Any]) -> list[Any]:
    gone = found[0]["team_id"]
    return [record for record in found if record["team_id"] != gone]


def of_another_account(provider: str, found: list[Any]) -> list[Any]:
    return [record | {ID[provider]: f"other {number}"} for number, record in enumerate(found)]


def for_good(page: int, fault: Fault) -> Fault:
    """The fault from a page on, also where it is asked for again."""
    return lambda asked: fault(asked) if asked.page >= page else asked.good()


def unverified(fault: Fault, message: str, **counts: int) -> Case:
    return Case(fault, "unverified", message, of=PAGED, counts=counts)


def failing(fault: Fault, message: str, of: tuple[str, ...] = PAGED) -> Case:
    return Case(fault, message=message, requests=1, of=of)


def held_back(missing: int, fault: Fault, of: tuple[str, ...] = ALL, **counts: int) -> Case:
    message = f"{missing} of {MANY} known records are missing"
    counts = {"held_back": missing, "unchanged": MANY - missing} | counts
    return Case(fault, "held_back", message, of=of, counts=counts, known=MANY)


LISTING = {
    "total_too_low": unverified(added_to_total(-1), "the provider counts 11 records, but 12 were received"),
    "total_too_high": unverified(added_to_total(1), "the provider counts 13 records, but 12 were received"),
    "total_as_text": Case(total("12"), "verified", of=PAGED),
    "total_as_number": Case(total(12), "verified", of=PAGED),
    "total_missing": unverified(without_total, f"{NO_COUNT} missing"),
    "total_missing_on_a_later_page": unverified(on_page(2, without_total), f"{NO_COUNT} missing"),
    "total_null": unverified(total(None), f"{NO_COUNT} null"),
    "total_negative": unverified(total(-12), f"{NO_COUNT} -12"),
    "total_a_fraction": unverified(total(12.5), f"{NO_COUNT} 12.5"),
    "total_true": unverified(total(value=True), f"{NO_COUNT} true"),
    "total_a_list": unverified(total([12]), f"{NO_COUNT} [12]"),
    "total_zero": unverified(total(0), "the provider counts 0 records, but 12 were received"),
    "total_of_less_than_a_page": unverified(total(1), "the provider counts 1 record, but 12 were received"),
    "total_missing_of_full_pages": Case(
        without_total, "unverified", f"{NO_COUNT} missing", of=PAGED, requests=4, settings={"page_size": 4}
    ),
    "total_missing_and_pages_capped": Case(
        lambda asked: drop(capped(asked), TOTAL[asked.provider]),
        "unverified",
        f"{NO_COUNT} missing",
        of=PAGED,
        requests=5,
    ),
    "counts_missing": unverified(
        lambda asked: drop(asked.good(), TOTAL[asked.provider][:-1] or TOTAL[asked.provider]),
        f"{NO_COUNT} missing",
    ),
    "page_count_missing": Case(
        lambda asked: drop(asked.good(), PAGE_COUNT[asked.provider]), "verified", of=COUNTED
    ),
    "page_count_odd": Case(
        lambda asked: json_reply(put(asked.json(), PAGE_COUNT[asked.provider], "three")),
        "unverified",
        'numberOfPages should be an integer, not "three"',
        of=("matter",),
    ),
    "total_that_grows": unverified(total_that_grows, "its total changed while it was read: …"),
    "last_page_not_counted": Case(pages_said(2), "verified", of=COUNTED),
    "too_many_pages_counted": Case(
        pages_said(4), "unverified", "12 records do not match 4 pages", of=COUNTED
    ),
    "last_page_lost": unverified(
        on_page(3, records(lambda *_: [])),
        "the provider counts 12 records, but 10 were received",
        unchanged=10,
    ),
    "page_in_the_middle_lost": unverified(
        on_page(2, records(lambda *_: [])), "the provider counts 12 records, but 7 were received", unchanged=7
    ),
    "first_page_lost": unverified(
        on_page(1, records(lambda *_: [])), "the provider counts 12 records, but 0 were received", unchanged=0
    ),
    "same_page_for_ever": unverified(lambda asked: page(asked, 1), f"page 2: {COMES_BACK}", unchanged=5),
    "two_pages_in_turns": unverified(
        lambda asked: page(asked, 2 - asked.page % 2), f"page 3: {COMES_BACK}", unchanged=10
    ),
    "page_size_capped": Case(capped, "verified", of=PAGED, requests=4),
    "record_inserted": Case(inserted, "verified", of=PAGED, counts={"new": 1}),
    "record_removed": Case(removed, "verified", of=PAGED, counts={"removed": 1, "unchanged": 11}),
    "record_moved": Case(moved, "verified", of=PAGED),
    "order_that_changes": unverified(
        turned, "the provider counts 12 records, but 9 were received", unchanged=9, repeated=3
    ),
    "record_on_two_pages": Case(on_page(2, repeated), "verified", of=PAGED, counts={"repeated": 1}),
    "record_on_two_pages_otherwise": unverified(
        on_page(2, repeated_otherwise),
        "1 id appeared twice with different content",
        quarantined=2,
        unchanged=11,
    ),
    "record_twice": Case(records(twice), "verified", of=UNPAGED, counts={"repeated": 1}),
    "record_twice_otherwise": Case(
        records(twice_otherwise),
        "unverified",
        "1 id appeared twice with different content",
        of=UNPAGED,
        counts={"quarantined": 2, "unchanged": 11},
    ),
    "empty_by_mistake": held_back(MANY, without(MANY)),
    "few_hidden": Case(without(5), "verified", counts={"removed": 5, "unchanged": MANY - 5}, known=MANY),
    "vanishing_11_percent": held_back(7, without(7)),
    "vanishing_50_percent": held_back(30, without(30)),
    "vanishing_99_percent": held_back(59, without(59)),
    "team_vanishing": held_back(18, holding(without_a_team), ("belltastic",)),
    "another_account": held_back(MANY, holding(of_another_account), new=MANY),
    "wrong_token": failing(status(401), f"page 1: {{path}} answered 401: {REFUSED}", (*PAGED[:2], *UNPAGED)),
    "wrong_token_after_login": Case(
        status(401), message=f"page 1: {{path}} answered 401: {REFUSED}", requests=2, of=("evovoice",)
    ),
    "token_that_ends": Case(
        for_good(2, status(401)),
        "unverified",
        f"page 2: {{path}} answered 401: {REFUSED}",
        of=PAGED[:2],
        counts={"unchanged": 5},
    ),
    "session_that_ends_for_good": Case(
        for_good(2, status(401)),
        "unverified",
        "page 2: the session ended twice within one listing: …",
        of=("evovoice",),
        counts={"unchanged": 5},
    ),
    "session_that_ends_once": Case(
        lambda asked: Reply(b"", 401) if asked.number == 2 else asked.good(), "verified", of=("evovoice",)
    ),
    "plan_lapsed_402": failing(status(402), f"page 1: {{path}} answered 402: {REFUSED}", ALL),
    "plan_lapsed_403": failing(status(403), f"page 1: {{path}} answered 403: {REFUSED}", ALL),
    "rights_lost_on_page_2": unverified(
        for_good(2, status(403)), f"page 2: {{path}} answered 403: {REFUSED}", unchanged=5
    ),
}
