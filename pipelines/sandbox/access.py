"""Reading credentials and refusing requests, for all simulated providers."""

from starlette.requests import Request

CHALLENGE = "WWW-Authenticate"


def authorization(request: Request) -> tuple[str, str]:
    """The scheme, in lower case because RFC 9110 ignores its case, and the credentials."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credentials.strip()


def challenge(scheme: str) -> dict[str, str]:
    """The header of every 401."""
    return {CHALLENGE: f'{scheme} realm="sandbox"'}


def complaint(request: Request, status: int) -> str:
    """The message for a path (404) or a method (405) that the vendor does not have."""
    path = "/" + request.scope["path"].split("/", 2)[-1]
    return f"There is nothing at {path}." if status == 404 else f"{path} does not take {request.method}."
