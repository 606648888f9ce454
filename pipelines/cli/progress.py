"""Progress while pages arrive: live lines on a terminal, an occasional plain line in a log."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Live

from pipelines.common.text import counted
from pipelines.extract.connections import Connection, listing_name
from pipelines.load.listings import Progress

EVERY_S = 10.0

Say = Callable[[str], None]


@contextlib.contextmanager
def shown_progress(console: Console, log: Say) -> Iterator[Progress]:
    """Yield a function to call after each page of a listing, which several threads may do.

    `log` gets an occasional plain line, also if the console shows nothing.
    """
    logged = _Logged(log)
    with _shown(console) as shown:

        def both(connection: Connection, scope: str | None, pages: int, records: int) -> None:
            logged(connection, scope, pages, records)
            shown(connection, scope, pages, records)

        yield both


@contextlib.contextmanager
def _shown(console: Console) -> Iterator[Progress]:
    if not console.is_terminal:
        yield _Logged(lambda line: console.print(line, soft_wrap=True))
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=None))
    counts = TextColumn("{task.completed:,.0f} records"), TimeElapsedColumn()
    with Live(*columns, *counts, console=console, transient=True) as live:
        yield _Animated(live)


class _Animated:
    """A live line for each listing, until the run ends."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __call__(self, connection: Connection, scope: str | None, _pages: int, records: int) -> None:
        name = listing_name(connection.name, scope)
        with self._lock:
            if name not in self._tasks:
                self._tasks[name] = self._live.add_task(name, total=None)
        self._live.update(self._tasks[name], completed=records)


class _Logged:
    """A line every `EVERY_S` seconds for a listing that takes long."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._last_logged: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, connection: Connection, scope: str | None, pages: int, records: int) -> None:
        name, now = listing_name(connection.name, scope), time.monotonic()
        with self._lock:
            if now - self._last_logged.setdefault(name, now) < EVERY_S:
                return
            self._last_logged[name] = now
            self._say(f"{name}: {counted(records, 'record')} in {counted(pages, 'page')} so far")
