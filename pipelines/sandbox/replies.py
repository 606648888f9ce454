"""JSON answers: one value, or the records of a whole listing."""

from collections.abc import AsyncIterator, Mapping

import msgspec
from starlette.responses import Response, StreamingResponse

from pipelines.sandbox.store import Store

_JSON = "application/json"
_CHUNK = 1000


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with `body` as JSON; it may contain `msgspec.Raw` parts."""
    return Response(msgspec.json.encode(body), status, headers, _JSON)


def listing_reply(store: Store, before: bytes = b"", after: bytes = b"") -> Response:
    """An answer with every record of `store` as one JSON array, between the strings `before` and `after`."""
    if len(store) <= _CHUNK:
        return Response(before + b"[" + store.encoded(0, _CHUNK) + b"]" + after, media_type=_JSON)
    # In chunks, so that a million records do not fill the memory or block other requests.
    return StreamingResponse(_chunks(store, before, after), media_type=_JSON)


async def _chunks(store: Store, before: bytes, after: bytes) -> AsyncIterator[bytes]:
    yield before + b"["
    start = 0
    while records := store.encoded(start, start + _CHUNK):
        yield b"," + records if start else records
        start += _CHUNK
    yield b"]" + after
