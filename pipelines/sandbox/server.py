"""The sandbox as a server on loopback, in its own thread."""

import http.client
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import Receive, Scope, Send

from pipelines.sandbox.application import application
from pipelines.sandbox.faults import Faults
from pipelines.sandbox.store import Store
from pipelines.sandbox.traffic import RequestCounter, RequestLine
from pipelines.sandbox.vendor import Clock, Setting
from pipelines.sandbox.world import World

_HOST = "127.0.0.1"
_IDLE_CONNECTION_S = 75


class Sandbox:
    """Five providers with records from `seed`, which answer on loopback while the context is entered.

    `projects` is the number that each provider has (EvoVoice: customers), or a number for each provider; one
    that is left out has none. `files` is the number of EvoVoice's files. Port 0 is any free port. `latency_s`
    delays every answer. `clock` gives the times that Belltastic writes. By default, time begins at the
    sandbox's fixed present, and advances by a second with each write.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        projects: int | Mapping[str, int] = 40,
        files: int = 120,
        port: int = 0,
        latency_s: float = 0.0,
        evovoice_uses_pascal_case: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._port = port

        def new_world() -> World:
            return World(
                seed=seed,
                projects=projects,
                files=files,
                latency_s=latency_s,
                evovoice_uses_pascal_case=evovoice_uses_pascal_case,
                clock=clock,
            )

        self._new_world = new_world
        self.reset()

    def reset(self) -> None:
        """Reset everything except the address. Stores obtained before are no longer used."""
        self._world = self._new_world()
        self._application = application(self._world)

    def __enter__(self) -> Self:
        listener = socket.create_server((_HOST, self._port), backlog=128)
        # Connections inherit this; asyncio sets it only if the protocol is given. Without it, each answer
        # waits 40 ms for the client's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = listener.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                lifespan="off",
                ws="none",
                access_log=False,
                proxy_headers=False,
                log_config=None,
                # For uvicorn, an answer that is cut short on purpose is an error. The application itself
                # logs real errors.
                log_level=logging.CRITICAL,
                timeout_keep_alive=_IDLE_CONNECTION_S,
                # A delayed request must not delay the end.
                timeout_graceful_shutdown=0,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="sandbox", daemon=True
        )
        self._thread.start()
        self._await_answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        """The root of all five APIs, without a trailing slash. It is known once the context is entered."""
        return f"http://{_HOST}:{self._port}"

    @property
    def faults(self) -> Faults:
        """The active faults; add to them or clear them."""
        return self._world.faults

    @property
    def traffic(self) -> RequestCounter:
        """The log of requests and their counts."""
        return self._world.traffic

    @property
    def requests(self) -> list[RequestLine]:
        """The requests to the providers so far, in the order received."""
        return list(self._world.traffic.requests)

    @property
    def latency_s(self) -> float:
        """The delay of every answer, in seconds."""
        return self._world.latency_s

    @latency_s.setter
    def latency_s(self, latency_s: float) -> None:
        self._world.latency_s = latency_s

    def before_request(self, hook: Callable[[RequestLine], None] | None) -> None:
        """Call `hook` with each request, on the server's thread, before it is answered; None ends that.

        The answer shows what the hook changed.
        """
        self._world.before_request = hook

    def expire_sessions(self) -> None:
        """End every session at EvoVoice."""
        self._world.evovoice.expire_sessions()

    def store(self, provider: str, client: int | None = None) -> Store:
        """The records of a provider (EvoVoice: files; Rillsoft: those of `client`)."""
        return self._world.store(provider, client)

    def config_toml(self) -> str:
        """The text of a `.dlt/config.toml` for all five providers."""
        return "\n".join(
            _table(name, {"base_url": self.url + vendor.base_path, **vendor.settings})
            for name, vendor in self._world.vendors.items()
        )

    def secrets_toml(self) -> str:
        """The text of the `.dlt/secrets.toml` that goes with it."""
        return "\n".join(_table(name, vendor.secrets) for name, vendor in self._world.vendors.items())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)

    def _await_answer(self) -> None:
        """Wait until the server answers. Until then, connections wait in the port's backlog."""
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=30)
        with closing(connection):
            connection.request("GET", "/_sandbox/faults")
            connection.getresponse().read()


def configuration_texts(sandbox: Sandbox) -> tuple[str, str]:
    """The text of each file, with its name."""
    return (
        f"# .dlt/config.toml\n{sandbox.config_toml()}",
        f"# .dlt/secrets.toml\n{sandbox.secrets_toml()}",
    )


def serve(
    *,
    seed: int,
    projects: int | Mapping[str, int],
    files: int,
    port: int,
    latency_s: float,
    announce: Callable[[str], None],
    introduce: Callable[[Sandbox], Iterable[str]] = configuration_texts,
) -> None:
    """Serve until interrupted, as `Sandbox` does.

    Once it answers, `announce` gets each text of `introduce`: unless given, that for `config.toml`, then that
    for `secrets.toml`.
    """
    sandbox = Sandbox(seed=seed, projects=projects, files=files, port=port, latency_s=latency_s)
    with suppress(KeyboardInterrupt), sandbox:
        for text in introduce(sandbox):
            announce(text)
        threading.Event().wait()


def _table(provider: str, settings: Mapping[str, Setting]) -> str:
    # JSON and TOML write the strings and lists of integers that occur here in the same way.
    lines = (f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    return f"[sources.{provider}]\n{''.join(lines)}"
