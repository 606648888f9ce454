"""Strict JSON: UTF-8 only, no NaN, no trailing text; integers of any size are exact.

Values are cut out of a body without being interpreted, so that a record is kept exactly as it was sent. A
record that is not strict JSON but whose end can be found (NaN, half a surrogate pair, a byte that is not
UTF-8) is cut out too. Only reading it fails, so one bad record does not affect its page.

Every function takes time linear in the length of its text, and every failure is a `MalformedAnswer`.
"""

import contextlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation, Underflow
from typing import TypeVar

import msgspec

from pipelines.common.errors import EndMissing, MalformedAnswer
from pipelines.common.text import printable
from pipelines.extract.composition import composed

T = TypeVar("T")
Member = tuple[bytes, bytes]
"""A key with its quotes, and a value, both as sent."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Interpreting a value takes up to forty times its size in memory.
MOST_VALUE_BYTES = 8 << 20
MOST_COUNT = 10**18
# A part of two bytes takes a hundred bytes in memory. The largest genuine answers have fewer commas.
MOST_PARTS = 500_000
MOST_COMMAS = 4_000_000
# Tokens between two checks of the clock.
TOKENS_PER_LOOK = 10_000

SPACE = b" \t\r\n"

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])


def _number(text: str) -> Decimal:
    """A number exactly. Raises Underflow if SQL, which reads it as a double, would read zero."""
    number = Decimal(text)
    if number and not float(text):
        raise Underflow
    return number


_value = msgspec.json.Decoder(float_hook=_number)

# A string, even without its end; a mark; or anything else. No quantifier goes back: each byte is read once.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[][{}:,]|[^][{}:," \t\r\n]++', re.DOTALL)
_BETWEEN_MEMBERS = re.compile(rb"[ \t\r\n,{]*+")
_AFTER_KEY = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_END = re.compile(rb"[ \t\r\n]*+}[ \t\r\n]*+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_clock = threading.local()


@contextlib.contextmanager
def read_within(seconds: float) -> Iterator[None]:
    """Limit reading in this thread: after `seconds`, it raises MalformedAnswer."""
    _clock.seconds, _clock.ends_at = seconds, time.monotonic() + seconds
    try:
        yield
    finally:
        _clock.ends_at = math.inf


def refuse_late() -> None:
    """Raise MalformedAnswer if the time for reading is over."""
    if time.monotonic() > getattr(_clock, "ends_at", math.inf):
        raise MalformedAnswer(f"reading the answer took longer than {_clock.seconds:g} s")


def members(text: bytes) -> dict[str, bytes]:
    """The members of an object, each value as sent."""
    found: dict[str, bytes] = {}
    for raw, content in cut_members(text):
        key = key_of(raw)
        if key in found:
            raise MalformedAnswer(f"the key {shown(raw)} appears twice")
        found[key] = content
    return found


def cut_members(text: bytes) -> list[Member]:
    """All members of an object in order, including duplicate keys."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        decoded = _decode(_members.decode, text, "an object")
    except Unreadable:
        return list(_parts(text, b"{"))
    _refuse_many(len(decoded))
    found = [(msgspec.json.encode(key), bytes(raw)) for key, raw in decoded.items()]
    return found if _are_all(text, found) else list(_parts(text, b"{"))


def key_of(raw: bytes) -> str:
    """The key that `raw` spells. Half a surrogate pair stays in it."""
    try:
        key: str = json.loads(raw)
    except ValueError:
        raise Unreadable(f"not valid JSON (the key {shown(raw)})") from None
    return key


def elements(text: bytes) -> tuple[bytes, ...]:
    """The elements of an array, each as sent."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        decoded = _decode(_elements.decode, text, "an array")
    except Unreadable:
        return tuple(part for _, part in _parts(text, b"["))
    _refuse_many(len(decoded))
    return tuple(map(bytes, decoded))


def value(text: bytes) -> object:
    """The Python value; numbers with a fraction or an exponent come as `Decimal`."""
    if len(text) > MOST_VALUE_BYTES:
        most = MOST_VALUE_BYTES >> 20
        raise MalformedAnswer(
            f"a value has {len(text) >> 20} MB, more than the {most} MB allowed: {shown(text)}"
        )
    return _decode(_value.decode, text.removeprefix(BYTE_ORDER_MARK), "JSON")


def has_each_key_once(text: bytes, parsed: object) -> bool:
    """Whether `parsed`, read from `text`, has every member of the text; False if uncertain.

    The decoder keeps one member of each key. A member has a quote and a colon next to each other, once white
    space is left out: the text has no more members than it has of those. Keys that are not ASCII may be the
    same key in another composition.
    """
    keys: list[str] = []
    waiting = [parsed]
    while waiting:
        part = waiting.pop()
        inner = part if isinstance(part, list) else []
        if isinstance(part, dict):
            keys += part
            inner = list(part.values())
        waiting += [one for one in inner if type(one) in (dict, list)]
    return text.translate(None, SPACE).count(b'":') == len(keys) and "".join(keys).isascii()


def refuse_duplicate_keys(text: bytes) -> None:
    """Raise MalformedAnswer if an object in a valid JSON text has a duplicate key, at any depth.

    Python's decoders keep the last of them and DuckDB the first. Keys are one key if they differ in their
    Unicode composition only.
    """

    def pairs(found: list[tuple[str, object]]) -> None:
        keys = set()
        for key, _ in found:
            if (name := composed(key)) in keys:
                raise MalformedAnswer(f"the key {shown(msgspec.json.encode(key))} appears twice")
            keys.add(name)

    try:
        json.loads(text, object_pairs_hook=pairs, parse_int=len, parse_float=len)
    except RecursionError:  # in a member that msgspec has not kept
        raise Unreadable("not valid JSON (nested too deeply)") from None


def is_list(text: bytes) -> bool:
    """Whether the text holds an array."""
    return text.lstrip(SPACE)[:1] == b"["


def first_of(found: Mapping[str, T], *keys: str) -> T | None:
    """The member under the first of `keys` that exists."""
    for key in keys:
        if key in found:
            return found[key]
    return None


def as_count(text: bytes | None, name: str) -> int:
    """A count: an integer from 0 to below `MOST_COUNT`, as a number or as a string of digits."""
    found = None if text is None else value(text)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 19:
        found = int(found)
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < MOST_COUNT:
        return found
    raise MalformedAnswer(f"{name} should be an integer, not {shown(text)}")


def as_text(text: bytes | None) -> str | None:
    """A string as it is, any other value as its JSON; None for null and for a missing value."""
    found = None if text is None else value(text)
    if found is None or isinstance(found, str):
        return found
    return text.decode() if text else None


class Unreadable(MalformedAnswer):
    """The text is not strict JSON, or is too deep or has too many parts to be read at once."""


def _are_all(text: bytes, found: Iterable[Member]) -> bool:
    """Whether these are all members of the object: the decoder keeps one per key."""
    at = _end_of(_BETWEEN_MEMBERS, text, 0)
    for key, content in found:
        after = _AFTER_KEY.match(text, at + len(key))
        if after is None or not (text.startswith(key, at) and text.startswith(content, after.end())):
            return False
        at = _end_of(_BETWEEN_MEMBERS, text, after.end() + len(content))
    return _END.fullmatch(text, at) is not None


def _end_of(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _parts(text: bytes, opening: bytes) -> Iterator[Member]:
    """Each member of an object, or each element of an array with an empty key, cut at its marks."""
    expected, closing = ("an object", b"}") if opening == b"{" else ("an array", b"]")
    if not text.lstrip(SPACE).startswith(opening):
        raise MalformedAnswer(f"expected {expected}, not {shown(text)}")
    tokens = _tokens(text, expected)
    next(tokens)
    token = next(tokens)
    parts = 0
    while token[0] != closing:
        parts += 1
        _refuse_many(parts)
        key = b""
        if opening == b"{":
            key = token[0]
            if key[:1] != b'"' or next(tokens)[0] != b":":
                raise _broken("a key is missing", token)
            token = next(tokens)
        yield key, text[token.start() : _end_of_value(token, tokens)]
        token = next(tokens)
        if token[0] == b",":
            token = next(tokens)
            if token[0] == closing:
                raise _broken("a comma before the end", token)
        elif token[0] != closing:
            raise _broken("a comma is missing", token)
    if trailing := _TOKENS.search(text, token.end()):
        raise _broken("text after the end", trailing)


def _refuse_many(parts: int) -> None:
    if parts > MOST_PARTS:
        raise MalformedAnswer(f"it has more than {MOST_PARTS:,} elements or members")


def _tokens(text: bytes, expected: str) -> Iterator[re.Match[bytes]]:
    """The tokens of a text. Raises EndMissing at its end."""
    for number, token in enumerate(_TOKENS.finditer(text)):
        if not number % TOKENS_PER_LOOK:
            refuse_late()
        yield token
    raise EndMissing(f"expected {expected}, but its end is missing: {shown(text)}")


def _end_of_value(token: re.Match[bytes], tokens: Iterator[re.Match[bytes]]) -> int:
    """The place after the value that begins with `token`."""
    depth = 0
    while True:
        mark = token[0]
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
        if depth < 0 or (depth == 0 and mark in (b",", b":")):
            raise _broken("a value is missing", token)
        if depth == 0:
            return token.end()
        token = next(tokens)


def _broken(what: str, token: re.Match[bytes]) -> MalformedAnswer:
    return MalformedAnswer(f"not valid JSON ({what}, at byte {token.start()}): {shown(token.string)}")


def _decode(decode: Callable[[bytes], T], text: bytes, expected: str) -> T:
    if text.count(b",") > MOST_COMMAS:
        raise Unreadable(f"it has more than {MOST_COMMAS:,} elements or members")
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        if "out of range" in str(error):
            raise MalformedAnswer("an integer has more digits than can be read") from None
        raise MalformedAnswer(f"expected {expected}, not {shown(text)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _SURROGATE.search(text) and ("truncated" in str(error) or "surrogate" in str(error)):
            raise Unreadable("not valid JSON (half of a surrogate pair)") from None
        raise Unreadable(f"not valid JSON ({error})") from None
    except RecursionError:
        raise Unreadable("not valid JSON (nested too deeply)") from None
    except InvalidOperation:
        raise Unreadable("not valid JSON (a number has too large an exponent)") from None
    except Underflow:
        raise MalformedAnswer("a number is too close to zero to be read") from None


def shown(text: bytes | None) -> str:
    """The beginning of a text, for a message."""
    if text is None:
        return "missing"
    beginning = printable(text[:40].decode(errors="replace").strip(" \t\r\n"))
    return (beginning or "nothing") if len(text) <= 40 else beginning + "…"
