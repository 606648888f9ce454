"""Another process reads what this one would, and is only ever faster."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines import reader
from pipelines.content import Record, Rules, Texts, digest, read_record
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


def test_one_processor_has_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with Reader() as made:
        read(made, PROVIDERS["belltastic"], TEXTS, known={})
        assert made._starting is None


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_promise_2_the_process_may_be_killed(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
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


def test_promise_2_the_process_ends_with_a_night_that_is_killed() -> None:
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
    answers = [reader._receive(back, list[Record]) for _ in range(3)]
    assert back.read() == b""
    assert answers == [[], [read_record(provider, (), text, {}) for text in TEXTS], []]
