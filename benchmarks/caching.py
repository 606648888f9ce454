"""The sandbox, with a cache of its answers.

The sandbox makes its records on demand, which costs more than reading them. This must not be
measured. So each answer is cached, and all are requested before the clock starts. A cached answer has the
same bytes. Every client gets it: credentials are checked only when the sandbox makes it.

`python -m benchmarks.caching '{"projects": {"matter": 1000}, "files": 0}'` serves until its input closes.
It prints the configuration as JSON.
"""

import asyncio
import json
import sys
from typing import Any

import click
from starlette.types import Message, Receive, Scope, Send

from benchmarks import CONTROL
from pipelines.sandbox import Sandbox

NAMES = {b"matter": b'"name":"', b"fone_dynamics": b'"Name":"'}
"""Where the name of a project begins, at the providers whose projects can be renamed."""


class RememberingSandbox(Sandbox):
    """A sandbox that makes each answer only once."""

    def __init__(self, **amounts: Any) -> None:
        super().__init__(**amounts)
        self._answers: dict[bytes, tuple[Message, bytes]] = {}
        self._edition = 0
        self._few: tuple[int, int] | None = None
        self._each_page: int | None = None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == CONTROL:
            await self._control(receive, send)
            return
        # The parameters in one order for all clients. The sandbox lists files by date anyway: sorting them by
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
        """Let the sandbox answer, and cache the answer."""
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
        if self._edition:
            body = self._in_this_edition(key, body)
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*kept, length]})
        await send({"type": "http.response.body", "body": body})

    def _in_this_edition(self, key: bytes, body: bytes) -> bytes:
        """An answer with other names of all or some projects, or with other links to files."""
        if key.startswith(b"/evovoice"):
            return body.replace(b'"uri":"', b'"uri":"https://%d.example/' % self._edition)
        name = NAMES.get(key[1:].partition(b"/")[0])
        if name is None:
            return body
        count = -1 if self._each_page is None else self._each_page
        if self._few is not None:
            count, pages = self._few
            if b"pageNumber=%d" % (1 + self._edition % pages) not in key.partition(b"?")[2].split(b"&"):
                return body
        return body.replace(name, name + b"%d. " % self._edition, count)

    async def _control(self, receive: Receive, send: Send) -> None:
        wanted = json.loads((await receive())["body"])
        self.latency_s, self._edition = wanted["latency_s"], wanted["edition"]
        self._few, self._each_page = wanted["few"], wanted.get("each_page")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    with RememberingSandbox(**json.loads(sys.argv[1])) as sandbox:
        click.echo(json.dumps({"config": sandbox.config_toml(), "secrets": sandbox.secrets_toml()}))
        sys.stdin.read()
