"""A record as it is stored: its id, its text as sent, a hash of the text and, if needed, of its content.

The canonical hash ignores differences that are not a change: the order of keys, white space, the spelling of
a number or a timestamp, Unicode composition, and the fields that a provider declares volatile. It takes most
of the time per record, and only a known record whose text differs needs it. The text is stored as sent.
"""

import contextlib
import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from pipelines.common.errors import MalformedAnswer
from pipelines.extract.composition import composed, has_few_marks
from pipelines.extract.raw_json import (
    BYTE_ORDER_MARK,
    cut_members,
    first_of,
    has_each_key_once,
    key_of,
    refuse_duplicate_keys,
    value,
)

if TYPE_CHECKING:
    from pipelines.extract.provider import Provider

# A thousand times the size of a usual record. A larger record would take too much of a run's memory.
MOST_RECORD_BYTES = 8 << 20
KEPT_BYTES = 64 << 10  # of a larger record, in quarantine
# No provider documents more than three; Python and DuckDB read some hundreds.
MOST_LEVELS = 200
SPELLED_ONE_WAY = frozenset({NoneType, bool})
# RFC 3339 with an offset; 'T' or a space, any number of decimals. The SQL functions read all of these.
INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d+))?"
    r"([Zz]|[+-](?:0\d|1[0-8]):?[0-5]\d)",
    re.ASCII,
)


class Record(NamedTuple):
    """One record of a page. A record with a `reason` goes to quarantine.

    `payload` is its JSON in UTF-8; None if it equals the known text byte for byte. `content_hash` is the hash
    of the text; `canonical_hash` is None if it was not needed.
    """

    record_id: str | None
    payload: bytes | None
    content_hash: str | None = None
    canonical_hash: str | None = None
    created_at: datetime | None = None
    reason: str | None = None


KnownRecords = Mapping[str, str]
"""The ids of the known records, by the digest of their text."""


def digest(text: bytes) -> str:
    """A hash of a text, 128 bits in hex: DuckDB's `left(sha256(text), 32)`."""
    return hashlib.sha256(text).hexdigest()[:32]


def read_record(
    provider: "Provider", drop: Collection[str], text: bytes, known: KnownRecords, *, exact: bool = False
) -> Record:
    """Read the record in `text`, without the fields in `drop`. Never raises because of its content.

    Most texts of a run equal the known ones and are not parsed. With `exact`, parse every text and compute
    its canonical hash.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)  # DuckDB reads none
    try:
        if drop:
            whole, text = text, b""
            text = _without(whole, drop)
        if len(text) > MOST_RECORD_BYTES:
            raise MalformedAnswer(
                f"it has {len(text) >> 20} MB, more than the {MOST_RECORD_BYTES >> 20} MB allowed; "
                f"its first {KEPT_BYTES >> 10} KB are kept here"
            )
        content_hash = digest(text)
        if not exact and (known_id := known.get(content_hash)):
            return Record(known_id, None, content_hash)
        fields = value(text)
        if not isinstance(fields, dict):
            raise MalformedAnswer(f"it is not an object but {text[:40].decode(errors='replace')}")
        record_id = _identity(first_of(fields, *provider.id_keys), provider.id_keys[0])
        created_at = instant(first_of(fields, *provider.created_keys))
        has_each_once = has_each_key_once(text, fields)
        canonical_hash = None
        if exact or not _is_plain(text):
            canonical_hash = hash_of(fields, provider.volatile)
        if not has_each_once:
            refuse_duplicate_keys(text)
        return Record(record_id, text, content_hash, canonical_hash, created_at)
    except MalformedAnswer as error:
        return Record(_legible_id(provider, text), _quotable(text), reason=error.reason)


def canonical_hash(provider: "Provider", text: bytes) -> str | None:
    """The canonical hash of a stored text; None if the current reader would not accept it."""
    with contextlib.suppress(MalformedAnswer):
        fields = value(text)
        if isinstance(fields, dict):
            return hash_of(fields, provider.volatile)
    return None


def volatile_hash(provider: "Provider", text: bytes) -> str | None:
    """The canonical hash of the volatile fields of a stored text; None if it has none, or cannot be read."""
    if not provider.volatile:
        return None
    with contextlib.suppress(MalformedAnswer):
        fields = value(text)
        if isinstance(fields, dict):
            return hash_of({name: fields[name] for name in provider.volatile & fields.keys()})
    return None


def _is_plain(text: bytes) -> bool:
    """Whether `canonical` certainly accepts a valid JSON text; False if uncertain."""
    return text.count(b"{") + text.count(b"[") <= MOST_LEVELS and has_few_marks(text)


def _quotable(text: bytes) -> bytes:
    """The text for the quarantine, as UTF-8: cut if it is too large; invalid bytes become U+FFFD."""
    if len(text) > MOST_RECORD_BYTES:
        return text[:KEPT_BYTES].decode(errors="ignore").encode()
    return text.decode(errors="replace").encode()


def _legible_id(provider: "Provider", text: bytes) -> str | None:
    """The id of a quarantined record, if it can be read."""
    with contextlib.suppress(MalformedAnswer):
        sent = cut_members(text)
        for key in provider.id_keys:
            ids = {content for raw, content in sent if key_of(raw) == key}
            if ids:
                return _identity(value(ids.pop()), key) if len(ids) == 1 else None
    return None


def _without(text: bytes, drop: Collection[str]) -> bytes:
    """The record without the fields in `drop`, ignoring case: EvoVoice has two spellings."""
    try:
        sent = [(key_of(member[0]), member) for member in cut_members(text)]
    except MalformedAnswer:
        raise MalformedAnswer("it is not an object, so no fields can be dropped from it") from None
    dropped = {composed(name).casefold() for name in drop}
    kept = [member for key, member in sent if composed(key).casefold() not in dropped]
    return text if len(kept) == len(sent) else b"{" + b",".join(map(b":".join, kept)) + b"}"


def _identity(given: object, key: str) -> str:
    """The provider's id as a string, exactly: a string that is not empty, or an integer."""
    if isinstance(given, str) and given.strip() and "\0" not in given:
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    shown = str(given) if isinstance(given, Decimal) else repr(given)
    raise MalformedAnswer(f"its id, {key}, is {'missing' if given is None else shown[:40]}")


def hash_of(fields: dict[str, object], volatile: Collection[str] = ()) -> str:
    """A hash of an object's content without volatile fields, 128 bits in hex; alters `fields` in place.

    Volatile fields must be readable too, because SQL reads them.
    """
    content = _canonical_object(fields, MOST_LEVELS - 1)
    for name in volatile:
        content.pop(name, None)
    return hashlib.blake2b(msgspec.json.encode(content, order="sorted"), digest_size=16).hexdigest()


def canonical(given: object, levels: int = MOST_LEVELS) -> object:
    """The value with one spelling per number, timestamp and string; alters lists and objects in place.

    Raises MalformedAnswer if they are nested more than `levels` deep. The most frequent types come first, as
    half of a run's work in Python is done here.
    """
    kind = type(given)
    if kind is str:
        return _canonical_text(cast("str", given))
    if kind is dict or kind is list:
        if not levels:
            raise MalformedAnswer(f"it is nested more than {MOST_LEVELS} levels deep")
        if kind is dict:
            return _canonical_object(cast("dict[str, object]", given), levels - 1)
        parts = cast("list[object]", given)
        parts[:] = [canonical(part, levels - 1) for part in parts]
        return parts
    if kind is int:
        return (
            given if cast("int", given).bit_length() < 60 else _canonical_number(Decimal(cast("int", given)))
        )
    return _canonical_number(given) if isinstance(given, Decimal) else given


def _canonical_object(fields: dict[str, object], levels: int) -> dict[str, object]:
    for key, part in fields.items():
        if type(part) is str:
            if "-" in part:  # as in every timestamp
                fields[key] = _canonical_text(part)
            elif not part.isascii():
                fields[key] = composed(part)
        elif type(part) not in SPELLED_ONE_WAY:
            fields[key] = canonical(part, levels)
    return fields if all(map(str.isascii, fields)) else {composed(key): fields[key] for key in fields}


def _canonical_number(number: Decimal) -> object:
    """1.0 and 10e-1 are the integer 1; other numbers are their digits without trailing zeros."""
    if not number:
        return 0  # 0e20 and -0.0 as well
    if number.adjusted() < 18 and number == (whole := int(number)):
        return whole
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # JSON has neither NaN nor Infinity
    significant = "".join(map(str, digits)).strip("0")
    exponent += len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return {"negative": sign, "digits": significant, "exponent": exponent}


def _canonical_text(text: str) -> str:
    if found := INSTANT.fullmatch(text):
        moment = _utc(*found.groups())
        if moment is not None:
            return f"{moment.isoformat()[:19]}.{(found[3] or '').rstrip('0')}Z"
    return composed(text)


def instant(given: object) -> datetime | None:
    """The timestamp in a string, to the microsecond; None if there is none. Without an offset it is UTC."""
    if not isinstance(given, str):
        return None
    found = INSTANT.fullmatch(given) or INSTANT.fullmatch(f"{given}Z")
    if found is None:
        return None
    moment = _utc(*found.groups())
    return moment and moment.replace(microsecond=int((found[3] or "0")[:6].ljust(6, "0")))


def _utc(date: str, time: str, _decimals: str | None, offset: str) -> datetime | None:
    try:
        local = datetime.fromisoformat(f"{date}T{time}{offset.upper()}")
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
