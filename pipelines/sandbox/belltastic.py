"""Belltastic: `/api/v1/projects` and `/api/v1/project/{id}`, a Bearer token, a bare array, and writes.

The vendor's page shows some error bodies, in Laravel's form. The other ones here are Laravel's own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipelines.sandbox import words
from pipelines.sandbox.access import authorization, challenge, complaint
from pipelines.sandbox.draw import EPOCH, Draw, secret
from pipelines.sandbox.replies import json_reply, listing_reply
from pipelines.sandbox.store import Json, Population, Record, RecordId, Store, json_object
from pipelines.sandbox.vendor import Clock

TEAM_IDS = (1, 2, 5)
MAX_NAME_LENGTH = 255

_FLAGS = ("default", "hmac_required")


class Belltastic:
    """The projects of one user's teams."""

    base_path = "/belltastic/api/v1"

    def __init__(self, seed: int, count: int, clock: Clock) -> None:
        token = f"user_{secret(seed, 'belltastic user token')}"
        self.settings: dict[str, str] = {}
        self.secrets = {"api_token": token}
        self._token = token
        self._clock = clock
        self._projects = Store(_population(seed), count)
        self.stores: dict[int | None, Store] = {None: self._projects}

    def routes(self) -> Sequence[BaseRoute]:
        """Every documented endpoint. The vendor documents no way to restore a project."""
        project = "/api/v1/project/{project_id}"
        return [
            Route("/api/v1/projects", self._list, methods=["GET"]),
            Route("/api/v1/projects", self._create, methods=["POST"]),
            Route(project, self._read, methods=["GET"]),
            Route(project, self._update, methods=["PUT"]),
            Route(project, self._destroy, methods=["DELETE"]),
            Route(f"{project}/archive", self._archive, methods=["PUT"]),
        ]

    def refuse(self, request: Request, status: int) -> Response:
        """The error that Laravel would give."""
        return json_reply({"message": complaint(request, status)}, status)

    async def _list(self, request: Request) -> Response:
        return self._refusal(request) or listing_reply(self._projects)

    async def _create(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        given = await _given(request)
        errors = _team_errors(given) | _errors(given, required=True)
        if errors:
            return _invalid(errors)
        now = _stamp(self._clock())
        project = self._projects.change(
            _id(self._projects.add()),
            team_id=given["team_id"],
            name=given["name"],
            default=given.get("default", False),
            hmac_required=given.get("hmac_required", False),
            created_at=now,
            updated_at=now,
            deleted_at=None,
        )
        return json_reply({"message": "Project created.", "data": project}, 201)

    async def _read(self, request: Request) -> Response:
        project = self._find(request)
        return project if isinstance(project, Response) else json_reply(project)

    async def _update(self, request: Request) -> Response:
        project = self._find(request)
        if isinstance(project, Response):
            return project
        given = await _given(request)
        errors = _errors(given, required=False)
        if errors:
            return _invalid(errors)
        fields = {name: given[name] for name in ("name", *_FLAGS) if name in given}
        changed = self._projects.change(_id(project), **fields, updated_at=_stamp(self._clock()))
        return json_reply({"message": "Project updated.", "data": changed})

    async def _archive(self, request: Request) -> Response:
        project = self._find(request)
        if isinstance(project, Response):
            return project
        if project["deleted_at"] is None:
            now = _stamp(self._clock())
            project = self._projects.change(_id(project), updated_at=now, deleted_at=now)
        return json_reply({"message": "Project archived.", "data": project})

    async def _destroy(self, request: Request) -> Response:
        project = self._find(request)
        if isinstance(project, Response):
            return project
        self._projects.remove(_id(project))
        return json_reply({"message": "Project deleted."})

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a caller without permission, or None."""
        scheme, token = authorization(request)
        if scheme == "bearer" and token.startswith("proj_"):
            return json_reply({"message": "This action is unauthorized."}, 403)
        if (scheme, token) != ("bearer", self._token):
            return json_reply({"message": "Unauthenticated."}, 401, challenge("Bearer"))
        return None

    def _find(self, request: Request) -> Record | Response:
        """The project in the path, or the answer if there is none."""
        project_id = request.path_params["project_id"]
        found = self._projects.get(int(project_id)) if project_id.isdecimal() else None
        return self._refusal(request) or found or json_reply({"message": "Not found."}, 404)


async def _given(request: Request) -> Record:
    """The object in the request's body; empty if there is none."""
    try:
        return json_object(await request.body())
    except msgspec.MsgspecError:
        return {}


def _team_errors(given: Mapping[str, Json]) -> dict[str, list[str]]:
    team_id = given.get("team_id")
    if team_id is None:
        return {"team_id": ["The team id field is required."]}
    if isinstance(team_id, bool) or not isinstance(team_id, int):
        return {"team_id": ["The team id must be an integer."]}
    return {} if team_id in TEAM_IDS else {"team_id": ["You cannot create projects for this team."]}


def _errors(given: Mapping[str, Json], *, required: bool) -> dict[str, list[str]]:
    """What is wrong with the name and the flags, by field."""
    errors = {}
    name = given.get("name")
    if name is None or name == "":
        if required or "name" in given:
            errors["name"] = ["The name field is required."]
    elif not isinstance(name, str):
        errors["name"] = ["The name must be a string."]
    elif len(name) > MAX_NAME_LENGTH:
        errors["name"] = [f"The name may not be greater than {MAX_NAME_LENGTH} characters."]
    for flag in _FLAGS:
        if flag in given and not isinstance(given[flag], bool):
            errors[flag] = [f"The {flag.replace('_', ' ')} field must be true or false."]
    return errors


def _invalid(errors: Mapping[str, list[str]]) -> Response:
    return json_reply({"message": "The given data was invalid.", "errors": errors}, 422)


def _id(project: Record) -> int:
    return cast("int", project["id"])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _population(seed: int) -> Population:
    def make(position: int) -> Record:
        draw = Draw("belltastic", seed, position)
        created = EPOCH - timedelta(seconds=draw.below(1200 * 86_400))
        age = int((EPOCH - created).total_seconds())
        updated = created + timedelta(seconds=draw.below(1 + age))
        return {
            "id": position + 1,
            "name": "Default"
            if position == 0
            else f"{draw.pick(words.COMPANIES)} {draw.pick(words.UNDERTAKINGS)}",
            "default": position == 1,
            "hmac_required": draw.one_in(3),
            "team_id": draw.pick(TEAM_IDS),
            "created_at": _stamp(created),
            "updated_at": _stamp(updated),
            "deleted_at": _stamp(updated) if draw.one_in(9) else None,
        }

    def locate(record_id: RecordId) -> int | None:
        return record_id - 1 if isinstance(record_id, int) else None

    return Population("id", make, locate)
