"""A Ray cluster with two workers in its own process, which ends with its standard input."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

WORKERS = 2


@contextlib.contextmanager
def started() -> Iterator[tuple[str, Path]]:
    """Run a cluster while the block runs. Returns its address and the directory of its logs."""
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-test-", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [sys.executable, "-m", "tests.compute.ray_cluster", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), Path(folder)
        process.stdin.close()
        assert process.wait() == 0


def _run(folder: str) -> None:
    from pipelines.compute import on_ray

    on_ray.start_cluster(WORKERS, folder)
    sys.stdout.write(f"{on_ray.ray.get_runtime_context().gcs_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    on_ray.ray.shutdown()


if __name__ == "__main__":
    _run(sys.argv[1])
