"""A server on loopback with scripted answers."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request; `path` is what follows the base URL, without a slash."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """The answer to a request: a body, or a value to be sent as JSON."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return (
            self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()
        )


Script = Callable[[Asked], Answer]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log errors, except that a client did not wait for its answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Loopback:
    """Serves scripted answers, each script under its own base URL, while the context is entered."""

    def __init__(self) -> None:
        self.asked: dict[str, list[Asked]] = {}
        self._scripts: dict[str, Script] = {}
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self, name: str, script: Script | Answer) -> str:
        """Answer requests below `name` with `script`, or always with one answer. Returns the base URL."""
        self._scripts[name] = (lambda _: script) if isinstance(script, Answer) else script
        self.asked[name] = []
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            url = urlsplit(handler.path)
            name, _, path = url.path.removeprefix("/").partition("/")
            body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
            asked = Asked(handler.command, path, dict(parse_qsl(url.query)), dict(handler.headers), body)
            self.asked[name].append(asked)
            given = self._scripts[name](asked)
            handler.send_response(given.status)
            for header, value in given.headers.items():
                handler.send_header(header, value)
            handler.send_header("Content-Length", str(len(given.content)))
            handler.end_headers()
            handler.wfile.write(given.content)

        methods = {"do_GET": answer, "do_POST": answer, "log_message": lambda *_: None}
        return type("Handler", (BaseHTTPRequestHandler,), methods)
