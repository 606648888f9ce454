"""A server that misbehaves on request: the five vendors' APIs over real sockets and real TLS.

Each account answers like the sandbox, byte for byte, until its fault answers instead, or uses the socket.
"""

import asyncio
import contextlib
import functools
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import trustme
from starlette.types import ASGIApp

from pipelines.sandbox.application import application
from pipelines.sandbox.world import World

HOST = "127.0.0.1"
JSON = {"Content-Type": "application/json"}

LIST = {
    "fone_dynamics": ("Properties",),
    "matter": ("result", "data"),
    "rillsoft": ("details",),
    "evovoice": ("items",),
    "belltastic": (),
}
TOTAL = {
    "fone_dynamics": ("TotalCount",),
    "matter": ("result", "searchInfo", "numberOfElements"),
    "evovoice": ("totalCount",),
}
PAGE_COUNT = {"matter": ("result", "searchInfo", "numberOfPages"), "evovoice": ("totalPages",)}
SIZE = {"fone_dynamics": "Results_Count", "matter": "pageSize", "evovoice": "CountPerPage"}
WHOLE = {
    "fone_dynamics": {"Results_Count": "200", "Results_Skip": "0"},
    "matter": {"pageSize": "100", "pageNumber": "1"},
    "evovoice": {"CountPerPage": "1000", "Page": "0"},
}


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is sent as it stands; its length is announced unless `headers` say otherwise."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)

    def raw(self) -> bytes:
        """The answer as it is sent."""
        headers = {"Content-Length": str(len(self.body))} | self.headers
        lines = [f"HTTP/1.1 {self.status} ", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def json_reply(body: object, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(body).encode(), status, JSON | headers)


def put(body: Any, path: tuple[str, ...], value: object) -> Any:
    """`body` with the value at `path` replaced."""
    if not path:
        return value
    return body | {path[0]: put(body[path[0]], path[1:], value)}


def at(body: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        body = body[key]
    return body


class Exchange:
    """One request to an account: what was asked, the good answer to it, and the socket.

    `number` counts the account's GET requests from 1, since its fault was set.
    """

    def __init__(self, account: "Account", peer: socket.socket, method: str, target: str) -> None:
        url = urlsplit(target)
        self.account = account
        self.provider = account.provider
        self.method = method
        self.target = target
        self.path = url.path
        self.query = dict(parse_qsl(url.query))
        self.headers: dict[str, str] = {}
        self.body = b""
        self.number = 0
        self._peer = peer

    @property
    def page(self) -> int:
        """The page asked for, from 1."""
        match self.provider:
            case "fone_dynamics":
                return 1 + int(self.query["Results_Skip"]) // int(self.query["Results_Count"])
            case "matter":
                return int(self.query["pageNumber"])
            case "evovoice":
                return 1 + int(self.query["Page"])
        return 1

    def good(self, **overrides: str) -> Reply:
        """The answer of the sandbox to the query with `overrides`."""
        query = urlencode(self.query | overrides)
        scope = {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in self.headers.items()],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": self.body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.account.application(scope, receive, send))
        given = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        kept = {name.title(): value for name, value in given if name not in {"set-cookie", "content-length"}}
        if cookies := [value for name, value in given if name == "set-cookie"]:
            kept["Set-Cookie"] = "\r\nSet-Cookie: ".join(cookies)
        return Reply(b"".join(part.get("body", b"") for part in sent[1:]), sent[0]["status"], kept)

    def json(self) -> Any:
        """The good answer, decoded."""
        return json.loads(self.good().body)

    def whole(self) -> list[dict[str, Any]]:
        """Every record of the listing, in its order."""
        return at(json.loads(self.good(**WHOLE.get(self.provider, {})).body), LIST[self.provider])

    def listing(self, records: list[Any], total: object = None) -> Reply:
        """The page asked for, of a listing that holds `records`, with true totals or the one given."""
        body = self.json()
        if self.provider in TOTAL:
            size = int(self.query[SIZE[self.provider]])
            start = int(self.query.get("Results_Skip", (self.page - 1) * size))
            kind = type(at(body, TOTAL[self.provider]))
            body = put(body, TOTAL[self.provider], kind(len(records)) if total is None else total)
            if self.provider in PAGE_COUNT:
                body = put(body, PAGE_COUNT[self.provider], kind(-(-len(records) // size)))
            records = records[start : start + size]
        return json_reply(put(body, LIST[self.provider], records))

    def send(self, *parts: bytes) -> None:
        """Send bytes. The connection is closed after the fault, regardless of how the client reads them."""
        for part in parts:
            self._peer.sendall(part)

    def wait(self) -> None:
        """Send nothing until the client disconnects."""
        with contextlib.suppress(OSError):
            while self._peer.recv(4096):
                pass

    def drip(self, part: bytes) -> None:
        """Send a part repeatedly until the client disconnects."""
        with contextlib.suppress(OSError):
            while not self.account.server.closing.wait(0.01):
                self._peer.sendall(part)

    def flood(self, part: bytes) -> None:
        """The same without a pause."""
        with contextlib.suppress(OSError):
            while not self.account.server.closing.is_set():
                self._peer.sendall(part)

    def reset(self) -> None:
        """End the connection by a TCP reset."""
        self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._peer.close()


Fault = Callable[[Exchange], Reply | None]
"""Answers a request in the server's place; None: it has used the socket, which is closed."""


@dataclass
class Account:
    """The account behind a connection: its provider, its current fault, and the requests that it received."""

    server: "Hostile"
    provider: str
    application: ASGIApp
    secret: str
    fault: Fault | None = None
    asked: list[Exchange] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    @property
    def secret_in_a_url(self) -> str:
        return quote(self.secret, safe="")

    def turn(self, fault: Fault | None) -> None:
        """Begin the fault, and clear the recorded requests."""
        self.fault = fault
        self.asked, self.sent = [], []


class Authority:
    """Certificates for this machine: one to be trusted, and three that are not."""

    def __init__(self, folder: Path) -> None:
        trusted, stranger = trustme.CA(), trustme.CA()
        self.file = folder / "ca.pem"
        trusted.cert_pem.write_to_path(str(self.file))
        self.good = _context(trusted.issue_cert(HOST, "localhost"))
        self.bad = {
            "other_host": _context(trusted.issue_cert("other.example")),
            "expired": _context(
                trusted.issue_cert(HOST, not_before=_day(2020), not_after=_day(2021)),
            ),
            "stranger": _context(stranger.issue_cert(HOST)),
        }


def _day(year: int) -> Any:
    from datetime import datetime

    return datetime(year, 1, 1)  # noqa: DTZ001 - trustme wants it so


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@functools.cache
def _application(world: World) -> ASGIApp:
    return application(world)


class Hostile:
    """Serves accounts under `https://127.0.0.1:PORT/NAME`, while the context is entered.

    `methods` holds every method seen. Other ports of it present certificates that nobody should accept, and
    one speaks no TLS at all.
    """

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.accounts: dict[str, Account] = {}
        self.closing = threading.Event()
        self.strays: list[str] = []
        self._contexts = {"good": authority.good, **authority.bad, "plain": None, "none": None}
        self._listeners: dict[str, socket.socket] = {}
        self._refusing = socket.socket()
        self._peers: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._refusing.bind((HOST, 0))  # nothing listens at that port
        for name, context in self._contexts.items():
            listener = self._listeners[name] = socket.create_server((HOST, 0), backlog=128)
            self._start(self._accept, listener, context)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for listener in self._listeners.values():
            socket.create_connection(listener.getsockname()).close()
        for peer in list(self._peers):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for listener in (*self._listeners.values(), self._refusing):
            listener.close()

    def open(self, name: str, provider: str, world: World) -> dict[str, Any]:
        """An account that lists the records of `world`. Returns what a user configures for it."""
        vendor = world.vendors[provider]
        (secret,) = vendor.secrets.values()
        self.accounts[name] = Account(self, provider, _application(world), secret)
        return {"base_url": self.base_url(name, vendor.base_path), **vendor.settings, **vendor.secrets}

    def base_url(self, name: str, path: str, certificate: str = "good") -> str:
        """Where an account is, behind one of the certificates; `none`: without TLS; `refused`: nowhere."""
        scheme = "http" if certificate == "none" else "https"
        listener = self._refusing if certificate == "refused" else self._listeners[certificate]
        return f"{scheme}://{HOST}:{listener.getsockname()[1]}/{name}{path}"

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while not self.closing.is_set():
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, peer, context)

    def _serve(self, peer: socket.socket, context: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError, ValueError):  # the client may disconnect at any point
            if context is not None:
                peer = context.wrap_socket(peer, server_side=True)
            with peer:
                self._peers.add(peer)
                try:
                    while self._answer(peer):
                        pass
                finally:
                    self._peers.discard(peer)

    def _answer(self, peer: socket.socket) -> bool:
        """Answer one request. Returns whether the connection stays open for another one."""
        exchange = self._read(peer)
        if exchange is None:
            return False
        fault = exchange.account.fault
        reply = exchange.good() if fault is None or exchange.method == "POST" else fault(exchange)
        if reply is None:
            return False
        exchange.account.sent.append(reply.body)
        peer.sendall(reply.raw())
        return True

    def _read(self, peer: socket.socket) -> Exchange | None:
        with peer.makefile("rb") as stream:
            request = stream.readline().decode("latin-1").split()
            if len(request) != 3 or not request[2].startswith(
                "HTTP/"
            ):  # a TLS greeting at a port without TLS
                return None
            method, target, _ = request
            _, name, path = target.split("/", 2)
            if name not in self.accounts:
                self.strays.append(target)
                return None
            account = self.accounts[name]
            exchange = Exchange(account, peer, method, f"/{path}")
            while line := stream.readline().decode("latin-1").strip():
                key, _, value = line.partition(": ")
                exchange.headers[key] = value
            exchange.body = stream.read(int(exchange.headers.get("Content-Length", 0)))
        account.asked.append(exchange)
        exchange.number = sum(asked.method == "GET" for asked in account.asked)
        return exchange


def edited(reply: Reply, edit: Callable[[Any], Any]) -> Reply:
    """The reply with its JSON changed."""
    return replace(reply, body=json.dumps(edit(json.loads(reply.body))).encode(), headers=JSON)
