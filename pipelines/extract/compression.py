"""The decompression of an answer, piece by piece, which notices that the end is missing.

urllib3 decompresses as well, but takes a stream without its end for a complete one.
"""

import zlib
from collections.abc import Generator, Iterator, Sequence

GZIP = frozenset({"gzip", "x-gzip"})
CODINGS = GZIP | {"deflate"}
MOST_CODINGS = 5  # one inside the other
PIECE_BYTES = 1 << 16
HEADER_BYTES = 2  # that tell zlib's format from a bare deflate stream


def codings_of(header: str) -> tuple[str, ...]:
    """The codings that a Content-Encoding header names, the first one applied first."""
    named = (name.strip().lower() for name in header.split(","))
    return tuple(name for name in named if name not in {"", "identity"})


def are_decoded(codings: Sequence[str]) -> bool:
    """Whether an answer with these codings can be decompressed."""
    return len(codings) <= MOST_CODINGS and CODINGS.issuperset(codings)


def decompressed(chunks: Iterator[bytes], codings: Sequence[str]) -> Iterator[bytes]:
    """Yield the content of `chunks` in pieces of at most `PIECE_BYTES`.

    Raises zlib.error if it is not compressed as `codings` say, EOFError if its end is missing.
    """
    for coding in reversed(codings):
        chunks = _without_gzip(chunks) if coding in GZIP else _without_deflate(chunks)
    return chunks


def _without_gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A gzip file consists of members. Bytes after them that are not a member are ignored, as gzip does."""
    rest = next(chunks, b"")
    is_first = True
    while rest and (is_first or rest[:1] == b"\x1f"):
        rest = yield from _stream(zlib.decompressobj(16 + zlib.MAX_WBITS), rest, chunks)
        rest = rest or next(chunks, b"")
        is_first = False


def _without_deflate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Some servers send a bare deflate stream, without zlib's header and checksum."""
    chunks = _beginning_with(chunks, HEADER_BYTES)
    first = next(chunks, b"")
    if first:
        has_header = first[0] & 0x0F == zlib.DEFLATED and int.from_bytes(first[:HEADER_BYTES]) % 31 == 0
        bits = zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
        yield from _stream(zlib.decompressobj(bits), first, chunks)


def _stream(
    stream: "zlib._Decompress", rest: bytes, chunks: Iterator[bytes]
) -> Generator[bytes, None, bytes]:
    """Yield what one stream holds, from `rest` and the chunks after it; return what follows the stream."""
    while True:
        piece = stream.decompress(rest, PIECE_BYTES)
        if piece:
            yield piece
        if stream.eof:
            return stream.unused_data
        rest = stream.unconsumed_tail
        if not rest and len(piece) < PIECE_BYTES:
            rest = next(chunks, b"")
            if not rest:
                raise EOFError


def _beginning_with(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes; the first chunk has at least `size` of them, unless there are fewer."""
    first = b""
    while len(first) < size and (chunk := next(chunks, b"")):
        first += chunk
    yield first
    yield from chunks
