"""Histories: what happens at a provider from run to run, and what it answers then."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from pipelines.common.errors import AccessRefused, MalformedAnswer
from pipelines.extract.provider import Page

FIRST = datetime(2026, 3, 27, 1, 30, tzinfo=UTC)
CLOCK = (
    FIRST,
    FIRST + timedelta(days=1),
    FIRST + timedelta(days=1),
    FIRST + timedelta(days=1, microseconds=700),
    FIRST + timedelta(hours=23),
    datetime(1970, 1, 1, tzinfo=UTC),
    *(FIRST + timedelta(days=day) for day in (2, 3, 4, 30, 31, 32)),
)
"""When runs start by the machine's clock: two in one second, two going back, one after weeks."""

SCOPES: dict[str, tuple[str | None, ...]] = {"rillsoft": ("1", "2")}
ID_KEY = {"fone_dynamics": "PropertySid"}
VOLATILE = {"rillsoft": "isReadOnly", "evovoice": "uri"}
WITH_TOTAL = ("fone_dynamics", "evovoice")
PROVIDERS = ("belltastic", "rillsoft", "fone_dynamics", "evovoice")
FAULTS = ("none", "repeated", "moved", "down", "cut", "nameless", "two_faces", "miscounted")
RECORDS = 10

Row = dict[str, Any]


@dataclass(frozen=True)
class State:
    """The fields of a record. `volatile` never makes a version; `novel` is unknown to all models (0: none).

    `spelling` writes the same in another way.
    """

    name: int = 0
    status: int = 0
    volatile: int = 0
    novel: int = 0
    spelling: int = 0


@dataclass(frozen=True)
class Run:
    """What happens to a connection before a run (`edits`; no state: it goes), and in it.

    There is a fault for each of two scopes. `hides` says how many records the provider leaves out by mistake.
    `accepts` is how far the number of removals that the operator accepts is from the right one.
    """

    edits: tuple[tuple[int, State | None], ...] = ()
    faults: tuple[str, str] = ("none", "none")
    is_asked: bool = True
    is_full: bool = False
    hides: int = 0
    accepts: int | None = None


@dataclass(frozen=True)
class History:
    """A connection of a provider, and its runs. At first it has ten records."""

    provider: str
    runs: tuple[Run, ...]


def histories() -> st.SearchStrategy[History]:
    """Any history of up to twelve runs."""
    few = st.integers(0, 2)
    state = st.builds(State, name=few, status=st.integers(0, 3), volatile=few, novel=few, spelling=few)
    edit = st.tuples(st.integers(0, RECORDS + 1), st.one_of(state, state, st.none()))
    fault = st.sampled_from(("none", "none", "none", *FAULTS))
    run = st.builds(
        Run,
        edits=st.lists(edit, min_size=1, max_size=6).map(tuple),
        faults=st.tuples(fault, fault),
        is_asked=st.sampled_from((True, True, True, False)),
        is_full=st.sampled_from((False, False, False, True)),
        hides=st.sampled_from((0, 0, 0, 0, 1, 7, RECORDS + 2)),
        accepts=st.sampled_from((None, 0, 0, 1)),
    )
    runs = st.lists(run, min_size=1, max_size=len(CLOCK)).map(tuple)
    return st.builds(History, provider=st.sampled_from(PROVIDERS), runs=runs)


def created_at(record: int) -> datetime:
    """When a file was created: nine days apart, so that a window of thirty leaves some out."""
    return FIRST - timedelta(days=9 * record)


def text_of(provider: str, record: int, state: State) -> str:
    """The record as its provider sends it."""
    name = f"Name {state.name}"
    if provider == "belltastic":
        deleted_at = "2026-01-01T00:00:00Z" if state.status else None
        fields: Row = {"id": record, "name": name, "deleted_at": deleted_at}
    elif provider == "rillsoft":
        fields = {"id": record, "name": name, "status": f"Status {state.status}"}
    elif provider == "fone_dynamics":
        fields = {"PropertySid": f"{record}", "Name": name, "Active": state.status > 0}
    else:
        fields = {"id": f"{record}", "fileName": name, "type": f"Type {state.status}"}
        fields |= {"dateCreated": f"{created_at(record):%Y-%m-%dT%H:%M:%SZ}", "customerId": f"C{record % 4}"}
    if provider in VOLATILE:
        fields[VOLATILE[provider]] = f"Moment {state.volatile}"
    if state.novel:
        fields["novel"] = float(state.novel) if state.spelling else state.novel
    if state.spelling == 2:
        fields = dict(reversed(fields.items()))
    return json.dumps(fields, indent=1 if state.spelling == 1 else None)


def content(provider: str, text: str) -> Row:
    """The fields of a record, without what is volatile."""
    return {name: value for name, value in json.loads(text).items() if name != VOLATILE.get(provider)}


def published(provider: str, text: str) -> tuple[str, str]:
    """The published columns of a record: its name, and the provider's status or a file's type."""
    record = json.loads(text)
    match provider:
        case "belltastic":
            return record["name"], "archived" if record["deleted_at"] else "active"
        case "rillsoft":
            return record["name"], record["status"]
        case "fone_dynamics":
            return record["Name"], "true" if record["Active"] else "false"
    return record["fileName"], record["type"]


@dataclass
class Answer:
    """What a provider answers for a listing, walk by walk, the last one for ever; and what is to come of it.

    `came` has the text of each record to be taken; none for one to be quarantined.
    """

    walks: list[list[list[str]]] = field(default_factory=list)
    total: int | None = None
    failure: Exception | None = None
    came: dict[str, str | None] = field(default_factory=dict)
    received: int = 0
    is_verified: bool = False

    def pages(self) -> Iterator[Page]:
        walk = self.walks.pop(0) if len(self.walks) > 1 else self.walks[0]
        for page in walk:
            yield Page(tuple(text.encode() for text in page), self.total)
        if self.failure:
            raise self.failure


def answer_of(provider: str, listed: dict[str, str], fault: str, page_size: int) -> Answer:
    """The answer to a request for everything that is listed: the text of each record by its id."""
    texts, came = list(listed.values()), dict[str, str | None](listed)
    with_total = provider in WITH_TOTAL
    match fault:
        case "down":
            return Answer(walks=[[]], failure=AccessRefused("it is down"))
        case "repeated":
            texts += texts[:1]
        case "nameless":
            texts.insert(0, "{}")
        case "two_faces" if listed:
            came[min(listed)] = None
            texts.append(json.dumps(json.loads(listed[min(listed)]) | {"other": 1}))
    pages = in_pages(texts, page_size if with_total else len(texts))
    answer = Answer([pages], len(listed) if with_total else None, None, came, len(texts))
    match fault:
        case "cut":
            taken = set(pages[0])
            answer.walks, answer.received, answer.failure = (
                [pages[:1]],
                len(pages[0]),
                MalformedAnswer("it was cut"),
            )
            answer.came = {name: text for name, text in came.items() if text in taken}
            return answer
        case "moved" if with_total:
            answer.walks.insert(0, [page[1:] for page in pages])
        case "miscounted" if with_total:
            answer.total = len(listed) + 1
            return answer
    answer.is_verified = fault != "nameless" and not (fault == "two_faces" and listed)
    return answer


def in_pages(texts: Sequence[str], size: int) -> list[list[str]]:
    """The texts in pages; one empty page if there are none."""
    return [list(texts[at : at + size]) for at in range(0, len(texts), max(size, 1))] or [[]]
