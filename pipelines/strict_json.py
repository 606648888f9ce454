"""JSON as its standard has it: UTF-8 only, no NaN, no trailing text; integers of any size are kept exactly.

Values are cut out of a body without being interpreted, so a record can be kept exactly as it was sent. One
that is not strict JSON but can be told from its neighbours (NaN, half a surrogate pair) is cut out as well:
only reading it fails, so that one bad record does not take its page along. Every failure is a `Malformed`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from pipelines.errors import Malformed

T = TypeVar("T")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_lenient = json.JSONDecoder(strict=False)
_value = msgspec.json.Decoder(float_hook=Decimal)

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]', re.DOTALL)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def members(text: bytes) -> dict[str, bytes]:
    """The members of an object, each value as the text it was sent as."""
    try:
        return {key: bytes(raw) for key, raw in _decode(_members.decode, text, "an object").items()}
    except Unreadable:
        return dict(_parts(text, b"{", b"}", "an object"))


def elements(text: bytes) -> tuple[bytes, ...]:
    """The elements of an array, each as the text it was sent as."""
    try:
        return tuple(bytes(raw) for raw in _decode(_elements.decode, text, "an array"))
    except Unreadable:
        return tuple(part for _, part in _parts(text, b"[", b"]", "an array"))


def value(text: bytes) -> object:
    """The Python value; numbers with a fraction or an exponent come as `Decimal`."""
    return _decode(_value.decode, text, "JSON")


def is_list(text: bytes) -> bool:
    """Whether the text holds an array."""
    return text.lstrip()[:1] == b"["


def first_of(found: Mapping[str, T], *keys: str) -> T | None:
    """The member under the first of `keys` that is there."""
    for key in keys:
        if key in found:
            return found[key]
    return None


def whole_number(text: bytes | None, name: str) -> int:
    """A count: a whole number from 0, as a number or as a string of digits."""
    found = None if text is None else value(text)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 19:
        found = int(found)
    if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
        return found
    raise Malformed(f"{name} should be a whole number, not {_shown(text)}")


def as_text(text: bytes | None) -> str | None:
    """A string as it is, any other value as its JSON; None for null and for what is missing."""
    found = None if text is None else value(text)
    if found is None or isinstance(found, str):
        return found
    return text.decode() if text else None


class Unreadable(Malformed):
    """The text is not strict JSON, or is nested too deeply to be read."""


def _parts(text: bytes, opening: bytes, closing: bytes, expected: str) -> Iterator[tuple[str, bytes]]:
    """Key (empty in an array) and text of each part of an object or array, found by the lenient parser."""
    body = text.removeprefix(BYTE_ORDER_MARK).decode().strip()
    if not body.startswith(opening.decode()):
        raise Malformed(f"expected {expected}, not {_shown(text)}")
    if not body.endswith(closing.decode()):
        raise Malformed(f"expected {expected}, and its end is missing: {_shown(text)}")
    at, end = _blank(body, 1), len(body) - 1
    try:
        while at < end:
            key = ""
            if opening == b"{":
                _after(body, at, '"')
                key, at = _lenient.raw_decode(body, at)
                at = _blank(body, _after(body, at, ":"))
            begin, at = at, _end_of_value(body, at)
            yield key, body[begin:at].encode()
            at = _blank(body, at)
            if at < end:
                at = _blank(body, _after(body, at, ","))
                if at == end:
                    raise ValueError("a comma before the end")
        if at > end:
            raise ValueError("its end is missing")
    except ValueError as error:
        raise Malformed(f"not valid JSON ({error})") from None


def _end_of_value(body: str, at: int) -> int:
    """The place behind the value that begins at `at`; one nested too deeply to be read ends all the same."""
    try:
        return _lenient.raw_decode(body, at)[1]
    except RecursionError:
        depth = 0
        for mark in _BRACKETS.finditer(body, at):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark[0], 0)
            if depth == 0:
                return mark.end()
        raise ValueError("a bracket is not closed") from None


def _blank(body: str, at: int) -> int:
    """The place of the next character that is no white space."""
    while at < len(body) and body[at] in " \t\r\n":
        at += 1
    return at


def _after(body: str, at: int, mark: str) -> int:
    at = _blank(body, at)
    if body[at] != mark:
        raise ValueError(f"{mark} missing at character {at}")
    return at + 1


def _decode(decode: Callable[[bytes], T], text: bytes, expected: str) -> T:
    try:
        return decode(text.removeprefix(BYTE_ORDER_MARK))
    except msgspec.ValidationError:
        raise Malformed(f"expected {expected}, not {_shown(text)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"not valid JSON ({error})") from None
    except RecursionError:
        raise Unreadable("not readable JSON (nested too deeply)") from None


def _shown(text: bytes | None) -> str:
    if text is None:
        return "missing"
    shown = text[:40].decode(errors="replace").strip()
    return (shown or "nothing") if len(text) <= 40 else shown + "…"
