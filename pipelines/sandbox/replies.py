"""Answers made of JSON: one value, or the records of a whole listing."""

from collections.abc import AsyncIterator, Mapping

import msgspec
from starlette.responses import Response, StreamingResponse

from pipelines.sandbox.store import Store

_JSON = "application/json"
_STRETCH = 1000


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with `body`, which may hold `msgspec.Raw` parts, as JSON."""
    return Response(msgspec.json.encode(body), status, headers, _JSON)


def listing_reply(store: Store, before: bytes = b"", after: bytes = b"") -> Response:
    """An answer with every record of `store` as one JSON array, between the texts `before` and `after`."""
    if len(store) <= _STRETCH:
        return Response(before + b"[" + store.encoded(0, _STRETCH) + b"]" + after, media_type=_JSON)
    # In stretches, so that a million records neither fill the memory nor keep other requests waiting.
    return StreamingResponse(_stretches(store, before, after), media_type=_JSON)


async def _stretches(store: Store, before: bytes, after: bytes) -> AsyncIterator[bytes]:
    yield before + b"["
    start = 0
    while records := store.encoded(start, start + _STRETCH):
        yield b"," + records if start else records
        start += _STRETCH
    yield b"]" + after
