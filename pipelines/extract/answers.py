"""What an answer, or the exception instead of it, means for a listing: continue, retry or fail.

Errors quote a server in one line of at most `LONGEST_QUOTE` characters, without secrets.
"""

import contextlib
import functools
import http.client
import ssl
import zlib
from http import HTTPStatus

import requests
import urllib3

from pipelines.common.errors import AccessRefused, MalformedAnswer, ProviderError, Transient
from pipelines.common.text import printable
from pipelines.config.network import PROXY_CREDENTIALS
from pipelines.extract.compression import CODINGS, are_decoded, codings_of
from pipelines.extract.connections import Connection
from pipelines.extract.provider import ErrorBody, Request

TRANSIENT_STATUSES = frozenset({408, 425, 429})
REFUSED_STATUSES = frozenset({401, 402, 403})
NOT_THERE_STATUSES = frozenset({404, 405, 410})
TUNNEL_FAILED = "Tunnel connection failed: "  # how `http.client` quotes a proxy
LONGEST_QUOTE = 300  # characters of a server's text


def documented_error(connection: Connection, body: bytes) -> ErrorBody | None:
    """The provider's own code and message; None if the body is not its documented error."""
    with contextlib.suppress(MalformedAnswer):
        return connection.provider.error_body(body)
    return None


def refuse_unexpected(
    connection: Connection, request: Request, response: requests.Response, body: bytes
) -> None:
    """Raise MalformedAnswer unless a successful answer says that it is JSON in UTF-8.

    Invalid UTF-8 is found when the record is read.
    """
    codings = codings_of(response.headers.get("content-encoding", ""))
    if not are_decoded(codings):
        unknown = [coding for coding in codings if coding not in CODINGS]
        got = _quote(connection, unknown[0]) if unknown else f"{len(codings)} encodings, one inside the other"
        raise MalformedAnswer(f"expected an answer from {request.path} in gzip or deflate, got {got}")
    kind, charset = _kind_of(response.headers.get("content-type", "application/json"))
    if not kind.endswith(("/json", "+json")):
        got = _quote(connection, kind) or "an empty content type"
        raise MalformedAnswer(f"expected JSON from {request.path}, got {got}", _check_base_url(connection))
    if charset.lower().replace("_", "-") not in {"utf-8", "utf8", "us-ascii"}:
        raise MalformedAnswer(f"expected UTF-8 from {request.path}, got {_quote(connection, charset)}")
    if connection.is_secret_in(body):
        raise MalformedAnswer("the answer contains the credentials that were sent", "ask the provider why")


def failure_of(
    connection: Connection, request: Request, response: requests.Response, documented: ErrorBody | None
) -> ProviderError:
    """The error for an answer that is not a success."""
    status = response.status_code
    reason = f"{request.path} answered {status}"
    if documented:
        reason += f" ({_quote(connection, f'{documented.code}: {documented.message}')})"
    seconds = _retry_after(response)
    failure = (documented and documented.failure) or _failure_of(status)
    if failure is Transient or (failure is MalformedAnswer and seconds is not None and status >= 400):
        is_too_much = status == 429 or seconds is not None
        return Transient(reason, retry_after=seconds, is_too_much=is_too_much)
    if failure is AccessRefused:
        return AccessRefused(
            reason,
            f"check the credentials of {connection.name}, and what they can access",
            unauthorized=status == 401,
        )
    if 300 <= status < 400:
        return MalformedAnswer(f"{reason}, a redirect, which is never followed", "correct base_url")
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return MalformedAnswer(reason, PROXY_CREDENTIALS)
    if status in NOT_THERE_STATUSES and not documented:
        return MalformedAnswer(reason, _check_base_url(connection))
    return MalformedAnswer(reason, check_settings(connection))


def check_settings(connection: Connection) -> str:
    """What to do about an answer that neither the status nor the provider's text explains."""
    return f"check the settings of {connection.name} in .dlt/config.toml, or ask the provider"


def _check_base_url(connection: Connection) -> str:
    return f"check base_url of {connection.name}"


def fault_of(
    connection: Connection, request: Request, error: Exception, *, out_of_time: bool
) -> ProviderError:
    """The error for an exception of `requests` or `urllib3`, in one line."""
    settings, cause = connection.settings, _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ProviderError(
            f"the certificate of {settings.text('base_url')} was not accepted: {cause.verify_message}",
            "have it fixed, or name its authority's certificate in ca_file; certificates are always verified",
        )
    place, remedy = _way(connection, request)
    timeouts = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)
    if out_of_time or isinstance(error, timeouts):
        allowed = settings.number("timeout_s")
        return Transient(f"{place} did not answer completely within {allowed:g} s", remedy)
    words = _in_words(connection, cause)
    if f"{HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:d} " in words.partition(TUNNEL_FAILED)[2]:
        remedy = PROXY_CREDENTIALS
    return Transient(f"{place} failed: {words}", remedy)


def _way(connection: Connection, request: Request) -> tuple[str, str]:
    """How a request is sent, for the message of a failure, and what to check there."""
    proxy = connection.settings.text("proxy")
    if not proxy:
        return request.path, ""
    return f"{request.path} through {proxy}", f"check proxy of {connection.name}"


def _quote(connection: Connection, text: str) -> str:
    return printable(" ".join(connection.quote(text).split()))[:LONGEST_QUOTE]


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
    """The kind of failure that a status other than 200 means without a documented error."""
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
    """The innermost cause; an exception of `http.client` says more than what Python's own raised in it."""
    while not isinstance(error, http.client.HTTPException):
        wrapped = (getattr(error, "reason", None), *error.args[:1], error.__cause__, error.__context__)
        reason = next((cause for cause in wrapped if isinstance(cause, BaseException)), None)
        if reason is None:
            return error
        error = reason
    return error


def _in_words(connection: Connection, error: BaseException) -> str:
    """Describe a transport error for the message of the listing. Only what a server sent is a quotation."""
    words = sent = _quote(connection, str(error))
    match error:
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():  # with a reason or without one
            words = "the connection ended within TLS"
        case ssl.SSLError():
            words = f"TLS error ({error.reason or error.strerror})"
        case OSError(strerror=str(text)):
            words = text
        case ConnectionError():
            pass
        case http.client.IncompleteRead(__context__=ValueError() as size) if "b''" not in str(size):
            words = "the answer is not HTTP (a chunk without its size)"
        case http.client.IncompleteRead() | EOFError():
            words = "the answer ended early"
        case zlib.error():
            words = "the answer is not compressed as its header says"
        case UnicodeError() | requests.exceptions.InvalidURL() | urllib3.exceptions.LocationParseError():
            words = "the name of the host is not valid"
        case http.client.HTTPException() | ValueError():
            words = f"the answer is not HTTP ({sent})"
    return words or type(error).__name__
