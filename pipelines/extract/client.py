"""An HTTP client for one pinned host: GET only, with deadlines and bounded memory.

Built on `requests`, without redirects, and without proxies and netrc from the environment. The status, the
content type and the encoding of an answer are checked before it is read.
"""

import contextlib
import functools
import http.client
import io
import itertools
import math
import random
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from pipelines.common.errors import AccessRefused, MalformedAnswer, ProviderError, Transient
from pipelines.common.text import printable
from pipelines.common.version import rollcall_version
from pipelines.extract.connections import Connection
from pipelines.extract.deadline import Deadline, DeadlineAdapter, ending_after
from pipelines.extract.provider import Client, ErrorBody, Request
from pipelines.extract.raw_json import read_within

T = TypeVar("T")

USER_AGENT = f"rollcall/{rollcall_version()}"
LONGEST_WAIT_S = 120.0
CHUNK_BYTES = 1 << 16
LARGE_BODY_BYTES = 4 << 20
_one_large_body = threading.Lock()  # in memory at a time, over all connections
TRANSIENT_STATUSES = frozenset({408, 425, 429})
REFUSED_STATUSES = frozenset({401, 402, 403})
MOST_REFUSALS = 2  # of one token in a row: more might lock the account
LONGEST_TOLD = 300  # characters quoted from a server


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
    """One connection's HTTP session. Safe to use from several threads; close it when done.

    Every method raises `Transient` when all attempts failed, `AccessRefused` on credentials or permissions,
    and `MalformedAnswer` when the answer is not what the vendor documents.
    """

    def __init__(self, connection: Connection, deadline: float) -> None:
        """`deadline` ends the run, in seconds of `time.monotonic`."""
        self.settings = connection.settings
        self.traffic = RequestCounter()
        self._connection = connection
        self._provider = connection.provider
        self._deadline = deadline
        self._in_flight = self.settings.integer("max_connections")
        self._signing_in = threading.Lock()
        self._signed_in = 0
        self._renewed = False  # logged in once more since the listing began
        self._answered = False  # logged in at all since the listing began
        self._refusal: AccessRefused | None = None
        self._refusals = 0
        self._resumes_at = -math.inf  # no thread sends a request before this time
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = self.settings.text("ca_file") or True
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self._session.auth = self._provider.auth(self.settings)
        adapter = DeadlineAdapter(pool_maxsize=self._in_flight, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        # The common parts of all requests are prepared once: this takes as long as the rest of a request.
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
        """Allow one more login if the session ends; one per listing, so that a broken server gets few."""
        self._renewed = self._answered = False

    def get(self, request: Request, read: Callable[[bytes], T]) -> T:
        """Return `read` of the answer's JSON body. Retries temporary failures."""
        attempts = itertools.count(1)
        return self._tries(lambda: self._try(request, read, next(attempts)))

    def get_all(self, wanted: Iterable[Request], read: Callable[[bytes], T]) -> Iterator[T]:
        """Yield the answers in the order of the requests, with up to `max_connections` in parallel.

        If the provider asks for fewer requests (429, or Retry-After), all wait.
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
        """Send credentials to a login below the base URL; the cookies it sets are kept for the session."""
        self._exchange("POST", Request(path), lambda _body: None, credentials)

    def _try(self, request: Request, read: Callable[[bytes], T], attempt: int) -> T:
        try:
            return self._get_signed_in(request, read)
        except ProviderError as error:
            failure = error.after(attempt)
            failure.__context__ = None  # its frames hold the answer, which may be large
            raise failure.with_traceback(None) from None

    def _get_signed_in(self, request: Request, read: Callable[[bytes], T]) -> T:
        sign_in = self._provider.sign_in
        if sign_in is None:
            return self._get_with_token(request, read)
        session = self._sign_in_after(0, sign_in)
        try:
            return self._get_in_session(request, read)
        except AccessRefused as refusal:
            if not refusal.unauthorized:
                raise
        self._sign_in_after(session, sign_in)
        try:
            return self._get_in_session(request, read)
        except AccessRefused as refusal:
            if refusal.unauthorized and self._answered:
                raise _session_ended_twice() from None
            raise

    def _get_in_session(self, request: Request, read: Callable[[bytes], T]) -> T:
        answer = self._exchange("GET", request, read)
        self._answered = True
        return answer

    def _get_with_token(self, request: Request, read: Callable[[bytes], T]) -> T:
        """Send the request, unless the token was refused too often; a single client may refuse it."""
        if self._refusal and self._refusals >= MOST_REFUSALS:
            raise self._refusal
        try:
            answer = self._exchange("GET", request, read)
        except AccessRefused as refusal:
            if refusal.unauthorized:
                self._refusal, self._refusals = refusal, self._refusals + 1
            raise
        self._refusals = 0
        return answer

    def _sign_in_after(self, session: int, sign_in: Callable[[Client], None]) -> int:
        """Log in unless another thread has done so since `session`; return the number of the current session.

        Refused credentials are not sent again, because that might lock the account.
        """
        with self._signing_in:
            if self._refusal:
                raise self._refusal
            if self._signed_in == session:
                if session and self._renewed:
                    raise _session_ended_twice()
                try:
                    sign_in(self)
                except AccessRefused as refusal:
                    self._refusal = refusal
                    raise
                self._signed_in += 1
                self._renewed = session > 0
            return self._signed_in

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
        with ending_after(seconds) as watch:
            try:
                with contextlib.closing(self._send(method, request, credentials, seconds)) as response:
                    body = self._body(response, watch, turn)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise self._fault(request, error, out_of_time=watch.ended) from None
        if watch.ended:  # a cut body without a length would look complete
            raise self._fault(request, TimeoutError(), out_of_time=True)
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
            raise self._failure(request, response, self._documented(body))
        if wants_json:
            self._check(request, response, body)
        try:
            with read_within(self.settings.number("timeout_s")):
                return read(body)
        except MalformedAnswer:
            if documented := self._documented(body):  # an error can come with status 200
                raise self._failure(request, response, documented) from None
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
        return self._session.send(prepared, timeout=seconds, allow_redirects=False, stream=True, proxies={})

    def _body(self, response: requests.Response, watch: Deadline, turn: contextlib.ExitStack) -> bytes:
        limit = self.settings.integer("max_body_mb") << 20
        has_turn = False
        with io.BytesIO() as body:
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                body.write(chunk)
                if body.tell() > LARGE_BODY_BYTES and not has_turn:
                    has_turn = True
                    with watch.stopped():
                        turn.enter_context(_one_large_body)
                if body.tell() > limit:
                    raise MalformedAnswer(
                        f"the answer is larger than {limit >> 20} MB",
                        f"if that is expected, raise max_body_mb for {self._connection.name}",
                    )
            return body.getvalue()

    def _check(self, request: Request, response: requests.Response, body: bytes) -> None:
        """Raise MalformedAnswer unless the answer says that it is JSON in UTF-8.

        Invalid UTF-8 is found when the record is read.
        """
        kind, charset = _kind_of(response.headers.get("content-type", "application/json"))
        if not kind.endswith(("/json", "+json")):
            raise MalformedAnswer(f"expected JSON from {request.path}, got {self._told(kind)}")
        if charset.lower().replace("_", "-") not in {"utf-8", "utf8", "us-ascii"}:
            raise MalformedAnswer(f"expected UTF-8 from {request.path}, got {self._told(charset)}")
        if self._connection.is_secret_in(body):
            raise MalformedAnswer(
                "the answer contains the credentials that were sent", "ask the provider why"
            )

    def _documented(self, body: bytes) -> ErrorBody | None:
        """The provider's own code and message, if the body has them."""
        with contextlib.suppress(MalformedAnswer):
            return self._provider.error_body(body)
        return None

    def _failure(
        self, request: Request, response: requests.Response, documented: ErrorBody | None
    ) -> ProviderError:
        """Return the error for an answer that is not a success."""
        status = response.status_code
        reason = f"{request.path} answered {status}"
        if documented:
            reason += f" ({self._told(f'{documented.code}: {documented.message}')})"
        failure = (documented and documented.failure) or _failure_of(status)
        if failure is Transient:
            seconds = _retry_after(response)
            is_too_much = status == 429 or seconds is not None
            return Transient(reason, retry_after=seconds, is_too_much=is_too_much)
        if failure is AccessRefused:
            return AccessRefused(
                reason,
                f"check the credentials of {self._connection.name}, and what they may see",
                unauthorized=status == 401,
            )
        if 300 <= status < 400:
            return MalformedAnswer(f"{reason}, a redirect, which is never followed", "correct base_url")
        return MalformedAnswer(reason)

    def _told(self, text: str) -> str:
        """Quote a server on one line, without secrets, and up to a limit."""
        return printable(" ".join(self._connection.quote(text).split()))[:LONGEST_TOLD]

    def _fault(self, request: Request, error: Exception, *, out_of_time: bool) -> ProviderError:
        """Describe an exception of `requests` or `urllib3` in one line, without addresses of objects."""
        cause = _root(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ProviderError(
                f"the certificate of {self.settings.text('base_url')} was not accepted: "
                f"{cause.verify_message}",
                "have it fixed, or set ca_file to its authority's; certificates are always verified",
            )
        timeouts = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)
        if out_of_time or isinstance(error, timeouts):
            allowed = self.settings.number("timeout_s")
            return Transient(f"{request.path} did not answer completely within {allowed:g} s")
        return Transient(f"{request.path} failed: {self._told(_in_words(cause))}")

    def _wait(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: as the provider asks, else exponential with full jitter."""
        failure = state.outcome.exception() if state.outcome else None
        base = self.settings.number("retry_wait_s") * 2 ** (state.attempt_number - 1)
        wait: float = base * random.uniform(0.5, 1.5)
        if isinstance(failure, Transient) and failure.retry_after is not None:
            wait = failure.retry_after + random.uniform(0, 0.1)
        if wait > LONGEST_WAIT_S or time.monotonic() + wait > self._deadline:
            raise ProviderError(f"{failure}; the next try would be in {wait:.0f} s", "try later") from None
        if isinstance(failure, Transient) and failure.is_too_much:
            self._resumes_at = max(self._resumes_at, time.monotonic() + wait)
        return wait

    def _count_retry(self, _state: RetryCallState) -> None:
        self.traffic.count(retry=True)


def _session_ended_twice() -> AccessRefused:
    return AccessRefused(
        "the session ended twice within one listing",
        "check how long a session of this user lasts, and whether another program ends it",
    )


@functools.lru_cache(maxsize=100)  # a server sends the same in all its answers
def _kind_of(content_type: str) -> tuple[str, str]:
    """Return the media type and the encoding; UTF-8 if the header names none.

    `email.message` raises for some headers, and takes quadratic time for others.
    """
    kind, *parameters = content_type.split(";")
    named = (parameter.partition("=") for parameter in parameters)
    charsets = (
        text.strip(" \t\"'") for name, _, text in named if name.strip().lower().partition("*")[0] == "charset"
    )
    return kind.strip().lower(), next(charsets, "") or "utf-8"


def _failure_of(status: int) -> type[ProviderError]:
    """Whether a status other than 200 is worth a retry."""
    if status in TRANSIENT_STATUSES or status >= 500:
        return Transient
    return AccessRefused if status in REFUSED_STATUSES else MalformedAnswer


def _retry_after(response: requests.Response) -> float | None:
    """The seconds of a Retry-After header, a number or a date; None if it is not usable."""
    header = response.headers.get("retry-after")
    if header is None:
        return None
    with contextlib.suppress(urllib3.exceptions.InvalidHeader, OverflowError, ValueError):
        return max(0.0, float(urllib3.Retry(0).parse_retry_after(header)))
    return None


def _root(error: BaseException) -> BaseException:
    """The innermost cause."""
    while True:
        reason = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(reason, BaseException):
            return error
        error = reason


def _in_words(error: BaseException) -> str:
    """Describe a transport error for the message of the listing."""
    match error:
        case ssl.SSLError():
            return f"TLS broke down ({error.reason})"
        case OSError(strerror=str(words)):
            return words
        case ConnectionError():
            return str(error)
        case http.client.IncompleteRead():
            return "the answer ended early"
        case http.client.HTTPException() | ValueError():
            return f"the answer is not HTTP ({str(error).strip()})"
    return str(error) or type(error).__name__
