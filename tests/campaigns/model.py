"""The model of history in plain Python, and a history that is played and compared with it."""

import itertools
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pipelines.extract.connections import Connection
from pipelines.extract.provider import ListingRequest, Page
from tests.campaigns.histories import (
    RECORDS,
    SCOPES,
    Answer,
    History,
    Row,
    Run,
    State,
    answer_of,
    content,
    created_at,
    published,
    text_of,
)
from tests.support.scripted import scripted

Rows = list[tuple[Any, ...]]
Versions = dict[str, list[Row]]
"""The versions of each record of a listing, by its id."""


def remembered(
    provider: str, versions: Versions, came: dict[str, str | None], gone: Collection[str], now: int
) -> None:
    """The model of history: close what is gone; begin what is new or says something else; note what came."""
    current = {name: past[-1] for name, past in versions.items() if past[-1]["valid_to"] is None}
    for name in gone:
        current[name] |= {"valid_to": now, "end_reason": "removed"}
    for name, text in came.items():
        before = current.get(name)
        if before and (text is None or content(provider, text) == content(provider, before["payload"])):
            before |= {"payload": text or before["payload"], "last_seen_at": now}
        elif text is not None:
            if before:
                before |= {"valid_to": now, "end_reason": "changed"}
            begun = {"payload": text, "valid_from": now, "valid_to": None, "end_reason": None}
            versions.setdefault(name, []).append(begun | {"last_seen_at": now})


@dataclass(frozen=True)
class Variation:
    """The circumstances that must not change what is published."""

    page_size: int = 3
    shuffled: bool = False
    spelling: int | None = None
    faults: tuple[str, ...] = ()
    """In the place of none, by turns."""
    backwards: bool = False
    """The connections the other way round."""


AS_DRAWN = Variation()


@dataclass
class Played:
    """A history that is played: the records of its provider, and those of the model, by scope."""

    name: str
    history: History
    variation: Variation
    has: dict[str | None, dict[int, State]] = field(default_factory=dict)
    known: dict[str | None, Versions] = field(default_factory=dict)
    answers: dict[str | None, Answer] = field(default_factory=dict)
    outcomes: Rows = field(default_factory=list)
    runs: dict[int, set[tuple[str, str | None]]] = field(default_factory=dict)
    """Key and name of the projects listed after every run; a name only if a project is a record."""

    def __post_init__(self) -> None:
        for scope in self.scopes:
            self.has[scope] = dict.fromkeys(range(RECORDS), State())
            self.known[scope] = {}

    @property
    def provider(self) -> str:
        return self.history.provider

    @property
    def scopes(self) -> tuple[str | None, ...]:
        return SCOPES.get(self.provider, (None,))

    def connection(self) -> Connection:
        """A connection of the real provider, with the pages of this history."""

        def pages(_api: object, ask: ListingRequest) -> Iterator[Page]:
            return self.answers[ask.scope].pages()

        clients = {} if self.scopes == (None,) else {"client_ids": self.scopes}
        return scripted(self.name, self.provider, pages, **clients)

    def live(self, run: Run) -> None:
        """Change the provider's records before a run."""
        for scope, (record, state) in itertools.product(self.scopes, run.edits):
            if state is None:
                self.has[scope].pop(record, None)
            else:
                self.has[scope][record] = state

    def answer(self, number: int, since: datetime | None) -> None:
        """Set the answers to each listing of a run."""
        run = self.history.runs[number]
        for at, scope in enumerate(self.scopes):
            listed = {
                f"{record}": text_of(self.provider, record, self.spelt(state))
                for record, state in sorted(self.has[scope].items())[run.hides :]
                if since is None or created_at(record) >= since
            }
            fault = run.faults[at]
            if self.variation.faults:
                fault = self.variation.faults[number % len(self.variation.faults)]
            if self.variation.shuffled:
                names = random.Random(number).sample(list(listed), len(listed))
                listed = {name: listed[name] for name in names}
            self.answers[scope] = answer_of(self.provider, listed, fault, self.variation.page_size)

    def spelt(self, state: State) -> State:
        spelling = self.variation.spelling
        return state if spelling is None else replace(state, spelling=spelling)

    def missing(self, scope: str | None, since: datetime | None) -> tuple[list[str], bool]:
        """The known records that a verified listing lacks, and whether that looks like a mistake."""
        answer = self.answers[scope]
        current = [name for name, past in self.known[scope].items() if past[-1]["valid_to"] is None]
        asked = [name for name in current if since is None or created_at(int(name)) > since]
        absent = [name for name in asked if name not in answer.came]
        suspicious = len(absent) > max(5, 0.1 * len(asked)) or (not answer.received and bool(asked))
        return (absent, suspicious) if answer.is_verified else ([], False)

    def suspicious(self, since: datetime | None) -> int:
        """How many removals an operator would have to accept."""
        return sum(
            len(absent) for absent, odd in (self.missing(scope, since) for scope in self.scopes) if odd
        )

    def merge(self, since: datetime | None, accepted: int | None, now: int) -> None:
        """Apply the answers as the run should."""
        limit = self.suspicious(since)
        for scope in self.scopes:
            answer = self.answers[scope]
            gone, odd = self.missing(scope, since)
            held = odd and accepted != limit
            remembered(self.provider, self.known[scope], answer.came, () if held else gone, now)
            outcome = "failed" if answer.walks == [[]] else "held_back" if held else "unverified"
            outcome = "verified" if answer.is_verified and not held else outcome
            removed, held_back = (0, len(gone)) if held else (len(gone), 0)
            self.outcomes.append((now, scope, outcome, answer.received, removed, held_back))

    def listed(self) -> set[tuple[str, str | None]]:
        """Key and name of each project that is listed now."""
        now = {
            (scope, name): past[-1]["payload"]
            for scope, versions in self.known.items()
            for name, past in versions.items()
            if past[-1]["valid_to"] is None
        }
        if self.provider == "evovoice":
            return {(f"{self.name}:C{int(name) % 4}", None) for _, name in now}
        return {
            (self.key(scope, name), published(self.provider, text)[0]) for (scope, name), text in now.items()
        }

    def key(self, scope: str | None, name: str) -> str:
        return ":".join(filter(None, (self.name, scope, name)))

    def raw(self) -> Rows:
        """The expected rows of `raw.records`."""
        return [
            (scope, name, *version.values())
            for scope, versions in self.known.items()
            for name, past in sorted(versions.items())
            for version in past
        ]

    def versions(self) -> Rows:
        """What the published history should hold: versions in a row that say the same are one."""
        rows: Rows = []
        for scope, versions in self.known.items():
            for name, past in versions.items():
                merged: Rows = []
                for version in past:
                    row = published(self.provider, version["payload"])
                    start, end = version["valid_from"], version["valid_to"]
                    change = "created"
                    if merged:
                        *_, before, _, previous, _, _ = merged[-1]
                        change = "changed" if previous == start else "returned"
                    if change == "changed" and before == row:
                        start, change = merged[-1][3], merged.pop()[6]
                    key = self.key(scope, name)
                    merged.append((key, len(merged) + 1, row, start, end, version["end_reason"], change))
                rows += merged
        return sorted(rows)
