"""Many runs in one process: the time of each, and the memory of the process after it.

`python -m benchmarks.play CONTROL HOME RUNS PAGES`, with the URL that controls the server, prints a JSON list
for each run: CPU seconds and resident megabytes. Before each run, the server renames a few other projects.
"""

import functools
import json
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from benchmarks.measure import PAGE_MB

FIRST = datetime(2026, 1, 1, 2, tzinfo=UTC)
RENAMED = 10  # of a page; those renamed before the last run have their names again


def play(control: str, home: Path, runs: int, pages: int) -> None:
    """Run a number of times, a day apart."""
    from pipelines.commands.sync import sync

    for number in range(runs):
        body = json.dumps({"latency_s": 0.0, "edition": number, "few": [RENAMED, pages]}).encode()
        asked = urllib.request.Request(control, body, {"Content-Type": "application/json"}, method="PUT")  # noqa: S310
        urllib.request.urlopen(asked).close()  # noqa: S310 - of this machine
        began = time.process_time()
        sync(home, clock=functools.partial(_day, number))
        click.echo(json.dumps([time.process_time() - began, _resident_mb()]))


def _day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MB


if __name__ == "__main__":
    control, home, runs, pages = sys.argv[1:]
    play(control, Path(home), int(runs), int(pages))
