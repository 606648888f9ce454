"""Answers that a provider gives instead of its own: errors, rate limits, nonsense, delays."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from pipelines.sandbox.vendor import PROVIDERS


@dataclass(frozen=True)
class Fault:
    """What a provider does with the requests that match, instead of or before answering them.

    `match` is a regular expression, searched for in `GET
    /matter/connect/v2/projects/get?locale=en&pageNumber=2`; empty, it matches all. The fault strikes `times`
    times, or for good if that is None. With `status` None the request is answered as usual, after `delay_s`.
    A `Content-Length` greater than that of `body` cuts the answer short.
    """

    provider: str
    match: str = ""
    times: int | None = 1
    status: int | None = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        re.compile(self.match)
        if self.provider not in PROVIDERS:
            raise ValueError(f"no such provider: {self.provider}; there are {', '.join(PROVIDERS)}")

    def strikes(self, provider: str, request: str) -> bool:
        """Whether `request`, written as method, space, path and query, is one of those."""
        return self.provider == provider and re.search(self.match, request) is not None

    def response(self) -> Response | None:
        """The answer it gives, or None for the provider's own."""
        return None if self.status is None else Response(self.body, self.status, self.headers)


class Faults:
    """The faults in force; of several that match, the first one added strikes."""

    def __init__(self) -> None:
        self._remaining: list[tuple[Fault, int | None]] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Put faults in force."""
        with self._lock:
            self._remaining.extend((fault, fault.times) for fault in faults)

    def clear(self) -> None:
        """Lift all faults."""
        with self._lock:
            self._remaining.clear()

    def in_force(self) -> list[Fault]:
        """The faults that have not struck as often as they will."""
        with self._lock:
            return [fault for fault, _ in self._remaining]

    def take(self, provider: str, request: str) -> Fault | None:
        """The fault that strikes this request, counted as one strike."""
        with self._lock:
            for place, (fault, times) in enumerate(self._remaining):
                if not fault.strikes(provider, request):
                    continue
                if times is None:
                    return fault
                if times > 1:
                    self._remaining[place] = (fault, times - 1)
                else:
                    del self._remaining[place]
                return fault
        return None
