"""Promise 16: a run ends when it is interrupted, no matter which record it is reading."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READING = """
import sys
from pipelines.extract.records import read_record
from pipelines.common.signals import ending_at_once
from tests.campaigns.reading import GROWING, PROVIDER

text = GROWING[sys.argv[1]](4 << 20)
with ending_at_once(lambda: None):
    read_record(PROVIDER, (), text, {})
    print("read once", flush=True)
    while True:
        read_record(PROVIDER, (), text, {})
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["combining marks", "vowel signs", "an open string"])
def test_promise_16_reading_a_hostile_record_can_be_interrupted(kind: str, number: signal.Signals) -> None:
    """Python handles a signal only between two calls of C, and a call in quadratic time would take hours."""
    command = [sys.executable, "-c", READING, kind]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reading:
        assert reading.stdout is not None
        hours = threading.Timer(60, reading.kill)
        hours.start()
        try:
            assert reading.stdout.readline() == b"read once\n"
            reading.send_signal(number)
            assert reading.wait() == 128 + number
        finally:
            hours.cancel()
            reading.kill()
