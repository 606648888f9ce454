"""The Authorization header of RFC 6750, which three of the providers use."""

from requests import PreparedRequest
from requests.auth import AuthBase


class BearerAuth(AuthBase):
    """Sends `Authorization: Bearer <token>` with every request."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """The same request with the header set."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
