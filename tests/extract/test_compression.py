"""Compressed answers: every form is read in any pieces, and a missing end is noticed wherever it is cut."""

import gzip
import zlib
from collections.abc import Iterator, Sequence

import pytest

from pipelines.extract.compression import PIECE_BYTES, codings_of, decompressed

CONTENT = b'[{"id": 1, "name": "Great Tom"}]' * 40
LARGE = b"[" + b" " * (5 * PIECE_BYTES) + b"]"


def bare(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()


FORMS = {
    "gzip": ("gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare),
    "gzip in two members": ("gzip", lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:])),
    "gzip in gzip": ("gzip, x-gzip", lambda content: gzip.compress(gzip.compress(content))),
    "gzip in deflate": ("gzip, deflate", lambda content: zlib.compress(gzip.compress(content))),
    "not compressed": ("identity", bytes),
}
each_form = pytest.mark.parametrize(("header", "compress"), FORMS.values(), ids=FORMS)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def content(header: str, body: bytes, size: int = 1 << 16) -> bytes:
    return b"".join(decompressed(pieces(body, size), codings_of(header)))


@each_form
@pytest.mark.parametrize("size", [1, 2, 7, 1 << 16])
def test_every_form_is_read_in_pieces_of_any_size(header: str, compress, size: int) -> None:
    assert content(header, compress(CONTENT), size) == CONTENT
    assert content(header, b"") == b""


@each_form
def test_a_large_content_comes_in_small_pieces(header: str, compress) -> None:
    body = compress(LARGE)
    found = list(decompressed(pieces(body, 1 << 16), codings_of(header)))
    assert b"".join(found) == LARGE
    assert max(map(len, found)) <= PIECE_BYTES


@pytest.mark.parametrize("form", ["gzip", "zlib", "bare deflate", "gzip in gzip", "gzip in deflate"])
def test_a_stream_that_is_cut_anywhere_lacks_its_end(form: str) -> None:
    header, compress = FORMS[form]
    body = compress(CONTENT)
    for end in range(1, len(body)):
        with pytest.raises(EOFError):
            content(header, body[:end])


def test_a_wrong_checksum_is_noticed() -> None:
    for header, body, place in (
        ("gzip", gzip.compress(CONTENT), -8),
        ("deflate", zlib.compress(CONTENT), -4),
    ):
        wrong = bytearray(body)
        wrong[place] ^= 1
        with pytest.raises(zlib.error):
            content(header, bytes(wrong))


def test_bytes_after_the_stream_are_ignored() -> None:
    assert content("gzip", gzip.compress(CONTENT) + bytes(512)) == CONTENT
    assert content("deflate", zlib.compress(CONTENT) + b"after") == CONTENT


@pytest.mark.parametrize(
    ("header", "codings"),
    [("", ()), ("identity", ()), (" GZIP ,, identity, br", ("gzip", "br"))],
)
def test_the_header_names_the_codings(header: str, codings: Sequence[str]) -> None:
    assert codings_of(header) == codings
