"""Matter, the Origin Connect API v2: `/connect/v2/projects/get`, a Bearer token, pages by number and size.

The vendor's page shows errors with the statuses 400 and 500. A missing token, not shown there, gives 401.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipelines.sandbox import words
from pipelines.sandbox.access import authorization, challenge, complaint
from pipelines.sandbox.draw import EPOCH, Draw, Numbering, in_utc, secret
from pipelines.sandbox.replies import json_reply
from pipelines.sandbox.store import Population, Record, Store

LOCALES = ("de", "es_MX", "en", "fr", "zh_CN")
MAX_PAGE_SIZE = 100

_VALIDATION = "CE00001 - Connect request failed validation. Refer to provided messages for details."
_NOT_AUTHORIZED = "CE00002 - Connect request is not authorized. Refer to provided messages for details."

_PHASES = (
    "PRJ_PHASE_PROGRAMMING_AND_FEASIBILITY",
    "PRJ_PHASE_CONCEPTUAL_DESIGN",
    "PRJ_PHASE_CONSTRUCTION",
)
_STATUSES = ("PRJ_STATUS_ON_GOING", "PRJ_STATUS_COMPLETE", "PRJ_STATUS_PAUSED", "PRJ_STATUS_PROSPECT")
_TYPES = ("COMMERCIAL", "EDUCATIONAL", "HEALTHCARE", "HOSPITALITY", "RESIDENTIAL")


class Matter:
    """One company's projects."""

    base_path = "/matter/connect/v2"

    def __init__(self, seed: int, count: int) -> None:
        token = secret(seed, "matter access token")
        self.settings: dict[str, str] = {}
        self.secrets = {"access_token": token}
        self._token = token
        self._projects = Store(_population(seed), count)
        self.stores: dict[int | None, Store] = {None: self._projects}

    def routes(self) -> Sequence[BaseRoute]:
        """The listing. There is no request for one record."""
        return [Route("/connect/v2/projects/get", self._list)]

    def refuse(self, request: Request, status: int) -> Response:
        """404 and 405 are not among the documented statuses."""
        return _error(status, _VALIDATION, [complaint(request, status)], {})

    async def _list(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name) for name in ("locale", "pageNumber", "pageSize")}
        if authorization(request) != ("bearer", self._token):
            refusal = _error(401, _NOT_AUTHORIZED, ["The access token is missing or invalid."], asked)
            refusal.headers.update(challenge("Bearer"))
            return refusal
        page, size = _number(asked["pageNumber"]), _number(asked["pageSize"], most=MAX_PAGE_SIZE)
        if asked["locale"] not in LOCALES or page is None or size is None:
            return _error(400, _VALIDATION, _complaints(asked), asked)
        start = (page - 1) * size
        total = len(self._projects)
        return json_reply(
            {
                "status": {"state": "SUCCESS", "code": None},
                "result": {
                    "entityType": "PROJECT",
                    "searchInfo": {"numberOfElements": str(total), "numberOfPages": str(-(-total // size))},
                    "data": self._projects.page(start, start + size),
                },
                "connectRequest": asked | {"contextCompanyOriginId": None},
            }
        )


def _complaints(asked: Mapping[str, str | None]) -> list[str]:
    """One message for each missing or wrong parameter."""
    expected = {
        "locale": (asked["locale"] in LOCALES, ", ".join(LOCALES)),
        "pageNumber": (_number(asked["pageNumber"]), "positive integer not equal zero"),
        "pageSize": (
            _number(asked["pageSize"], most=MAX_PAGE_SIZE),
            f"integer between 1 and {MAX_PAGE_SIZE}",
        ),
    }
    return [
        f"Request has invalid value '{'null' if asked[name] is None else asked[name]}' for field {name}. "
        f"Allowed value(s) : [{allowed}]"
        for name, (is_valid, allowed) in expected.items()
        if not is_valid
    ]


def _number(text: str | None, most: int | None = None) -> int | None:
    """`text` as an integer from 1 to `most`, or None."""
    if text is None or not text.isdecimal():
        return None
    return int(text) if 0 < int(text) <= (most or int(text)) else None


def _error(status: int, code: str, messages: list[str], asked: Mapping[str, str | None]) -> Response:
    state = {"state": "ERROR", "code": code, "messages": messages}
    return json_reply({"status": state, "connectRequest": asked}, status)


def _population(seed: int) -> Population:
    numbering = Numbering("matter", seed)

    def make(position: int) -> Record:
        draw = Draw("matter", seed, position)
        city, region, country = draw.pick(words.PLACES)
        project: Record = {
            "originId": numbering.uuid(position),
            "name": f"{draw.pick(words.UNDERTAKINGS)} {draw.pick(words.SITES)} {1 + draw.below(200)}",
            "description": None if draw.one_in(8) else draw.pick(words.SENTENCES),
            "clientName": None if draw.one_in(12) else draw.pick(words.COMPANIES),
            "projectPhase": draw.pick(_PHASES),
            "projectStatus": draw.pick(_STATUSES),
            "projectType": draw.pick(_TYPES),
        }
        if not draw.one_in(10):
            project["logoUrl"] = _logo(draw, position, city)
        if not draw.one_in(7):
            project["location"] = {"city": city, "region": region, "country": country}
        if not draw.one_in(3):
            updated = EPOCH - timedelta(seconds=draw.below(700 * 86_400))
            project["lastUpdated"] = f"{in_utc(updated, 'milliseconds')}Z"
        return project

    return Population("originId", make, numbering.position)


def _logo(draw: Draw, position: int, city: str) -> Record:
    file_name = f"{position}-{quote(city)}.jpg"
    logo: Record = {"referenceUrl": f"/storage/{file_name}"}
    if draw.one_in(2):
        logo["originalUrl"] = f"https://files.matter.example/original/{file_name}"
    return logo
