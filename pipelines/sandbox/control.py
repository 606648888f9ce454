"""The sandbox's own interface, for other processes: JSON over HTTP, without credentials.

`docs/sandbox.md` lists the requests. For Rillsoft, a path under `/records` takes `?client=11`. Writing
records returns them. An unknown record gives 404, a body or parameter that cannot be read gives 400, both
with `{"message": …}`. In a list of ids, the changes before an unknown id are kept.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, fields
from typing import Annotated, TypeAlias, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipelines.sandbox.faults import LONGEST_DELAY_S, Fault
from pipelines.sandbox.replies import json_reply
from pipelines.sandbox.store import Record, RecordId, Store, json_object
from pipelines.sandbox.world import World

_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
_Body = TypeVar("_Body")


# A request is answered as a whole, and nothing else meanwhile.
MOST_ADDED = 100_000


class _Addition(msgspec.Struct, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(ge=0, le=MOST_ADDED)] = 1


class _Records(msgspec.Struct, forbid_unknown_fields=True):
    records: list[msgspec.Raw]


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[RecordId]
    fields: msgspec.Raw


class _Ids(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[RecordId]


class _Latency(msgspec.Struct, forbid_unknown_fields=True):
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_DELAY_S)]


def routes(world: World) -> Sequence[BaseRoute]:
    """The endpoints, relative to `/_sandbox`."""
    control = _Control(world)
    records = "/records/{provider}"
    endpoints = (
        ("GET", records, control.show_records),
        ("POST", f"{records}/{{verb}}", control.write_records),
        ("PUT", "/latency", control.set_latency),
        ("GET", "/faults", control.show_faults),
        ("POST", "/faults", control.add_faults),
        ("DELETE", "/faults", control.lift_faults),
        ("GET", "/requests", control.show_requests),
        ("DELETE", "/requests", control.forget_requests),
        ("DELETE", "/sessions", control.expire_sessions),
    )
    return [Route(path, _explained(endpoint), methods=[method]) for method, path, endpoint in endpoints]


class _Control:
    """The endpoints over a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def show_records(self, request: Request) -> Response:
        start = int(request.query_params.get("start", 0))
        stop = request.query_params.get("stop")
        records = self._store(request).records(start, None if stop is None else int(stop))
        return json_reply({"records": records})

    async def write_records(self, request: Request) -> Response:
        verb = request.path_params["verb"]
        if verb not in VERBS:
            raise LookupError(f"no such verb: {verb}; there are {', '.join(VERBS)}")
        return json_reply({"records": VERBS[verb](self._store(request), await request.body())})

    async def set_latency(self, request: Request) -> Response:
        self._world.latency_s = _decoded(await request.body(), _Latency).latency_s
        return json_reply({"latency_s": self._world.latency_s})

    async def show_faults(self, _request: Request) -> Response:
        return json_reply({"faults": self._world.faults.active()})

    async def add_faults(self, request: Request) -> Response:
        self._world.faults.add(*_faults(await request.body()))
        return await self.show_faults(request)

    async def lift_faults(self, request: Request) -> Response:
        self._world.faults.clear()
        return await self.show_faults(request)

    async def show_requests(self, _request: Request) -> Response:
        traffic = self._world.traffic
        return json_reply(
            {
                "requests": [asdict(line) for line in traffic.requests],
                "counts": traffic.counts,
                "max_in_flight": traffic.max_in_flight,
            }
        )

    async def forget_requests(self, request: Request) -> Response:
        self._world.traffic.clear()
        return await self.show_requests(request)

    async def expire_sessions(self, _request: Request) -> Response:
        self._world.evovoice.expire_sessions()
        return json_reply({})

    def _store(self, request: Request) -> Store:
        client = request.query_params.get("client")
        return self._world.store(request.path_params["provider"], None if client is None else int(client))


def _add(store: Store, body: bytes) -> list[Record]:
    return [store.add() for _ in range(_decoded(body or b"{}", _Addition).count)]


def _put(store: Store, body: bytes) -> list[Record]:
    return [store.put(json_object(record)) for record in _decoded(body, _Records).records]


def _change(store: Store, body: bytes) -> list[Record]:
    change = _decoded(body, _Change)
    fields = json_object(change.fields)
    return [store.change(record_id, **fields) for record_id in change.ids]


def _remove(store: Store, body: bytes) -> list[Record]:
    for record_id in _decoded(body, _Ids).ids:
        store.remove(record_id)
    return []


def _restore(store: Store, body: bytes) -> list[Record]:
    return [store.restore(record_id) for record_id in _decoded(body, _Ids).ids]


VERBS: dict[str, Callable[[Store, bytes], list[Record]]] = {
    "add": _add,
    "put": _put,
    "change": _change,
    "remove": _remove,
    "restore": _restore,
}


def _faults(body: bytes) -> list[Fault]:
    known = {field.name for field in fields(Fault)}
    for given in _decoded(body, list[dict[str, msgspec.Raw]]):
        if unknown := sorted(given.keys() - known):
            raise ValueError(f"no such field: {unknown[0]}; there are {', '.join(sorted(known))}")
    return _decoded(body, list[Fault])


def _decoded(body: bytes, shape: type[_Body]) -> _Body:
    return msgspec.json.decode(body, type=shape)


def _explained(endpoint: _Endpoint) -> _Endpoint:
    """Turn what an endpoint raises about a wrong request into an answer."""

    async def explain(request: Request) -> Response:
        try:
            return await endpoint(request)
        except LookupError as error:
            return json_reply({"message": f"not found: {error}"}, 404)
        except RecursionError:
            return json_reply({"message": "the body is nested too deeply"}, 400)
        except (ValueError, msgspec.MsgspecError, re.error) as error:
            return json_reply({"message": str(error)}, 400)

    return explain
