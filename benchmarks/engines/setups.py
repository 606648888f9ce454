"""The setups that are compared: where the warehouse is, and who does the work.

An engine that Rollcall learns is measured too: `ENGINES` of its configuration is the list.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.engines import CONNECTIONS
from benchmarks.measure import Process
from benchmarks.server import Server
from benchmarks.sides import configure, toml_table
from pipelines.common.extras import packages_of
from pipelines.config.compute import ENGINES

WORKERS = (1, 2)
LISTED = ("matter", "fone_dynamics")
# The command lines of processes that do units. Others of an engine, such as its scheduler, only serve them.
WORKER_PROCESSES = {
    "ray": re.compile(r"^ray::(_work|IDLE)"),
    "spark": re.compile(r"pyspark[./](daemon|worker)"),
}
PUBLISHED_TO = "bi"


@dataclass(frozen=True)
class Setup:
    """One way to run: into the file or a lakehouse; by one process, or by `workers` of an `engine`."""

    name: str
    label: str
    is_lake: bool = False
    engine: str = ""
    workers: int = 0

    def part(self, process: Process) -> str:
        """What a process of a run does: `run`, `workers` or `engine`."""
        if process.is_root or not self.engine:
            return "run"
        known = WORKER_PROCESSES.get(self.engine)
        return "workers" if known is None or known.search(process.command) else "engine"

    def missing(self) -> str | None:
        """Why this setup cannot be measured here; None if it can."""
        wanted = packages_of(self.engine) if self.engine else []
        for package in wanted:
            name = re.split(r"[^\w.-]", package)[0]
            try:
                version(name)
            except PackageNotFoundError:
                return f"{name} is not installed"
        return None

    def furnish(self, home: Path, server: Server, catalog: str, password: str, database_url: str) -> None:
        """Configure a home with the connections of the server. A publication goes to `database_url`."""
        configure(home, dict(_connections(server.settings)), dict(_connections(server.secrets)))
        public: dict[str, Mapping[str, Any]] = {}
        secret: dict[str, Mapping[str, Any]] = {}
        if self.is_lake:
            data = str(home / "data")
            public["warehouse"] = {"engine": "ducklake", "catalog": f"postgres:{catalog}", "data": data}
            secret["warehouse"] = {"catalog_password": password}
        else:
            public[f"publish.{PUBLISHED_TO}"] = {"destination": "postgres", "dataset": "rollcall"}
            secret[f"destination.{PUBLISHED_TO}"] = {"credentials": database_url}
        if self.engine:
            public["compute"] = {"engine": self.engine, "workers": self.workers}
        for file, tables in (("config.toml", public), ("secrets.toml", secret)):
            with (home / ".dlt" / file).open("a") as opened:
                opened.writelines(toml_table(name, table) for name, table in tables.items())


def all_setups() -> Sequence[Setup]:
    """The setups, with one of each engine for every number of workers."""
    return (
        Setup("file", "the file"),
        Setup("lake", "a lakehouse", is_lake=True),
        *(
            Setup(
                f"{engine}-{count}",
                f"{engine.title()}, workers: {count}",
                is_lake=True,
                engine=engine,
                workers=count,
            )
            for engine in ENGINES
            for count in WORKERS
        ),
    )


def _connections(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables of as many accounts as there are connections, half of them at each provider."""
    for number in range(CONNECTIONS):
        provider = LISTED[number % len(LISTED)]
        paging = {"provider": provider, "page_size": 100} if "base_url" in tables[provider] else {}
        yield f"account{number + 1}", {**tables[provider], **paging}
