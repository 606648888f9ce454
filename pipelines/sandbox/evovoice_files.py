"""EvoVoice's files, of three accounts. Their customers form trees of up to three levels."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import TypeAlias

from pipelines.sandbox import words
from pipelines.sandbox.draw import EPOCH, Draw, Numbering, in_utc
from pipelines.sandbox.store import Json, Population, Record

Casing: TypeAlias = Callable[[str], str]
"""How a documented name is written as a JSON key."""

FIELDS = (
    "Id",
    "DateCreated",
    "DateLastModified",
    "CreatedBy",
    "LastModifiedBy",
    "Type",
    "AccountId",
    "AccountName",
    "CustomerId",
    "CustomerName",
    "CustomerBreadcrumb",
    "UserId",
    "UserName",
    "FileName",
    "Uri",
    "ContentType",
    "ContentLength",
    "RecordingSid",
    "RecordingDuration",
    "RecordingFrom",
    "Transcription",
    "FromAddress",
    "ToAddress",
    "AITranscription",
)

CONTENT_TYPES = {
    "Upload": "text/csv",
    "VoiceMessage": "audio/wav",
    "CallRecording": "audio/mpeg",
    "Fax": "application/pdf",
    "Attachment": "image/jpeg",
    "FaxOutgoing": "application/pdf",
    "LiveAnswerRecording": "audio/mpeg",
}
"""Content type by file type. The last one is not documented, but seen in live answers."""

_TYPES = tuple(CONTENT_TYPES)
_RECORDINGS = ("VoiceMessage", "CallRecording", "LiveAnswerRecording")
_INCOMING = (*_RECORDINGS, "Fax")
_OUTGOING = ("CallRecording", "FaxOutgoing")
_ACCOUNTS = ("Évolution Voice Québec", "Harbour Communications", "Telefonservice Köln")
_SPAN = timedelta(days=400)
_TREE = 5
_SPEECH = (
    "Hello, this is Zoë. Please call me back about the invoice.",
    "Guten Tag, hier Müller & Söhne. Bitte rufen Sie zurück.",
    "Bonjour, c'est au sujet du rendez-vous de <demain>.",
    "もしもし、山田です。",
    "",
)


@cache
def camel_case(name: str) -> str:
    """`aiTranscription` for `AITranscription`: the keys of the live service."""
    return re.sub(r"^[A-Z]+(?=[A-Z][a-z])|^[A-Z]", lambda lead: lead.group().lower(), name)


def pascal_case(name: str) -> str:
    """The documented name, unchanged."""
    return name


class Files:
    """Generates files: `count` of them over 400 days, oldest first. Added files are an hour apart."""

    def __init__(self, seed: int, customers: int, count: int, casing: Casing) -> None:
        self._seed = seed
        self._customers = customers
        self._step = _SPAN / max(count, 1)
        self._count = count
        self._keys = tuple(map(casing, FIELDS))
        self._casing = casing
        self._numbering = Numbering("evovoice", seed)
        self._customer_numbering = Numbering("evovoice customer", seed)
        self._customer = lru_cache(maxsize=10_000)(self._make_customer)
        self.population = Population(casing("Id"), self._make, self._numbering.position)

    def created(self, position: int) -> datetime:
        """The creation time of the file at `position`; it rises with the position."""
        if position < self._count:
            return EPOCH - _SPAN + position * self._step
        return EPOCH + timedelta(hours=position - self._count)

    @property
    def accounts(self) -> Mapping[str, str]:
        """The accounts with files, and their names."""
        return dict(map(_account, range(len(_ACCOUNTS))))

    def window(self, start: datetime | None, end: datetime | None, size: int) -> range:
        """The positions below `size` of files created from `start` to `end`, both included."""
        first = 0 if start is None else bisect_left(range(size), start, key=self.created)
        last = size if end is None else bisect_right(range(size), end, key=self.created)
        return range(first, last)

    def _make(self, position: int) -> Record:
        draw = Draw("evovoice", self._seed, position)
        file_type = _TYPES[position % len(_TYPES)]
        content_type = CONTENT_TYPES[file_type]
        is_recording = file_type in _RECORDINGS
        file_id = self._numbering.digits(position, 24)
        created = self.created(position)
        user = draw.below(2 * len(words.PEOPLE))
        user_name = words.PEOPLE[user] if user < len(words.PEOPLE) else None
        speech = draw.pick(_SPEECH) if is_recording and not draw.one_in(4) else None
        caller = f"+49221{draw.below(10**7):07d}"
        called = f"+1418{draw.below(10**7):07d}"
        # Three consecutive files belong to one session, which only their links show.
        session_id = self._numbering.digits(position // 3, 20)
        return dict(
            zip(
                self._keys,
                (
                    file_id,
                    _timestamp(created),
                    _timestamp(created + timedelta(seconds=draw.below(3600))),
                    user_name or "system",
                    "transcriber" if speech else user_name or "system",
                    file_type,
                    *self._owner(position, draw),
                    None if user_name is None else f"user-{user}",
                    user_name,
                    f"{draw.pick(words.UNDERTAKINGS)} {position}.{content_type.rpartition('/')[2]}",
                    f"https://files.evovoice.example/{session_id}/{file_id}?signature={draw.below(2**32):08x}",
                    content_type,
                    draw.below(5 * 10**9),
                    f"RE{self._numbering.digits(position, 32)}" if is_recording else None,
                    draw.below(1800) if is_recording else None,
                    caller if is_recording else None,
                    speech,
                    caller if file_type in _INCOMING else None,
                    called if file_type in _OUTGOING else None,
                    None if not speech or draw.one_in(3) else f"Summary: {speech}",
                ),
                strict=True,
            )
        )

    def _owner(self, position: int, draw: Draw) -> tuple[Json, ...]:
        """AccountId to CustomerBreadcrumb. Every customer gets one file before any gets a second one."""
        if self._customers == 0 or (position >= self._customers and draw.one_in(12)):
            account = position % len(_ACCOUNTS)
            return (*_account(account), None, None, [])
        customer = position if position < self._customers else draw.below(self._customers)
        breadcrumb: list[Json] = [
            {self._casing("Id"): customer_id, self._casing("Name"): name}
            for customer_id, name in self._customer(customer)
        ]
        return (*_account(customer % len(_ACCOUNTS)), *self._customer(customer)[-1], breadcrumb)

    def _make_customer(self, customer: int) -> tuple[tuple[str, str], ...]:
        """The id and name of the customer, after those of its parents."""
        draw = Draw("evovoice customer", self._seed, customer)
        itself = (self._customer_numbering.digits(customer, 24), f"{draw.pick(words.COMPANIES)} {customer}")
        rank, account = divmod(customer, len(_ACCOUNTS))
        place = rank % _TREE
        if place == 0:
            return (itself,)
        above = rank - place + (place - 1) // 2
        return (*self._customer(above * len(_ACCOUNTS) + account), itself)


def _account(account: int) -> tuple[str, str]:
    return f"account-{account + 1}", _ACCOUNTS[account]


def _timestamp(moment: datetime) -> str:
    """A time in UTC with the seven decimals of .NET's round-trip form."""
    return f"{in_utc(moment, 'microseconds')}0Z"
