"""The sandbox in a process of its own, answering from memory what it has answered before.

The sandbox makes its records on demand, which costs more than reading them. So that it is never what is
measured, each answer is kept, and `warm` asks for all of them before the clock runs. An answer from memory is
byte for byte the sandbox's own, given to whoever asks: credentials are looked at only when it is made.

    with Server(projects={"matter": 10_000}, files=0) as server:
        server.control(latency_s=0.05)
"""

import asyncio
import http.client
import json
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import click
from starlette.types import Message, Receive, Scope, Send

from benchmarks import ROOT
from pipelines.sandbox import Sandbox

WARMING_CONNECTIONS = 4
CONTROL = "/_benchmark"

Table = dict[str, Any]


@dataclass(frozen=True)
class Ceiling:
    """What the server gives a client that does nothing but fetch every page of one listing."""

    pages: int
    requests_per_s: float
    mb_per_s: float
    server_cpu_ms_per_request: float


class Server:
    """The server's process, from the outside."""

    def __init__(self, *, projects: Mapping[str, int], files: int = 0) -> None:
        self.projects = dict(projects)
        self.files = files

    def __enter__(self) -> Self:
        amounts = json.dumps({"projects": self.projects, "files": self.files})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", amounts],
            cwd=ROOT,
            stdin=subprocess.PIPE,  # the server ends when it closes, however this process ends
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        told = json.loads(self._process.stdout.readline())
        public, secret = (tomllib.loads(told[part])["sources"] for part in ("config", "secrets"))
        self.settings: dict[str, Table] = public
        self.secrets: dict[str, Table] = secret
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=10)  # closes its input
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def cpu_s(self) -> float:
        """The processor time that the server has had so far, in seconds, to a hundredth."""
        with open(f"/proc/{self._process.pid}/stat", "rb") as file:  # noqa: PTH123 - hot, and not a file
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def control(self, *, latency_s: float = 0.0, edition: int = 0) -> None:
        """Delay every answer; and let every project of Matter be renamed, in each edition differently."""
        body = json.dumps({"latency_s": latency_s, "edition": edition})
        self._exchange("PUT", CONTROL, body)

    def warm(self, provider: str) -> Ceiling:
        """Have every page of a listing made, then fetch all of them again with a clock running."""
        targets = self._pages(provider)
        self._fetch_all(targets)
        cpu, began = self.cpu_s(), time.perf_counter()
        size = self._fetch_all(targets)
        seconds = time.perf_counter() - began
        return Ceiling(
            pages=len(targets),
            requests_per_s=len(targets) / seconds,
            mb_per_s=size / 1e6 / seconds,
            server_cpu_ms_per_request=1000 * (self.cpu_s() - cpu) / len(targets),
        )

    def _pages(self, provider: str) -> Sequence[str]:
        root = urlsplit(self.settings[provider]["base_url"]).path
        if provider == "evovoice":
            asked = "/files?SortField=DateCreated&SortOrder=Ascend&CountPerPage=100&Page={}"
            return [root + asked.format(page) for page in range(max(1, -(-self.files // 100)))]
        asked = "/projects/get?locale=en&pageSize=100&pageNumber={}"
        pages = max(1, -(-self.projects[provider] // 100))
        return [root + asked.format(page) for page in range(1, pages + 1)]

    def _fetch_all(self, targets: Sequence[str]) -> int:
        """The size in bytes of the answers to all of them."""
        headers = {"Authorization": f"Bearer {self.secrets['matter']['access_token']}"}
        if "evovoice" in targets[0]:
            headers = {"Cookie": self._sign_in()}
        following = iter(targets)
        taking = threading.Lock()

        def walk(_: int) -> int:
            size = 0
            connection = self._connect()
            while True:
                with taking:
                    target = next(following, None)
                if target is None:
                    connection.close()
                    return size
                connection.request("GET", target, headers=headers)
                response = connection.getresponse()
                size += len(response.read())
                if response.status != 200:
                    raise RuntimeError(f"the server answered {response.status} to {target}")

        with ThreadPoolExecutor(WARMING_CONNECTIONS) as pool:
            return sum(pool.map(walk, range(WARMING_CONNECTIONS)))

    def _sign_in(self) -> str:
        credentials = {
            "provider": "credentials",
            "userName": self.settings["evovoice"]["user_name"],
            "password": self.secrets["evovoice"]["password"],
        }
        response = self._exchange("POST", "/evovoice/auth/credentials", json.dumps(credentials))
        return "; ".join(cookie.partition(";")[0] for cookie in response.headers.get_all("set-cookie", []))

    def _exchange(self, method: str, target: str, body: str) -> http.client.HTTPResponse:
        connection = self._connect()
        connection.request(method, target, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status} to {method} {target}")
        return response

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.settings["matter"]["base_url"]).netloc, timeout=600)


class RememberingSandbox(Sandbox):
    """A sandbox that makes each answer once."""

    def __init__(self, **amounts: Any) -> None:
        super().__init__(**amounts)
        self._answers: dict[bytes, tuple[Message, bytes]] = {}
        self._edition = 0

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == CONTROL:
            await self._control(receive, send)
            return
        # The parameters in one order, whoever asks. The sandbox lists files by date as it is: sorting them by
        # it again, for each of ten thousand pages, would only take time.
        asked = sorted(scope["query_string"].split(b"&"))
        if b"SortField=DateCreated" in asked:
            asked = [part for part in asked if not part.startswith(b"Sort")]
        scope["query_string"] = b"&".join(asked)
        key = scope["path"].encode() + b"?" + scope["query_string"]
        if scope["method"] != "GET" or key not in self._answers:
            await self._make(key, scope, receive, send)
        else:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            await self._send(key, send)

    async def _make(self, key: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the sandbox answer, and keep what it says."""
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await super()._answer(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        if scope["method"] != "GET" or sent[0]["status"] != 200:
            for message in sent:
                await send(message)
            return
        self._answers[key] = sent[0], body
        await self._send(key, send)

    async def _send(self, key: bytes, send: Send) -> None:
        start, body = self._answers[key]
        if self._edition and key.startswith(b"/matter"):
            body = body.replace(b'"name":"', b'"name":"%d. ' % self._edition)
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*kept, length]})
        await send({"type": "http.response.body", "body": body})

    async def _control(self, receive: Receive, send: Send) -> None:
        wanted = json.loads((await receive())["body"])
        self.latency_s, self._edition = wanted["latency_s"], wanted["edition"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    with RememberingSandbox(**json.loads(sys.argv[1])) as sandbox:
        click.echo(json.dumps({"config": sandbox.config_toml(), "secrets": sandbox.secrets_toml()}))
        sys.stdin.read()
