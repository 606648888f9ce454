"""Finding secrets in every spelling in which a provider may repeat them, to keep them out of all output.

A text is searched as it is, and again after undoing its JSON escapes, percent-encoding and HTML entities,
also where one is within another. Upper and lower case are the same.
"""

import base64
import html
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from urllib.parse import unquote_to_bytes

LEAST_PREFIX = 8  # leading characters of a secret that are hidden too
SHORTEST_TELLTALE = 12  # characters: a shorter secret may also be a word in a record
HIDDEN = "***"
PIECE_BYTES = 1 << 20
OVERLAP_BYTES = 1 << 14  # longer than any secret with every character escaped

MOST_LAYERS = 3  # of escaping, such as a URL in a URL, or JSON in a JSON string

_ESCAPE = re.compile(rb'\\(?:(?:u00|x)([2-7][0-9a-fA-F])|(["\\/]))')
_ENTITY = re.compile(rb"&(?:#[xX]?[0-9a-fA-F]{2,8}|[a-zA-Z]{2,8});")


class Secrets:
    """A set of secrets, with their forms in HTTP headers. Empty ones are ignored."""

    def __init__(self, secrets: Iterable[str], in_header: str = "") -> None:
        spelled = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
        spelled |= {part.encode().lower() for part in in_header.split()[1:]}
        self._spellings = sorted(spelled, key=len, reverse=True)
        self._telltale = [spelling for spelling in self._spellings if len(spelling) >= SHORTEST_TELLTALE]

    def redact(self, text: str) -> str:
        """`text` with `***` for each secret, whole or cut after at least `LEAST_PREFIX` characters.

        If the text contains a secret only in another spelling, all of it is hidden.
        """
        body = text.encode("utf-8", "surrogatepass")
        before = body.lower()
        if any(
            plain.count(secret) > before.count(secret) for plain in _plain(body) for secret in self._spellings
        ):
            return HIDDEN
        for secret in self._spellings:
            body = _without(body, secret)
        heads = [spelling[:LEAST_PREFIX] for spelling in self._spellings]
        if any(head in plain for plain in _plain(body) for head in heads):
            return HIDDEN
        return body.decode("utf-8", "surrogatepass")

    def are_in(self, body: bytes) -> bool:
        """Whether a body contains a secret that is too long to be there by chance."""
        return any(
            secret in plain
            for piece in _pieces(body)
            for plain in (piece.lower(), *_plain(piece))
            for secret in self._telltale
        )


def _spellings(secret: str) -> Iterator[bytes]:
    """A secret in lower case: as it is, in hex, and in base64 at each possible alignment."""
    text = secret.encode()
    yield text.lower()
    if len(text) >= LEAST_PREFIX:  # the hex of a very short one is a number that may be anywhere
        yield from {text.hex().encode(), text.lower().hex().encode()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + text).rstrip(b"=")[2 * before : -1]
        if len(encoded) >= LEAST_PREFIX:  # nothing is left of a very short one
            yield from {encoded.lower(), encoded.translate(bytes.maketrans(b"+/", b"-_")).lower()}


def _pieces(body: bytes) -> Iterator[bytes]:
    """Split the body into overlapping parts: unescaping takes many times the memory of a text."""
    for begin in range(0, len(body), PIECE_BYTES):
        yield body[begin : begin + PIECE_BYTES + OVERLAP_BYTES]


def _plain(body: bytes) -> Iterator[bytes]:
    """Yield the body in lower case after each step of unescaping that changed it."""
    for _ in range(MOST_LAYERS):
        before = body
        for mark, unescape in _STEPS:
            if mark in body and (plain := unescape(body)) != body:
                body = plain
                yield body.lower()
        if body == before:
            return


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)]) if found[1] else found[2]


_STEPS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\\", lambda body: _ESCAPE.sub(_unescaped, body)),
    (b"%", unquote_to_bytes),
    (b"&", lambda body: _ENTITY.sub(lambda found: html.unescape(found[0].decode()).encode(), body)),
)


def _without(body: bytes, secret: bytes) -> bytes:
    """The body with `***` for each place that begins like the secret, as far as it is like it."""
    head, kept, at, lowered = secret[:LEAST_PREFIX], [], 0, body.lower()
    while (begin := lowered.find(head, at)) >= 0:
        pairs = zip(secret, lowered[begin : begin + len(secret)], strict=False)
        end = begin + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        kept += [body[at:begin], HIDDEN.encode()]
        at = end
    return b"".join([*kept, body[at:]]) if kept else body
