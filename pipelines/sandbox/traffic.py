"""The log of requests to the simulated providers, and how many were in flight at once."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl

_KEPT = 100_000


@dataclass(frozen=True)
class RequestLine:
    """One request without its credentials, which are only in headers, cookies and bodies."""

    provider: str
    method: str
    path: str
    query_string: str

    @property
    def query(self) -> dict[str, str]:
        """The parameters, decoded."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f"?{self.query_string}" if self.query_string else "")


class RequestCounter:
    """The latest requests in the order received, and counts of all requests by provider."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all requests, also those in flight."""
        self.requests: deque[RequestLine] = deque(maxlen=_KEPT)
        self.counts: Counter[str] = Counter()
        self.max_in_flight: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()

    @contextmanager
    def passing(self, request: RequestLine) -> Iterator[None]:
        """Log `request`, and count it as in flight during the block."""
        provider, in_flight, max_in_flight = request.provider, self._in_flight, self.max_in_flight
        self.requests.append(request)
        self.counts[provider] += 1
        in_flight[provider] += 1
        max_in_flight[provider] = max(max_in_flight[provider], in_flight[provider])
        try:
            yield
        finally:
            in_flight[provider] -= 1
