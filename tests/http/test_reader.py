"""Another process reads what this one would, and is only ever faster."""

import functools
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines import reader
from pipelines.content import MOST_RECORD_BYTES, Record, Rules, Texts, digest, read_record
from pipelines.provider import Page, Provider, find_providers
from pipelines.reader import Reader, serve

PROVIDERS = find_providers(Path())
TEXTS = (
    b'{"id": 1, "name": "A"}',
    b'{"id": "\xc3\xa9", "n": 12345678901234567890123, "deep": {"list": [1.50, null, true]}}',
    b'{"id": 2, "n": NaN}',
    b'{"id": 2',
    b"[]",
    b"",
)
FILES = (b'{"id": "a", "dateCreated": "2026-01-02T03:04:05.6Z", "uri": "/1"}', b'{"Id": "b", "Uri": "/2"}')


@pytest.fixture(params=["here", "elsewhere"])
def readers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader that starts no process, and one that hands over every text."""
    if request.param == "elsewhere":
        monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    with Reader() as made:
        if request.param == "elsewhere":
            running(made)
        yield made


def running(made: Reader) -> int:
    """Have the other process start, and return its id."""
    began = time.monotonic()
    list(made.read(PROVIDERS["belltastic"], (), [Page((b"{}",))], {}))
    while (process := made._process(0)) is None:
        assert time.monotonic() - began < 60
        time.sleep(0.01)
    return process.pid


class Late(Future[Any]):
    """What has not ended until it is waited for."""

    def __init__(self, courier: "Courier", ask: Callable[[], Any]) -> None:
        super().__init__()
        self._courier, self._ask = courier, ask

    def result(self, timeout: float | None = None) -> Any:
        self._courier.waited_for += 1
        return self._ask()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._courier.waited_for += 1
        return None


class Courier:
    """Does what it is asked in the thread that asks: at once, or where it is late when it is waited for."""

    def __init__(self, *, is_late: bool = False) -> None:
        self.is_late = is_late
        self.asked: list[Callable[..., Any]] = []
        self.waited_for = 0

    def submit(self, ask: Callable[..., Any], *given: Any) -> Future[Any]:
        self.asked.append(ask)
        if self.is_late:
            return Late(self, functools.partial(ask, *given))
        done: Future[Any] = Future()
        done.set_result(ask(*given))
        return done


@contextmanager
def attended(courier: Courier) -> Iterator[Reader]:
    """A reader with this courier."""
    with Reader() as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "_courier", courier)
        yield made


def read(made: Reader, provider: Provider, *pages: tuple[bytes, ...], known: Texts) -> list[Record]:
    """The records of all pages; each page comes as it went."""
    came = list(made.read(provider, (), map(Page, pages), known))
    assert [page.records for page, _ in came] == list(pages)
    return [record for _, records in came for record in records]


@pytest.mark.parametrize(("name", "texts"), [("belltastic", TEXTS), ("evovoice", FILES)])
def test_every_record_is_read_alike(readers: Reader, name: str, texts: tuple[bytes, ...]) -> None:
    provider = PROVIDERS[name]
    known = {digest(texts[0]): Record("known", None, "of what it says")}
    expected = [read_record(provider, (), text, known) for text in texts]
    assert read(readers, provider, texts[:1], (), texts[1:2], texts[2:], known=known) == expected


def test_a_page_of_much_text_is_read_here(readers: Reader) -> None:
    texts = tuple(b'{"id": %d, "name": "%s"}' % (number, b"a" * 300_000) for number in range(4))
    assert sum(map(len, texts)) > reader.MOST_HANDED_BYTES
    (records,) = [records for _, records in readers.read(PROVIDERS["belltastic"], (), [Page(texts)], {})]
    assert [(one.record_id, one.payload) for one in records] == list(zip("0123", texts, strict=True))


def test_fields_are_dropped(readers: Reader) -> None:
    page = Page((b'{"id": 1, "secret": 2}',))
    known = {digest(b'{"id":1}'): Record("1", None, "of what is left")}
    ((_, records),) = readers.read(PROVIDERS["belltastic"], ("secret",), [page], known)
    assert records == (Record("1", None, "of what is left"),)


def test_what_ends_the_pages_comes_after_them(readers: Reader) -> None:
    def pages() -> Iterator[Page]:
        for text in TEXTS[:3]:
            yield Page((text,))
        raise ValueError("the fourth")

    came = readers.read(PROVIDERS["belltastic"], (), pages(), {})
    assert [next(came)[0].records for _ in range(3)] == [(text,) for text in TEXTS[:3]]
    with pytest.raises(ValueError, match="the fourth"):
        next(came)


def test_a_few_texts_and_known_ones_start_no_process() -> None:
    known = {digest(TEXTS[0]): Record("1", None, "of what it says")}
    with Reader() as made:
        read(made, PROVIDERS["belltastic"], TEXTS[:1] * (reader.WORTH_A_PROCESS + 1), TEXTS, known=known)
        assert made._starting is None


@pytest.mark.parametrize("processors", [1, 2, 3, None])
def test_one_processor_has_no_other_process(monkeypatch: pytest.MonkeyPatch, processors: int | None) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    courier = Courier()
    with attended(courier) as made:
        read(made, PROVIDERS["belltastic"], TEXTS, known={})
    assert courier.asked == ([] if processors == 1 else [reader._start, reader._exchange])


def test_five_thousand_texts_start_no_process_but_one_more_does() -> None:
    courier = Courier()
    with attended(courier) as made:
        read(made, PROVIDERS["belltastic"], (b"{}",) * 4_999, (b"{}",), known={})
        assert courier.asked == []
        read(made, PROVIDERS["belltastic"], (b"{}",), (b"{}",), known={})
        assert courier.asked == [reader._start, reader._exchange, reader._exchange]


def test_a_process_that_is_not_there_yet_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    courier = Courier(is_late=True)
    with attended(courier) as made:
        assert len(read(made, PROVIDERS["belltastic"], TEXTS, TEXTS, known={})) == 2 * len(TEXTS)
        assert (courier.asked, courier.waited_for) == ([reader._start], 0)


@pytest.mark.parametrize(
    ("texts", "handed"),
    [((), 0), ((TEXTS[0], TEXTS[0]), 0), ((TEXTS[0], b"a" * (1 << 20)), 1), ((b"a" * (1 << 20), b"a"), 0)],
    ids=["nothing", "what is known", "a megabyte", "more"],
)
def test_what_is_unknown_is_handed_over_up_to_a_megabyte(
    monkeypatch: pytest.MonkeyPatch, texts: tuple[bytes, ...], handed: int
) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    known = {digest(TEXTS[0]): Record("1", None, "of what it says")}
    courier = Courier()
    with attended(courier) as made:
        expected = [read_record(PROVIDERS["belltastic"], (), text, known) for text in texts]
        assert made._process(1) is not None
        assert read(made, PROVIDERS["belltastic"], texts, known=known) == expected
    assert courier.asked == [reader._start] + handed * [reader._exchange]


def test_two_more_pages_are_asked_for_while_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    courier = Courier()
    asked: list[int] = []

    def pages() -> Iterator[Page]:
        for number in range(5):
            asked.append(number)
            yield Page((b'{"id": %d}' % number,))

    with attended(courier) as made:
        assert made._process(1) is not None
        courier.is_late = True
        came = made.read(PROVIDERS["belltastic"], (), pages(), {})
        assert [(page.records, len(asked), courier.waited_for) for page, _ in came] == [
            ((b'{"id": 0}',), 3, 1),
            ((b'{"id": 1}',), 4, 2),
            ((b'{"id": 2}',), 5, 3),
            ((b'{"id": 3}',), 5, 4),
            ((b'{"id": 4}',), 5, 5),
        ]


@pytest.mark.parametrize("records", [(), (TEXTS[0],), (b"{}",)], ids=["none", "known", "read at once"])
def test_a_page_that_is_read_is_given_before_the_next_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, records: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    asked: list[int] = []

    def pages() -> Iterator[Page]:
        for number in range(3):
            asked.append(number)
            yield Page(records)

    known = {digest(TEXTS[0]): Record("1", None, "of what it says")}
    with attended(Courier()) as made:
        assert made._process(1) is not None
        came = made.read(PROVIDERS["belltastic"], (), pages(), known)
        assert [len(asked) for _ in came] == [1, 2, 3]


def test_one_thread_speaks_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers in the order in which it is asked."""
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    threads: list[int] = []
    all_are_asked = threading.Event()

    def exchange(*asked: Any) -> list[Record]:
        threads.append(threading.get_ident())
        all_are_asked.wait()
        return exchanging(*asked)

    def pages() -> Iterator[Page]:
        yield Page(TEXTS)
        yield Page(TEXTS)
        all_are_asked.set()

    exchanging = reader._exchange
    with Reader() as made:
        running(made)
        monkeypatch.setattr(reader, "_exchange", exchange)
        assert len(list(made.read(PROVIDERS["belltastic"], (), pages(), {}))) == 2
    assert len(threads) == 2
    assert len(set(threads)) == 1


def test_an_interruption_is_of_the_night_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    with Reader() as made:
        assert os.getpgid(running(made)) != os.getpgid(0)


def test_the_process_imports_little() -> None:
    ours = "sorted(name for name in sys.modules if name.startswith('pipelines.'))"
    imported = subprocess.check_output(
        [sys.executable, "-c", f"import sys; from pipelines.reader import serve; print(*{ours})"],
        text=True,
        timeout=60,
    )
    assert imported.split() == [
        f"pipelines.{name}" for name in ("content", "errors", "printable", "reader", "strict_json")
    ]


@pytest.mark.parametrize("end", [0, 1, 4, 5, -1])
def test_a_message_that_is_cut_short_is_none(end: int) -> None:
    pipe = io.BytesIO()
    reader._send(pipe, [Record("1", b"{}")])
    with pytest.raises(EOFError):
        reader._receive(io.BytesIO(pipe.getvalue()[:end]), list[Record])


def test_a_message_may_be_long() -> None:
    pipe = io.BytesIO()
    reader._send(pipe, [b"a" * (16 << 20)])
    pipe.seek(0)
    (text,) = reader._receive(pipe, list[bytes])
    assert len(text) == 16 << 20


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_promise_02_the_process_may_be_killed(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    expected = [read_record(PROVIDERS["belltastic"], (), text, {}) for text in TEXTS]
    with Reader() as made:
        process = running(made)
        if moment == "before":
            os.kill(process, signal.SIGKILL)

        def pages() -> Iterator[Page]:
            yield Page(TEXTS[:2])
            if moment == "meanwhile":
                os.kill(process, signal.SIGKILL)
            yield Page(TEXTS[2:])

        came = [
            record for _, records in made.read(PROVIDERS["belltastic"], (), pages(), {}) for record in records
        ]
    assert came == expected


def test_a_process_that_cannot_be_started_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Reader() as made:
        for _ in range(2):
            assert len(read(made, PROVIDERS["belltastic"], TEXTS, known={})) == len(TEXTS)
            while made._starting is not None and not made._starting.done():
                time.sleep(0.01)


def test_the_process_ends_with_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    with Reader() as made:
        process = running(made)
        assert Path(f"/proc/{process}").exists()
    assert not Path(f"/proc/{process}").exists()


def test_promise_02_the_process_ends_with_a_night_that_is_killed() -> None:
    killed = """
import os, signal
from tests.http.test_reader import Reader, reader, running
reader.WORTH_A_PROCESS = 0
print(running(Reader()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", killed], stdout=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    began = time.monotonic()
    while is_running(int(done.stdout)):
        assert time.monotonic() - began < 60
        time.sleep(0.01)


def is_running(process: int) -> bool:
    """Whether a process is there, and not only waiting to be asked how it ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(") ")[2][0] != "Z"


def test_it_is_ready_then_answers_until_nothing_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = PROVIDERS["belltastic"]
    rules = Rules(provider.id_keys, provider.created_keys, provider.volatile)
    there, back = io.BytesIO(), io.BytesIO()
    for texts in (TEXTS, ()):
        reader._send(there, (rules, texts))
    there.seek(0)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=there))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=back))
    serve()
    back.seek(0)
    assert reader.MOST_HANDED_BYTES < MOST_RECORD_BYTES  # what is sent back has no payloads
    answers = [reader._receive(back, reader._Answer) for _ in range(3)]
    assert back.read() == b""
    read = [read_record(provider, (), text, {}) for text in TEXTS]
    assert [answer.record_ids for answer in answers] == [[], [record.record_id for record in read], []]
