"""The server of a measurement: `benchmarks.caching` in a process of its own, and what controls it.

with Server(projects={"matter": 10_000}, files=0) as server:
server.warm("matter")
server.control(latency_s=0.05)
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks import CONTROL, ROOT

PROVIDERS = ("fone_dynamics", "matter", "rillsoft", "evovoice", "belltastic")
LATENCY_S = 0.05  # of an answer, in cases about waiting
WARMING_CONNECTIONS = 4

Table = dict[str, Any]


@dataclass(frozen=True)
class Ceiling:
    """The rate at which a client that only fetches pages gets those of one listing."""

    pages: int
    requests_per_s: float
    mb_per_s: float
    server_cpu_ms_per_request: float


class Server:
    """Serves the five providers within the context."""

    def __init__(self, *, projects: int | Mapping[str, int], files: int = 0) -> None:
        self.projects = projects
        self.files = files

    def __enter__(self) -> Self:
        amounts = json.dumps({"projects": self.projects, "files": self.files})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.caching", amounts],
            cwd=ROOT,
            stdin=subprocess.PIPE,  # the server ends when it is closed, even if this process is killed
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        printed = json.loads(self._process.stdout.readline())
        public, secret = (tomllib.loads(printed[part])["sources"] for part in ("config", "secrets"))
        self.settings: dict[str, Table] = public
        self.secrets: dict[str, Table] = secret
        self.url = "http://" + urlsplit(public["matter"]["base_url"]).netloc
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
        """The processor time that the server has used so far, in seconds, to a hundredth."""
        with open(f"/proc/{self._process.pid}/stat", "rb") as file:  # noqa: PTH123 - hot, and not a file
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def control(
        self,
        *,
        latency_s: float = 0.0,
        edition: int = 0,
        few: tuple[int, int] | None = None,
        each_page: int | None = None,
    ) -> None:
        """Delay every answer; change the name of every project of Matter and Fone Dynamics, and the link of
        every EvoVoice file.

        Names and links differ in each edition. `few` renames only that number of Matter's projects, all on
        one page, and on another page in the next edition; `each_page` that number on every page.
        """
        body = json.dumps({"latency_s": latency_s, "edition": edition, "few": few, "each_page": each_page})
        self._exchange("PUT", CONTROL, body)

    def warm(self, provider: str) -> Ceiling:
        """Let the server make every page of a listing, then fetch all of them again and time that."""
        targets, headers = self._pages(provider), self._credentials(provider)
        self._fetch_all(targets, headers)
        cpu, began = self.cpu_s(), time.perf_counter()
        size = self._fetch_all(targets, headers)
        seconds = time.perf_counter() - began
        return Ceiling(
            pages=len(targets),
            requests_per_s=len(targets) / seconds,
            mb_per_s=size / 1e6 / seconds,
            server_cpu_ms_per_request=1000 * (self.cpu_s() - cpu) / len(targets),
        )

    def page(self, provider: str) -> bytes:
        """The first page of a listing."""
        with contextlib.closing(self._connect()) as connection:
            connection.request("GET", self._pages(provider)[0], headers=self._credentials(provider))
            return connection.getresponse().read()

    def _credentials(self, provider: str) -> dict[str, str]:
        if provider == "evovoice":
            return {"Cookie": self._sign_in()}
        if provider == "fone_dynamics":
            user, token = self.settings[provider]["account_sid"], self.secrets[provider]["token"]
            return {"Authorization": f"Basic {b64encode(f'{user}:{token}'.encode()).decode()}"}
        return {"Authorization": f"Bearer {self.secrets['matter']['access_token']}"}

    def _pages(self, provider: str) -> Sequence[str]:
        root = urlsplit(self.settings[provider]["base_url"]).path
        if provider == "evovoice":
            asked = "/files?SortField=DateCreated&SortOrder=Ascend&CountPerPage=100&Page={}"
            return [root + asked.format(page) for page in range(max(1, -(-self.files // 100)))]
        count = self.projects if isinstance(self.projects, int) else self.projects[provider]
        pages = max(1, -(-count // 100))
        if provider == "fone_dynamics":
            return [f"{root}/Properties?Results_Count=100&Results_Skip={100 * page}" for page in range(pages)]
        asked = "/projects/get?locale=en&pageSize=100&pageNumber={}"
        return [root + asked.format(page) for page in range(1, pages + 1)]

    def _fetch_all(self, targets: Sequence[str], headers: Mapping[str, str]) -> int:
        """The size in bytes of all answers."""
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
