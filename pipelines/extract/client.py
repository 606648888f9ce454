"""An HTTP client for one pinned host: GET only, with deadlines and bounded memory.

Built on `requests`, without redirects, and without proxies and netrc of the environment. The status, the
content type and the encoding of an answer are checked before it is read.
"""

import contextlib
import io
import itertools
import math
import random
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from pipelines.common.errors import EndMissing, MalformedAnswer, ProviderError, Transient
from pipelines.common.version import rollcall_version
from pipelines.config.network import proxies
from pipelines.extract.answers import (
    check_settings,
    documented_error,
    failure_of,
    fault_of,
    refuse_unexpected,
)
from pipelines.extract.compression import are_decoded, codings_of, decompressed
from pipelines.extract.connections import Connection
from pipelines.extract.deadline import Deadline, DeadlineAdapter, ending_after
from pipelines.extract.provider import Request
from pipelines.extract.raw_json import read_within
from pipelines.extract.sign_in import Access, SignIn, Token

T = TypeVar("T")

USER_AGENT = f"rollcall/{rollcall_version()}"
LONGEST_WAIT_S = 120.0
CHUNK_BYTES = 1 << 16
LARGE_BODY_BYTES = 4 << 20
# What `requests`, `urllib3` and the decompression raise.
FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, zlib.error, EOFError)
_one_large_body = threading.Lock()  # in memory at a time, over all connections


class RequestCounter:
    """Counts requests and retries, from several threads."""

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self._lock = threading.Lock()

    def count(self, *, retry: bool = False) -> None:
        """Count one more request, or one more retry."""
        with self._lock:
            if retry:
                self.retries += 1
            else:
                self.requests += 1


class HttpClient:
    """One connection's HTTP session. Safe to use from several threads; use it in a `with` block.

    Every method raises `Transient` when all attempts failed, `AccessRefused` on credentials or permissions,
    and `MalformedAnswer` when the answer is not what the vendor documents.
    """

    def __init__(self, connection: Connection, deadline: float) -> None:
        """`deadline` ends the run, in seconds of `time.monotonic`."""
        self.settings = connection.settings
        self.traffic = RequestCounter()
        self._connection = connection
        self._deadline = deadline
        self._in_flight = self.settings.integer("max_connections")
        self._access = self._new_access()
        self._resumes_at = -math.inf  # no thread sends a request before this time
        self._session = requests.Session()
        self._session.trust_env = False
        self._proxies = proxies(self.settings)
        self._session.verify = self.settings.text("ca_file") or True
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self._session.auth = connection.provider.auth(self.settings)
        adapter = DeadlineAdapter(pool_maxsize=self._in_flight, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        # Prepared once for all requests, because preparing takes as long as the rest of a request.
        self._blank = self._session.prepare_request(requests.Request("GET", "https://host"))
        self._tries = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=stop_after_attempt(1 + self.settings.integer("max_retries")),
            wait=self._wait,
            before_sleep=self._count_retry,
            reraise=True,
        )

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def begin_listing(self) -> None:
        """Allow one more login if the session ends."""
        self._access.begin_listing()

    def get(self, request: Request, read: Callable[[bytes], T]) -> T:
        """Return `read` of the answer's JSON body. Retries temporary failures."""
        attempts = itertools.count(1)
        return self._tries(lambda: self._try(request, read, next(attempts)))

    def get_all(self, wanted: Iterable[Request], read: Callable[[bytes], T]) -> Iterator[T]:
        """Yield `read` of each answer, in the order of the requests; up to `max_connections` run in parallel.

        If the provider asks for fewer requests (429, or Retry-After), all of them wait.
        """
        if self._in_flight == 1:
            yield from (self.get(request, read) for request in wanted)
            return
        pool = ThreadPoolExecutor(self._in_flight, thread_name_prefix=self._connection.name)
        waiting: deque[Future[T]] = deque()
        try:
            for request in wanted:
                waiting.append(pool.submit(self.get, request, read))
                if len(waiting) >= 2 * self._in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def post_login(self, path: str, credentials: Mapping[str, object]) -> None:
        """Send credentials to a login below the base URL; the session keeps the cookies that it sets."""
        self._exchange("POST", Request(path), lambda _body: None, credentials)

    def _new_access(self) -> Access:
        sign_in = self._connection.provider.sign_in
        return SignIn(lambda: sign_in(self)) if sign_in else Token()

    def _try(self, request: Request, read: Callable[[bytes], T], attempt: int) -> T:
        try:
            return self._access.send(lambda: self._exchange("GET", request, read))
        except ProviderError as error:
            failure = error.after(attempt)
            if isinstance(failure, MalformedAnswer):
                failure.remedy = failure.remedy or check_settings(self._connection)
            failure.__context__ = None  # its frames hold the answer, which may be large
            raise failure.with_traceback(None) from None

    def _exchange(
        self,
        method: str,
        request: Request,
        read: Callable[[bytes], T],
        credentials: Mapping[str, object] | None = None,
    ) -> T:
        while (pause := self._resumes_at - time.monotonic()) > 0:
            time.sleep(pause)
        self.traffic.count()
        seconds = min(self.settings.number("timeout_s"), self._deadline - time.monotonic())
        if seconds <= 0:
            raise ProviderError("the run's deadline has passed", "sync fewer connections in one run")
        with contextlib.ExitStack() as turn:
            response, body = self._answer(method, request, credentials, seconds, turn)
            return self._read(request, response, body, read, wants_json=credentials is None)

    def _answer(
        self,
        method: str,
        request: Request,
        credentials: Mapping[str, object] | None,
        seconds: float,
        turn: contextlib.ExitStack,
    ) -> tuple[requests.Response, bytes]:
        """Return the complete answer to a request; for a large one, `turn` holds the turn of large ones."""
        with ending_after(seconds) as deadline:
            try:
                with contextlib.closing(self._send(method, request, credentials, seconds)) as response:
                    body = self._body(response, deadline, turn)
            except FAULTS as error:
                raise fault_of(self._connection, request, error, out_of_time=deadline.ended) from None
        if deadline.ended:  # a truncated body without a Content-Length would look complete
            raise fault_of(self._connection, request, TimeoutError(), out_of_time=True)
        return response, body

    def _read(
        self,
        request: Request,
        response: requests.Response,
        body: bytes,
        read: Callable[[bytes], T],
        *,
        wants_json: bool,
    ) -> T:
        if response.status_code != 200:
            raise failure_of(self._connection, request, response, documented_error(self._connection, body))
        if wants_json:
            refuse_unexpected(self._connection, request, response, body)
        try:
            with read_within(self.settings.number("timeout_s")):
                return read(body)
        except MalformedAnswer as error:
            if isinstance(error, EndMissing) and _has_no_length(response):  # the connection may have broken
                raise Transient(f"{request.path} failed: the answer ended early") from None
            if documented := documented_error(self._connection, body):  # an error can come with status 200
                raise failure_of(self._connection, request, response, documented) from None
            if not self._connection.may_quote:
                raise MalformedAnswer(f"{request.path} returned an undocumented answer") from None
            raise

    def _send(
        self, method: str, request: Request, credentials: Mapping[str, object] | None, seconds: float
    ) -> requests.Response:
        prepared = self._blank.copy()
        prepared.prepare_method(method)
        prepared.prepare_url(f"{self.settings.text('base_url')}/{request.path}", request.params)
        if self._session.cookies:
            prepared.prepare_cookies(self._session.cookies)
        if credentials is not None:
            prepared.prepare_body(None, None, json=credentials)
        prepared.prepare_auth(self._session.auth)
        return self._session.send(
            prepared, timeout=seconds, allow_redirects=False, stream=True, proxies=self._proxies
        )

    def _body(self, response: requests.Response, deadline: Deadline, turn: contextlib.ExitStack) -> bytes:
        limit = self.settings.integer("max_body_mb") << 20
        has_turn = False
        codings = codings_of(response.headers.get("content-encoding", ""))
        with io.BytesIO() as body:
            for piece in decompressed(_chunks(response), codings if are_decoded(codings) else ()):
                body.write(piece)
                if body.tell() > LARGE_BODY_BYTES and not has_turn:
                    has_turn = True
                    with deadline.stopped():
                        turn.enter_context(_one_large_body)
                if body.tell() > limit:
                    raise MalformedAnswer(
                        f"the answer is larger than {limit >> 20} MB",
                        f"if that is expected, raise max_body_mb for {self._connection.name}",
                    )
            return body.getvalue()

    def _wait(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: as the provider asks, else exponential backoff with jitter.

        Raises ProviderError if that is too long, or after the deadline of the run.
        """
        failure = state.outcome.exception() if state.outcome else None
        base = self.settings.number("retry_wait_s") * 2 ** (state.attempt_number - 1)
        wait: float = base * random.uniform(0.5, 1.5)
        if isinstance(failure, Transient) and failure.retry_after is not None:
            wait = failure.retry_after + random.uniform(0, 0.1)
        if wait > LONGEST_WAIT_S or time.monotonic() + wait > self._deadline:
            raise _too_late(failure, wait) from None
        if isinstance(failure, Transient) and failure.is_too_much:
            self._resumes_at = max(self._resumes_at, time.monotonic() + wait)
        return wait

    def _count_retry(self, _state: RetryCallState) -> None:
        self.traffic.count(retry=True)


def _has_no_length(response: requests.Response) -> bool:
    """Whether an answer ends where its connection does, so that nothing shows if that was too early."""
    return not response.headers.keys() & {"content-length", "transfer-encoding"}


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives, compressed if the server did so."""
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
        yield chunk


def _too_late(failure: BaseException | None, wait: float) -> ProviderError:
    """The error for a failure after which there is no time to try again."""
    if wait >= 1:
        return ProviderError(f"{failure}; the next try would be in {wait:.0f} s", "try later")
    return ProviderError(f"{failure}; no time is left for another try", "try later")
