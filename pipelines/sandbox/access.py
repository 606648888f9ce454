"""What the stand-ins share in reading credentials and in refusing a request."""

from starlette.requests import Request

CHALLENGE = "WWW-Authenticate"


def authorization(request: Request) -> tuple[str, str]:
    """The scheme, in lower case since its case does not matter (RFC 9110), and the credentials."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credentials.strip()


def challenge(scheme: str) -> dict[str, str]:
    """The header that every 401 carries."""
    return {CHALLENGE: f'{scheme} realm="sandbox"'}


def complaint(request: Request, status: int) -> str:
    """What is wrong with a request for a path (404) or with a method (405) that the vendor does not have."""
    path = "/" + request.scope["path"].split("/", 2)[-1]
    return f"There is nothing at {path}." if status == 404 else f"{path} does not take {request.method}."
