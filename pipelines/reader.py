"""Reading the records of pages, most of it in another process where there is much to read.

Python runs one thread at a time, and the requests need it too. What is known to the last byte is not read,
and a night of a few changes starts no other process.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from pipelines.content import Record, Rules, Texts, digest, read_record

if TYPE_CHECKING:
    from pipelines.provider import Page, Provider

# About as many as are read here while another process starts.
WORTH_A_PROCESS = 5_000
# Of what is handed over at once: both processes hold it.
MOST_HANDED_BYTES = 1 << 20
# Pages that are read while the next are asked for.
AHEAD = 2
# What is raised where the other process cannot be started, or has ended.
GONE = (OSError, EOFError)
LENGTH_BYTES = 4  # before each message between the two
# Neither the directory that it is started in nor that of a script is searched for modules.
COMMAND = ("-P", "-c", "from pipelines.reader import serve; serve()")

T = TypeVar("T")
Known = Mapping[tuple[str, str | None], Texts]
"""What is known of each listing, by connection and scope."""


class _Reading(NamedTuple):
    """A page that is being read: its records as far as they are known, in order, between the other texts."""

    page: "Page"
    found: list[Record | bytes]
    elsewhere: Future[list[Record]] | None

    @property
    def unknown(self) -> list[bytes]:
        return [text for text in self.found if isinstance(text, bytes)]

    @property
    def is_over(self) -> bool:
        return self.elsewhere is None or self.elsewhere.done()


class _Answer(NamedTuple):
    """What the other process read, as columns. It does not send back the texts, which are the payloads.

    Only those of records that are larger than all that is handed over at once are others.
    """

    record_ids: Sequence[str | None] = ()
    content_hashes: Sequence[str | None] = ()
    created_at: Sequence[datetime | None] = ()
    reasons: Sequence[str | None] = ()


class Reader:
    """Reads pages, for several threads. Close it when done.

    The other process is only ever faster: where there is none, or it ends, the records are read here.
    """

    def __init__(self, known: Known = MappingProxyType({})) -> None:
        self.known = known
        self._unknown = 0
        self._counting = threading.Lock()
        self._courier = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._starting: Future[subprocess.Popen[bytes]] | None = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        if self._starting is not None:
            with contextlib.suppress(*GONE):
                _stop(self._starting.result())
        self._courier.shutdown()

    def read(
        self, provider: "Provider", drop: Collection[str], pages: "Iterable[Page]", known: Texts
    ) -> "Iterator[tuple[Page, tuple[Record, ...]]]":
        """Each page with what its texts hold, as `read_record` says, in order.

        What `pages` raises comes after the pages before it.
        """
        rules = Rules(provider.id_keys, provider.created_keys, provider.volatile)
        waiting: deque[_Reading] = deque()
        try:
            for page in pages:
                waiting.append(self._begin(rules, drop, page, known))
                while waiting and (len(waiting) > AHEAD or waiting[0].is_over):
                    yield from _ends(rules, [waiting.popleft()])
        except Exception:
            yield from _ends(rules, waiting)
            raise
        yield from _ends(rules, waiting)

    def _begin(self, rules: Rules, drop: Collection[str], page: "Page", known: Texts) -> _Reading:
        if drop:  # whether a text is known shows only when they are gone
            return _Reading(page, [read_record(rules, drop, text, known) for text in page.records], None)
        found: list[Record | bytes] = list(page.records)
        if known:
            found = [known.get(digest(text)) or text for text in page.records]
        here = _Reading(page, found, None)
        unknown = here.unknown
        process = self._process(len(unknown))
        if process is None or not unknown or sum(map(len, unknown)) > MOST_HANDED_BYTES:
            return here
        return here._replace(elsewhere=self._courier.submit(_exchange, process, rules, unknown))

    def _process(self, unknown: int) -> "subprocess.Popen[bytes] | None":
        """The other process, once it runs; it is started when there is enough for it."""
        with self._counting:
            self._unknown += unknown
            if self._unknown <= WORTH_A_PROCESS or os.cpu_count() == 1:
                return None
            self._starting = self._starting or self._courier.submit(_start)
        is_running = self._starting.done() and self._starting.exception() is None
        return self._starting.result() if is_running else None


def _ends(rules: Rules, readings: Iterable[_Reading]) -> "Iterator[tuple[Page, tuple[Record, ...]]]":
    for reading in readings:
        read = None
        if reading.elsewhere is not None:
            with contextlib.suppress(*GONE):
                read = reading.elsewhere.result()
        if read is None:
            read = _read_each(rules, reading.unknown)
        if len(read) < len(reading.found):
            rest = iter(read)
            read = [next(rest) if isinstance(one, bytes) else one for one in reading.found]
        yield reading.page, tuple(read)


def _start() -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(  # noqa: S603 - this very Python
        [sys.executable, *COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # an interruption ends the night, and that ends this
    )
    assert process.stdout
    _receive(process.stdout, _Answer)
    return process


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.kill()  # whoever waits for an answer is told
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(BrokenPipeError):  # what it was not told any more
            assert pipe
            pipe.close()


def _exchange(process: "subprocess.Popen[bytes]", rules: Rules, texts: Sequence[bytes]) -> list[Record]:
    assert process.stdin
    assert process.stdout
    _send(process.stdin, (rules, texts))
    answer = _receive(process.stdout, _Answer)
    return list(map(Record._make, zip(answer.record_ids, texts, *answer[1:], strict=True)))


def _send(pipe: IO[bytes], message: object) -> None:
    body = msgspec.msgpack.encode(message)
    pipe.write(len(body).to_bytes(LENGTH_BYTES) + body)
    pipe.flush()


def _receive(pipe: IO[bytes], kind: type[T]) -> T:
    """The next message. Raises EOFError where whoever sends has ended."""
    body = pipe.read(int.from_bytes(pipe.read(LENGTH_BYTES)))
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except msgspec.DecodeError:  # it was cut short
        raise EOFError from None


def serve() -> None:
    """Read what comes from standard input until that ends, as it does when the night does."""
    there, back = sys.stdin.buffer, sys.stdout.buffer
    answer = _Answer()
    with contextlib.suppress(EOFError):
        while True:
            _send(back, answer)
            rules, texts = _receive(there, tuple[Rules, list[bytes]])
            answer = _answer_to(rules, texts)


def _answer_to(rules: Rules, texts: Sequence[bytes]) -> _Answer:
    records = _read_each(rules, texts)
    return _Answer(
        [record.record_id for record in records],
        [record.content_hash for record in records],
        [record.created_at for record in records],
        [record.reason for record in records],
    )


def _read_each(rules: Rules, texts: Sequence[bytes]) -> list[Record]:
    return [read_record(rules, (), text, {}) for text in texts]
