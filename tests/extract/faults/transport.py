"""Faults of transport: sockets, TLS, HTTP."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

from tests.extract.faults.cases import CHECK_SETTINGS, PAGED, Case, always, first, on_page, status
from tests.extract.faults.hostile import Exchange, Fault, Reply

JSON = "application/json"


def hang_up(_: Exchange) -> None:
    """Close the connection without an answer."""


def half(asked: Exchange) -> None:
    """Announce the whole body, and hold the end of it back."""
    asked.send(asked.good().raw()[:-40])


def head(*headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {JSON}", *headers, "", ""]).encode()


def cut_without_length(asked: Exchange) -> None:
    """The beginning of the body, which ends where the connection does."""
    asked.send(head("Connection: close"), asked.good().body[:-20])


def chunks(*parts: bytes) -> Fault:
    return lambda asked: asked.send(head("Transfer-Encoding: chunked"), *parts)


def drip_body(asked: Exchange) -> None:
    asked.send(head("Content-Length: 100000"))
    asked.drip(b" ")


def drip_headers(asked: Exchange) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nX: ")
    asked.drip(b"x")


def endless_body(asked: Exchange) -> None:
    asked.send(head(), b"[")
    asked.flood(b" " * 65536)


def endless_header(asked: Exchange) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\n")
    asked.flood(b"X: " + b"x" * 65536)


def zipped(asked: Exchange) -> Reply:
    return Reply(gzip.compress(asked.good().body), headers={"Content-Type": JSON, "Content-Encoding": "gzip"})


def cut_zip(missing: int) -> Fault:
    """The good answer without so many bytes at the end of its gzip stream."""

    def answer(asked: Exchange) -> Reply:
        whole = zipped(asked)
        return Reply(whole.body[:-missing], headers=whole.headers)

    return answer


def no_zip(asked: Exchange) -> Reply:
    return Reply(asked.good().body, headers=zipped(asked).headers)


def bomb(encoding: str, body: bytes) -> Fault:
    return always(Reply(body, headers={"Content-Type": JSON, "Content-Encoding": encoding}))


def redirect(target: str) -> Fault:
    """To a place, which may name the `{host}` and the whole `{path}` asked for."""
    return lambda asked: Reply(
        b"", 302, {"Location": target.format(host=asked.headers["Host"], path=asked.target)}
    )


def interim(*heads: bytes) -> Fault:
    """The good answer, after interim ones."""

    def answer(asked: Exchange) -> None:
        good = asked.good()
        closing = replace(good, headers={**good.headers, "Connection": "close"})
        asked.send(*(b"HTTP/1.1 " + head + b"\r\n\r\n" for head in heads), closing.raw())

    return answer


EARLY_HINTS = b"103 Early Hints\r\nLink: </style.css>; rel=preload\r\nContent-Length: 7"
GONE = "page 1: {path} failed: Remote end closed connection without response"
EARLY = "page 1: {path} failed: the answer ended early"
NO_HTTP = "page 1: {path} failed: the answer is not HTTP"
NO_ANSWER = "page 1: {path} did not answer completely within 0.3 s"
TOO_LARGE = "page 1: the answer is larger than 1 MB: if that is expected, raise max_body_mb for {connection}"
REDIRECT = "page 1: {path} answered 302, a redirect, which is never followed: correct base_url"
UNTRUSTED = (
    "page 1: the certificate of {{base_url}} was not accepted: {}: "
    "have it fixed, or name its authority's certificate in ca_file; certificates are always verified"
)
LATE = {"timeout_s": 0.3}
SMALL = {"max_body_mb": 1}
PAST = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
FAR = format_datetime(datetime(2099, 1, 1, tzinfo=UTC), usegmt=True)
NEVER = "Mon, 99 Jan 99999 00:00:00 GMT"
BOMB = gzip.compress(b"[" + b" " * (40 << 20), 1)


def failing(fault: Fault | None, message: str, requests: int = 2, **settings: object) -> Case:
    if requests > 1 and not message.endswith("…"):
        message = f"{message} after {requests} attempts"
    return Case(fault, message=message, requests=requests, retries=requests - 1, settings=settings)


def passing(fault: Fault) -> Case:
    """A fault of the first request only."""
    return Case(first(1, fault), "verified", retries=1)


def certificate(name: str, message: str, requests: int = 0) -> Case:
    return Case(None, message=message, certificate=name, requests=requests)


TRANSPORT = {
    "refused": Case(
        None,
        message="page 1: {first_path} failed: Connection refused after 2 attempts",
        certificate="refused",
        requests=0,
    ),
    "reset": Case(
        lambda asked: asked.reset(),
        message="page 1: {path} failed: Connection reset by peer after 2 attempts",
        requests=2,
        certificate="none",
    ),
    "reset_once": passing(lambda asked: asked.reset()),
    "closed": failing(hang_up, GONE),
    "closed_in_the_body": failing(half, EARLY),
    "closed_in_the_body_once": passing(half),
    "closed_in_the_body_of_page_2": Case(
        on_page(2, half),
        "unverified",
        "page 2: {path} failed: the answer ended early after 2 attempts",
        of=PAGED,
        counts={"unchanged": 5},
    ),
    "half_of_a_chunk": failing(chunks(b"64\r\n[{"), EARLY),
    "end_between_chunks": failing(chunks(b"2\r\n[{\r\n"), EARLY),
    "no_size_of_a_chunk": failing(chunks(b"zz\r\n[]\r\n0\r\n\r\n"), f"{NO_HTTP} (a chunk without its size)"),
    "end_without_a_length": failing(cut_without_length, EARLY),
    "end_without_a_length_once": passing(cut_without_length),
    "no_status": failing(
        lambda asked: asked.send(b"HTTP/1.1 abc OK\r\n\r\n"), f"{NO_HTTP} (HTTP/1.1 abc OK)"
    ),
    "immense_size_of_a_chunk": failing(chunks(b"f" * 5000 + b"\r\n[]"), EARLY),
    "silent": failing(lambda asked: asked.wait(), NO_ANSWER, **LATE),
    "one_byte_at_a_time": failing(drip_body, NO_ANSWER, **LATE),
    "headers_one_byte_at_a_time": failing(drip_headers, NO_ANSWER, **LATE),
    "continue_for_ever": failing(
        lambda asked: asked.drip(b"HTTP/1.1 100 Continue\r\n\r\n"), NO_ANSWER, **LATE
    ),
    "processing_for_ever": failing(
        lambda asked: asked.drip(b"HTTP/1.1 102 Processing\r\n\r\n"), NO_ANSWER, **LATE
    ),
    "early_hints_in_a_flood": failing(
        lambda asked: asked.flood(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000), NO_ANSWER, **LATE
    ),
    "continue_first": Case(interim(b"100 Continue"), "verified", retries=0),
    "processing_first": Case(interim(b"102 Processing"), "verified", retries=0),
    "early_hints_first": Case(interim(EARLY_HINTS), "verified", retries=0),
    "unknown_interim_first": Case(interim(b"199 \r\nTransfer-Encoding: chunked"), "verified", retries=0),
    "many_interim_first": Case(
        interim(EARLY_HINTS, b"100 Continue", b"102 Processing", *[EARLY_HINTS] * 50), "verified", retries=0
    ),
    "interim_and_no_more": failing(lambda asked: asked.send(b"HTTP/1.1 103 Early Hints\r\n\r\n"), GONE),
    "switching_protocols": failing(
        interim(b"101 Switching Protocols\r\nUpgrade: h2c"),
        f"page 1: {{path}} answered 101: {CHECK_SETTINGS}",
        1,
    ),
    "endless_body": failing(endless_body, TOO_LARGE, 1, **SMALL),
    "endless_header": failing(
        endless_header, f"{NO_HTTP} (got more than 65536 bytes when reading header line)"
    ),
    "many_headers": failing(
        lambda asked: asked.send(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n" * 1000, b"\r\n"),
        f"{NO_HTTP} (got more than 100 headers)",
    ),
    "no_http": failing(
        lambda asked: asked.send(b"220 mail.example\x1b[2J ESMTP\r\n"),
        f"{NO_HTTP} (220 mail.example\\x1b[2J ESMTP)",
    ),
    "zipped": Case(zipped, "verified"),
    "zip_cut_short": failing(cut_zip(20), EARLY),
    "zip_without_its_checksum": failing(cut_zip(8), EARLY),
    "zip_without_its_last_byte": failing(cut_zip(1), EARLY),
    "zip_that_is_none": failing(
        no_zip, "page 1: {path} failed: the answer is not compressed as its header says"
    ),
    **{
        f"encoded_in_{encoding}": failing(
            bomb(f"gzip, {encoding}", b"[]"),
            f"page 1: expected an answer from {{path}} in gzip or deflate, got {encoding}: {CHECK_SETTINGS}",
            1,
        )
        for encoding in ("br", "aes128gcm")
    },
    "zip_bomb": failing(bomb("gzip", BOMB), TOO_LARGE, 1, **SMALL),
    "zip_bomb_in_a_zip": failing(bomb("gzip, gzip", gzip.compress(BOMB)), TOO_LARGE, 1, **SMALL),
    "zip_in_twenty_zips": failing(
        bomb(", ".join(["gzip"] * 20), BOMB),
        "page 1: expected an answer from {path} in gzip or deflate, got 20 encodings, one inside the other: "
        + CHECK_SETTINGS,
        1,
    ),
    "retry_after_seconds": passing(status(429, Retry_After="0")),
    "retry_after_a_date": passing(status(429, Retry_After=PAST)),
    "retry_after_a_far_date": failing(
        status(429, Retry_After=FAR), "page 1: {path} answered 429; the next try would be in …", 1
    ),
    "retry_after_ages": failing(
        status(503, Retry_After="9" * 400), "page 1: {path} answered 503; the next try would be in …", 1
    ),
    "retry_after_too_long_a_number": passing(status(429, Retry_After="9" * 5000)),
    "retry_after_nonsense": passing(status(429, Retry_After="soon")),
    "retry_after_no_date": passing(status(429, Retry_After=NEVER)),
    **{f"status_{code}_once": passing(status(code)) for code in (408, 425, 500, 502, 503, 504, 599)},
    **{f"status_{code}_with_a_wait": passing(status(code, Retry_After="0")) for code in (409, 423, 451)},
    "status_500_for_ever": failing(status(500), "page 1: {path} answered 500"),
    "status_400": failing(status(400), f"page 1: {{path}} answered 400: {CHECK_SETTINGS}", 1),
    **{
        f"status_{code}": failing(
            status(code), f"page 1: {{path}} answered {code}: check base_url of {{connection}}", 1
        )
        for code in (404, 405, 410)
    },
    "status_204": failing(
        lambda asked: asked.send(b"HTTP/1.1 204 No Content\r\n\r\n"),
        f"page 1: {{path}} answered 204: {CHECK_SETTINGS}",
        1,
    ),
    "status_206": failing(
        lambda asked: Reply(asked.good().body, 206), f"page 1: {{path}} answered 206: {CHECK_SETTINGS}", 1
    ),
    "redirect_to_the_same_host": failing(redirect("https://{host}/elsewhere"), REDIRECT, 1),
    "redirect_to_another_host": failing(redirect("https://localhost/elsewhere"), REDIRECT, 1),
    "redirect_to_itself": failing(redirect("{path}"), REDIRECT, 1),
    "certificate_of_another_host": certificate(
        "other_host",
        UNTRUSTED.format("IP address mismatch, certificate is not valid for '127.0.0.1'."),
    ),
    "certificate_expired": certificate("expired", UNTRUSTED.format("certificate has expired")),
    "certificate_of_a_stranger": certificate(
        "stranger", UNTRUSTED.format("unable to get local issuer certificate")
    ),
    "no_tls": certificate("plain", "page 1: {first_path} failed: the connection ended within TLS …"),
}
