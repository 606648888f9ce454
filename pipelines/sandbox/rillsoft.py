"""Rillsoft: `/api/v2/clients/{client_id}/projects`, a Bearer token, one unpaged list per client.

A client is a tenant that numbers its projects from 1, so ids are unique only within a client. A deactivated
project is removed. The vendor's page names the permissions but does not say what they allow. Here they allow
to read every listed project, to modify one that is not read-only, and to create in one that is also not
locked. A client or a permission that the caller does not have gives 403.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipelines.sandbox import words
from pipelines.sandbox.access import authorization, challenge, complaint
from pipelines.sandbox.draw import EPOCH, Draw, Numbering, in_utc, secret
from pipelines.sandbox.replies import json_reply, listing_reply
from pipelines.sandbox.store import Population, Record, RecordId, Store
from pipelines.sandbox.vendor import Setting

CLIENT_IDS = (11, 12, 27)

_PERMISSIONS: dict[str, Callable[[Record], bool]] = {
    "ProjectRead": lambda _project: True,
    "ProjectModify": lambda project: not project["isReadOnly"],
    "ProjectCreate": lambda project: not project["isReadOnly"] and project["lockUserId"] == -1,
}
_SUCCESS = {"status": "success", "code": 200, "message": "Projects retrieved successfully"}
_OPENING = msgspec.json.encode(_SUCCESS)[:-1] + b',"details":'
_STATUSES = (
    "In Progress",
    "In Bearbeitung",
    "Geplant",
    "Abgeschlossen",
    "Zurückgestellt",
    "On Hold",
    "Completed",
)
_CATEGORIES = ("Construction", "Softwareentwicklung", "Wartung", "Forschung & Entwicklung")
_NOBODY = -1


class Rillsoft:
    """One server with three clients, which share `count` projects."""

    base_path = "/rillsoft/api/v2"

    def __init__(self, seed: int, count: int) -> None:
        token = f"eyJhbGciOiJIUzI1NiJ9.{secret(seed, 'rillsoft claims')}.{secret(seed, 'rillsoft signature')}"
        self.settings: dict[str, Setting] = {"client_ids": list(CLIENT_IDS)}
        self.secrets = {"access_token": token}
        self._token = token
        least, rest = divmod(count, len(CLIENT_IDS))
        self.stores: dict[int | None, Store] = {
            client_id: Store(_population(seed, client_id), least + (nth < rest))
            for nth, client_id in enumerate(CLIENT_IDS)
        }

    def routes(self) -> Sequence[BaseRoute]:
        """The listing of a client. There is no request for one record."""
        return [Route("/api/v2/clients/{client_id}/projects", self._list)]

    def refuse(self, request: Request, status: int) -> Response:
        """404 and 405 are not among the documented statuses."""
        message = "Not found" if status == 404 else "Method not allowed"
        return _error(status, message, complaint(request, status))

    async def _list(self, request: Request) -> Response:
        scheme, token = authorization(request)
        if (scheme, token) != ("bearer", self._token):
            reason = "JWT token invalid" if token else "JWT token not found"
            refusal = _error(401, "Authentication failed", reason)
            refusal.headers.update(challenge("Bearer"))
            return refusal
        client_id = request.path_params["client_id"]
        store = self.stores.get(int(client_id)) if client_id.isdecimal() else None
        permission = request.query_params.get("permission", "ProjectRead")
        if store is None or permission not in _PERMISSIONS:
            return _error(403, "Access denied", "Insufficient permissions")
        if permission == "ProjectRead":
            return listing_reply(store, _OPENING, b"}")
        permitted = [project for project in store.records() if _PERMISSIONS[permission](project)]
        return json_reply(_SUCCESS | {"details": permitted})


def _error(code: int, message: str, details: str) -> Response:
    return json_reply({"status": "error", "code": code, "message": message, "details": details}, code)


def _population(seed: int, client_id: int) -> Population:
    numbering = Numbering("rillsoft", seed, client_id)

    def make(position: int) -> Record:
        draw = Draw("rillsoft", seed, client_id, position)
        created = EPOCH - timedelta(seconds=draw.below(900 * 86_400))
        name = f"{draw.pick(words.UNDERTAKINGS)} {draw.pick(words.SITES)}"
        creator, creator_name = _person(draw, unknown_once_in=11)
        return {
            "id": position + 1,
            "versionId": 1 + draw.below(60),
            "uuid": numbering.uuid(position),
            "name": name,
            "description": None if draw.one_in(5) else draw.pick(words.SENTENCES),
            **_schedule(draw, created),
            "code": None if draw.one_in(6) else f"PRJ-{draw.below(400):03d}-{created.year}",
            "customer": None if draw.one_in(8) else draw.pick(words.COMPANIES),
            "category": None if draw.one_in(8) else draw.pick(_CATEGORIES),
            "priority": draw.below(9) / 2,
            "status": draw.pick(_STATUSES),
            "path": f"/Projekte/{created.year}/{name}",
            "folderId": 40 + draw.below(12),
            "createdAt": in_utc(created),
            "createdUserId": creator,
            "createdUserName": creator_name,
            **_lock(draw),
            "notes": None if draw.one_in(2) else draw.pick(words.SENTENCES),
            "isTemplate": draw.one_in(15),
            "isReadOnly": draw.one_in(5),
        }

    def locate(record_id: RecordId) -> int | None:
        return record_id - 1 if isinstance(record_id, int) else None

    return Population("id", make, locate)


def _person(draw: Draw, *, unknown_once_in: int) -> tuple[int, str]:
    user_id = draw.below(len(words.PEOPLE))
    return (_NOBODY, "") if draw.one_in(unknown_once_in) else (user_id + 1, words.PEOPLE[user_id])


def _schedule(draw: Draw, created: datetime) -> Record:
    """Start and finish. The vendor requires neither, so some projects have none."""
    start = created + timedelta(days=draw.below(90))
    finish = start + timedelta(days=5 + draw.below(700))
    if draw.one_in(10):
        return {}
    return {"start": f"{start.date()}T09:00:00", "finish": f"{finish.date()}T17:00:00"}


def _lock(draw: Draw) -> Record:
    locked_at = EPOCH - timedelta(seconds=draw.below(86_400))
    user_id = draw.below(len(words.PEOPLE))
    if not draw.one_in(6):
        return {"lockAt": None, "lockUserId": _NOBODY, "lockUserName": ""}
    return {"lockAt": in_utc(locked_at), "lockUserId": user_id + 1, "lockUserName": words.PEOPLE[user_id]}
