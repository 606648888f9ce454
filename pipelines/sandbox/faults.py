"""Faults of a provider: errors, rate limits, malformed answers and delays."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from pipelines.sandbox.vendor import PROVIDERS

LONGEST_DELAY_S = 3600
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True)
class Fault:
    """What a provider does with matching requests, before or instead of answering them.

    `match` is a regular expression that is searched for in the request's line, such as
    `GET /matter/connect/v2/projects/get?locale=en&pageNumber=2`; an empty one matches all. The fault applies
    `times` times, or always if that is None. With `status` None, the provider answers as usual after
    `delay_s`. A `Content-Length` greater than that of `body` truncates the answer.
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
        if self.status is not None and not 200 <= self.status <= 999:
            raise ValueError(f"status must be from 200 to 999, or null; it is {self.status}")
        if not 0 <= self.delay_s <= LONGEST_DELAY_S:
            raise ValueError(f"delay_s must be from 0 to {LONGEST_DELAY_S}; it is {self.delay_s:g}")
        for name, value in self.headers.items():
            is_number = name.lower() != "content-length" or value.isdecimal()
            if not (HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value) and is_number):
                raise ValueError(f"a server cannot send the header {name}: {value}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be 1 or more, or null; it is {self.times}")
        if self.provider not in PROVIDERS:
            raise ValueError(f"no such provider: {self.provider}; there are {', '.join(PROVIDERS)}")

    def matches(self, provider: str, request: str) -> bool:
        """Whether the fault matches `request`, written as method, space, path and query."""
        return self.provider == provider and re.search(self.match, request) is not None

    def response(self) -> Response | None:
        """The answer of the fault, or None if the provider answers."""
        return None if self.status is None else Response(self.body, self.status, self.headers)


class Faults:
    """The active faults. If several match a request, the first one added applies."""

    def __init__(self) -> None:
        self._remaining: list[tuple[Fault, int | None]] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Add faults."""
        with self._lock:
            self._remaining.extend((fault, fault.times) for fault in faults)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._remaining.clear()

    def active(self) -> list[Fault]:
        """The faults that are not used up."""
        with self._lock:
            return [fault for fault, _ in self._remaining]

    def take(self, provider: str, request: str) -> Fault | None:
        """The fault that applies to this request; it is counted."""
        with self._lock:
            for place, (fault, times) in enumerate(self._remaining):
                if not fault.matches(provider, request):
                    continue
                if times is None:
                    return fault
                if times > 1:
                    self._remaining[place] = (fault, times - 1)
                else:
                    del self._remaining[place]
                return fault
        return None
