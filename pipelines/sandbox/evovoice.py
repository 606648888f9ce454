"""EvoVoice: `/auth/credentials`, which opens a session kept in cookies, and `/files`, in JSON or XML.

The service runs on ServiceStack. The vendor's page shows neither error bodies nor all login paths (`/auth`,
`/api/Authenticate`), so these are ServiceStack's. The vendor's command line requests `/auth/status` after its
login. A client whose user agent is curl is refused, as by the live service.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pipelines.sandbox.access import authorization, challenge, complaint
from pipelines.sandbox.draw import secret
from pipelines.sandbox.evovoice_files import Files, camel_case, pascal_case
from pipelines.sandbox.evovoice_query import Paging, ParameterError, Selection, paging, selection
from pipelines.sandbox.evovoice_xml import listing_xml
from pipelines.sandbox.replies import json_reply
from pipelines.sandbox.store import Json, Record, Store, json_object

_SESSION_COOKIES = ("ss-id", "ss-pid")
_LOGINS = ("/auth/credentials", "/auth", "/api/Authenticate")


class EvoVoice:
    """The files that one user may see."""

    base_path = "/evovoice"

    def __init__(self, seed: int, customers: int, files: int, *, uses_pascal_case: bool) -> None:
        self.settings = {"user_name": f"rollcall-{seed}@example.com"}
        self.secrets = {"password": secret(seed, "evovoice password")}
        self._seed = seed
        self._casing = pascal_case if uses_pascal_case else camel_case
        self._origin = Files(seed, customers, files, self._casing)
        self._files = Store(self._origin.population, files)
        self.stores: dict[int | None, Store] = {None: self._files}
        self._credentials = b64encode(
            f"rollcall-{seed}@example.com:{self.secrets['password']}".encode()
        ).decode()
        self._sessions: set[str] = set()
        self._logins = 0
        # All pages of a listing use the same selection. A change of a record changes the revision.
        self._selected = lru_cache(maxsize=8)(self._select)

    def routes(self) -> Sequence[BaseRoute]:
        """The login and the listing, with ServiceStack's suffixes."""
        return [
            *(Route(path, self._log_in, methods=["POST"]) for path in _LOGINS),
            *(Route(path, self._show_session, methods=["GET"]) for path in _LOGINS),
            Route("/auth/status", self._show_status),
            Route("/auth/logout", self._log_out, methods=["GET", "POST"]),
            *(Route(path, self._list) for path in ("/files", "/files.json", "/files.xml")),
            Route("/files/{file_id}", self._read),
        ]

    def refuse(self, request: Request, status: int) -> Response:
        """ServiceStack's error."""
        code = "NotFound" if status == 404 else "MethodNotAllowed"
        return self._error(status, code, complaint(request, status))

    def expire_sessions(self) -> None:
        """End every session: their cookies are no longer accepted."""
        self._sessions.clear()

    async def _log_in(self, request: Request) -> Response:
        if _is_curl(request):
            return _blocked()
        try:
            given = json_object(await request.body())
        except msgspec.MsgspecError:
            return self._error(400, "SerializationException", "The body is not a JSON object.")
        provider = given.get("provider")
        if provider == "logout":
            return await self._log_out(request)
        if provider != "credentials" and (provider or request.url.path.endswith("/auth")):
            return self._error(404, "NotFound", "The authentication provider does not exist.", "provider")
        user_name = self.settings["user_name"]
        if (given.get("userName"), given.get("password")) != (user_name, self.secrets["password"]):
            return self._unauthorized("Invalid UserName or Password")
        self._logins += 1
        cookies = {name: secret(self._seed, f"{name} {self._logins}") for name in _SESSION_COOKIES}
        self._sessions.update(cookies.values())
        response = self._session(cookies["ss-id"])
        for name, value in cookies.items():
            response.set_cookie(name, value, httponly=True)
        return response

    async def _show_session(self, request: Request) -> Response:
        """The endpoint that tells ServiceStack's clients whether they are logged in."""
        return self._refusal(request) or self._session(request.cookies.get("ss-id", ""))

    async def _show_status(self, request: Request) -> Response:
        if _is_curl(request):
            return _blocked()
        status: dict[str, object] = {"IsAuthenticated": self._is_known(request)}
        if status["IsAuthenticated"]:
            accounts = self._origin.accounts
            status |= {
                "Id": "user-0",
                "Name": "Rollcall",
                "EmailAddress": self.settings["user_name"],
                "Roles": ["Manager"],
                "AccountIds": list(accounts),
                "AccountNames": list(accounts.values()),
            }
        return self._reply(status)

    async def _log_out(self, request: Request) -> Response:
        self._sessions.difference_update(request.cookies.values())
        return self._reply({"ResponseStatus": {}})

    async def _read(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        found = self._files.get(request.path_params["file_id"])
        return (
            self._error(404, "NotFound", "The file does not exist.") if found is None else json_reply(found)
        )

    async def _list(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            wanted, page = selection(request.query_params), paging(request.query_params)
        except ParameterError as invalid:
            return self._error(400, "RequestBindingException", str(invalid), invalid.name)
        if _wants_xml(request):
            return self._xml(wanted, page)
        return self._json(wanted, page)

    def _json(self, wanted: Selection, page: Paging) -> Response:
        total = self._count(wanted)
        bounds = page.bounds(total)
        items: object
        if wanted == Selection():
            items = self._files.page(bounds.start, bounds.stop)
        else:
            items = self._records(wanted, bounds)
        answer = {"Items": items, "HasMorePages": bounds.stop < total}
        if not page.simplified:
            answer |= {"TotalCount": total, "TotalPages": page.pages(total)}
        return self._reply(answer)

    def _xml(self, wanted: Selection, page: Paging) -> Response:
        total = self._count(wanted)
        bounds = page.bounds(total)
        document = listing_xml(
            self._records(wanted, bounds),
            self._casing,
            has_more=bounds.stop < total,
            totals=None if page.simplified else (total, page.pages(total)),
        )
        return Response(document, media_type="application/xml")

    def _count(self, wanted: Selection) -> int:
        return (
            len(self._files) if wanted == Selection() else len(self._selected(wanted, self._files.revision))
        )

    def _records(self, wanted: Selection, bounds: slice) -> list[Record]:
        if wanted == Selection():
            return self._files.records(bounds.start, bounds.stop)
        return [self._files.at(position) for position in self._selected(wanted, self._files.revision)[bounds]]

    def _select(self, wanted: Selection, _revision: int) -> Sequence[int]:
        """The positions of the selected files, in the order of the selection."""
        # Among a million files, only those created in the window and those with a changed date can
        # match.
        window = self._origin.window(wanted.created_start, wanted.created_end, self._files.size)
        candidates = self._files.listed_positions(sorted({*window, *self._files.rewritten_positions()}))
        taken = [place for place in candidates if wanted.takes(self._files.at(place), self._casing)]
        if wanted.sort_field is not None or wanted.descending:
            key = self._casing(wanted.sort_field or "Id")
            taken.sort(key=lambda place: _rank(self._files.at(place).get(key)), reverse=wanted.descending)
        return taken

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a caller without permission, or None."""
        if _is_curl(request):
            return _blocked()
        return None if self._is_known(request) else self._unauthorized("Not Authenticated")

    def _is_known(self, request: Request) -> bool:
        has_session = any(request.cookies.get(name) in self._sessions for name in _SESSION_COOKIES)
        return has_session or authorization(request) == ("basic", self._credentials)

    def _session(self, session_id: str) -> Response:
        user_name = self.settings["user_name"]
        return self._reply({"SessionId": session_id, "UserName": user_name, "ResponseStatus": {}})

    def _reply(self, answer: Mapping[str, object]) -> Response:
        return json_reply({self._casing(name): value for name, value in answer.items()})

    def _unauthorized(self, message: str) -> Response:
        refusal = self._error(401, "Unauthorized", message)
        refusal.headers.update(challenge("Basic"))
        return refusal

    def _error(self, status: int, code: str, message: str, field: str | None = None) -> Response:
        error = {"ErrorCode": code, "FieldName": field, "Message": message}
        errors = [] if field is None else [{self._casing(name): value for name, value in error.items()}]
        described = {"ErrorCode": code, "Message": message, "Errors": errors}
        body = {self._casing(name): value for name, value in described.items()}
        return json_reply({self._casing("ResponseStatus"): body}, status)


def _is_curl(request: Request) -> bool:
    return request.headers.get("user-agent", "").lower().startswith("curl")


def _blocked() -> Response:
    return Response("<html><body><h1>403 Forbidden</h1></body></html>", 403, media_type="text/html")


def _wants_xml(request: Request) -> bool:
    asked = request.query_params.get("format") or request.url.path.rpartition(".")[2]
    if asked in ("json", "xml"):
        return asked == "xml"
    return "application/xml" in request.headers.get("accept", "")


def _rank(value: Json) -> tuple[bool, float, str]:
    """The sort key of a value: null first, numbers by size, everything else as a string."""
    number = value if isinstance(value, int | float) else 0
    return value is not None, number, "" if value is None else str(value)
