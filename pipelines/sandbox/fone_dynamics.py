"""Fone Dynamics: `/v2/Properties`, Basic authentication, pages by count and skip.

The vendor does not document a maximum of `Results_Count`; its other listings allow 200, and so does this one.
It documents the statuses 400, 401, 403 and 500 and the form of an error's body, but no codes: the codes here
are invented.
"""

from base64 import b64encode
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipelines.sandbox import words
from pipelines.sandbox.access import authorization, challenge, complaint
from pipelines.sandbox.draw import Draw, Numbering, secret
from pipelines.sandbox.replies import json_reply
from pipelines.sandbox.store import Population, Record, Store

DEFAULT_COUNT = 50
MAX_COUNT = 200

_TIME_ZONES = (
    "AUS Eastern Standard Time",
    "AUS Central Standard Time",
    "E. Australia Standard Time",
    "W. Australia Standard Time",
    "Cen. Australia Standard Time",
    "Tasmania Standard Time",
    "New Zealand Standard Time",
    "W. Europe Standard Time",
    "GMT Standard Time",
    "Pacific Standard Time",
    "UTC",
)


class FoneDynamics:
    """One account with its properties."""

    base_path = "/fone_dynamics/v2"

    def __init__(self, seed: int, count: int) -> None:
        account_sid = f"AG{secret(seed, 'fone_dynamics account')[:30].upper()}"
        token = secret(seed, "fone_dynamics token")
        self.settings = {"account_sid": account_sid}
        self.secrets = {"token": token}
        self._credentials = b64encode(f"{account_sid}:{token}".encode()).decode()
        self._properties = Store(_population(seed, account_sid), count)
        self.stores: dict[int | None, Store] = {None: self._properties}

    def routes(self) -> Sequence[BaseRoute]:
        """The listing, and a single property."""
        return [Route("/v2/Properties", self._list), Route("/v2/Properties/{sid}", self._read)]

    def refuse(self, request: Request, status: int) -> Response:
        """404 and 405 are not among the documented statuses."""
        code = "NotFound" if status == 404 else "MethodNotAllowed"
        return _error(status, code, complaint(request, status))

    async def _list(self, request: Request) -> Response:
        if self._is_stranger(request):
            return _unauthorized()
        count = _number(request, "Results_Count", DEFAULT_COUNT, least=1)
        skip = _number(request, "Results_Skip", 0, least=0)
        invalid = [
            name for name, value in (("Results_Count", count), ("Results_Skip", skip)) if value is None
        ]
        if count is None or skip is None:
            return _error(400, "InvalidParameter", "One or more parameters are invalid.", *invalid)
        end = skip + min(count, MAX_COUNT)
        total = len(self._properties)
        return json_reply(
            {
                "Properties": self._properties.page(skip, end),
                "TotalCount": total,
                "NextPageToken": b64encode(f"skip={end}".encode()).decode() if end < total else None,
            }
        )

    async def _read(self, request: Request) -> Response:
        if self._is_stranger(request):
            return _unauthorized()
        found = self._properties.get(request.path_params["sid"])
        if found is None:
            # 404 is not among the documented statuses.
            return _error(400, "NotFound", "The property does not exist.", "PropertySid")
        return json_reply({"Property": found})

    def _is_stranger(self, request: Request) -> bool:
        return authorization(request) != ("basic", self._credentials)


def _number(request: Request, name: str, default: int, *, least: int) -> int | None:
    """A parameter's value, or None if it is invalid."""
    text = request.query_params.get(name)
    if text is None:
        return default
    return int(text) if text.isdecimal() and int(text) >= least else None


def _error(status: int, code: str, message: str, *fields: str) -> Response:
    errors = [{"FieldName": field} for field in fields]
    return json_reply({"ResponseStatus": {"ErrorCode": code, "Message": message, "Errors": errors}}, status)


def _unauthorized() -> Response:
    refusal = _error(401, "Unauthorized", "The AccountSid or token is invalid.")
    refusal.headers.update(challenge("Basic"))
    return refusal


def _population(seed: int, account_sid: str) -> Population:
    numbering = Numbering("fone_dynamics", seed)

    def make(position: int) -> Record:
        draw = Draw("fone_dynamics", seed, position)
        return {
            "AccountSid": account_sid,
            "PropertySid": f"S{numbering.digits(position, 31).upper()}",
            "Name": f"{draw.pick(words.COMPANIES)} {1 + draw.below(40)}",
            "MainDomain": None if draw.one_in(9) else draw.pick(words.DOMAINS),
            "TimeZone": draw.pick(_TIME_ZONES),
            "SmsEnabled": draw.one_in(2),
            "CallRecordingEnabled": draw.one_in(3),
            "IntegrationsEnabled": draw.one_in(2),
            "Active": not draw.one_in(6),
        }

    return Population("PropertySid", make, numbering.position)
