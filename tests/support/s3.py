"""An S3 server on loopback, with or without TLS."""

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEY_ID, SECRET = "tester", "not-a-secret"


@dataclass(frozen=True)
class S3:
    """A bucket of an S3 server. `ca_file` holds the certificate of its authority; empty without TLS."""

    endpoint: str
    bucket: str
    ca_file: str = ""

    @property
    def credentials(self) -> Mapping[str, str]:
        return {
            "aws_access_key_id": KEY_ID,
            "aws_secret_access_key": SECRET,
            "endpoint_url": self.endpoint,
            "region_name": "us-east-1",
        }


@contextlib.contextmanager
def serving(bucket: str, folder: Path | None = None) -> Iterator[S3]:
    """Run a server with a bucket; a process of its own, as deltalake blocks the interpreter.

    With a `folder`, in which its certificates are kept, it speaks TLS only.
    """
    options = _certificates(folder) if folder else ()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        found = filter(None, (re.search(r"https?://127\.0\.0\.1:\d+", line) for line in server.stderr))
        endpoint = next(found)[0]
        threading.Thread(target=server.stderr.read, daemon=True).start()  # it logs every request
        s3 = S3(endpoint, bucket, str(folder / "ca.pem") if folder else "")
        _create(s3)
        yield s3
        server.kill()


def _certificates(folder: Path) -> tuple[str, ...]:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own = authority.issue_cert("127.0.0.1")
    own.private_key_pem.write_to_path(folder / "server.key")
    own.cert_chain_pems[0].write_to_path(folder / "server.pem")
    return "-c", str(folder / "server.pem"), "-k", str(folder / "server.key")


def _create(s3: S3) -> None:
    import s3fs

    verify = {"verify": s3.ca_file} if s3.ca_file else {}
    files = s3fs.S3FileSystem(key=KEY_ID, secret=SECRET, endpoint_url=s3.endpoint, client_kwargs=verify)
    files.mkdir(s3.bucket)
