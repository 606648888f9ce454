"""One process tree from its start to its end: how long it took, and what it needed."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
MAXRSS_MB = 1e-6 if sys.platform == "darwin" else 1.024e-3
KIBIBYTE_MB = 1.024e-3
SAMPLE_S = 0.05
SAMPLES_PER_LOOK = 4  # finding new children reads all processes of the machine


@dataclass(frozen=True)
class Process:
    """One process of a run, as the last sample of it found it: its processor time and its own peak memory."""

    command: str
    cpu_s: float
    peak_mb: float
    is_root: bool


@dataclass(frozen=True)
class Run:
    """What one run took.

    `tree_mb` is the greatest sum of resident memory over the tree that a sample found; `largest_mb` the peak
    of its largest process, which the kernel counts and no sample misses. `machine_s` is the processor time
    that the whole machine used meanwhile. `cpu_s` has the children for which their parents waited;
    `processes` are all that a sample found.
    """

    wall_s: float
    cpu_s: float
    tree_mb: float
    largest_mb: float
    machine_s: float
    exit_code: int
    output: str
    processes: tuple[Process, ...] = ()

    @property
    def peak_mb(self) -> float:
        """The peak of all processes together, as far as it is known."""
        return max(self.tree_mb, self.largest_mb)


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_s: float) -> Run:
    """Run `command` in `folder` with just this `environment`; kill it and its children after `timeout_s`."""
    os.sync()  # pending writes of an earlier run must not slow this one down
    with (folder / "output.txt").open("w+", errors="replace") as output:
        busy_s, began = _busy_s(), time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watch = threading.Timer(timeout_s, _kill, (process.pid,))
        watch.start()
        memory = _Memory(process.pid)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall_s, busy_s = time.perf_counter() - began, _busy_s() - busy_s
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            watch.cancel()
            memory.end()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Run(
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            tree_mb=memory.peak_mb,
            largest_mb=usage.ru_maxrss * MAXRSS_MB,
            machine_s=busy_s,
            exit_code=process.returncode,
            output=output.read(),
            processes=tuple(memory.processes.values()),
        )


def _busy_s() -> float:
    """The processor time of all processes since the machine started, and the part that a host took."""
    user, nice, system, _idle, _waiting, *interrupts = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


class _Memory(threading.Thread):
    """Samples the memory of a process and of those below it until it is stopped; needs /proc."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak_mb = 0.0
        self.processes: dict[int, Process] = {}
        self._root = root
        self._ended = threading.Event()
        self.start()

    def end(self) -> None:
        """Stop sampling."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Sample until stopped."""
        tree: set[int] = set()
        sample = 0
        while not self._ended.is_set():
            if sample % SAMPLES_PER_LOOK == 0:
                tree = descendants(self._root)
            self.peak_mb = max(self.peak_mb, sum(map(_resident_mb, tree)))
            for number in tree:
                self._look_at(number)
            sample += 1
            self._ended.wait(SAMPLE_S)

    def _look_at(self, number: int) -> None:
        """Keep the newest numbers of a process. One that ends loses its command line first."""
        folder = Path(f"/proc/{number}")
        with contextlib.suppress(OSError, IndexError, ValueError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if command:
                peak = (folder / "status").read_text().partition("VmHWM:")[2].split()[0]
                self.processes[number] = Process(
                    command, processor_s(number), int(peak) * KIBIBYTE_MB, number == self._root
                )


def processor_s(process: int, *, with_ended_children: bool = False) -> float:
    """The processor time that a process has used so far, in seconds. Raises OSError if it has ended."""
    fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    counted = fields[11:15] if with_ended_children else fields[11:13]
    return sum(map(int, counted)) / os.sysconf("SC_CLK_TCK")


def tree_processor_s(root: int) -> float:
    """The processor time of a process and all below it so far, also of those that have ended."""
    used = 0.0
    for process in descendants(root):
        with contextlib.suppress(OSError):
            used += processor_s(process, with_ended_children=True)
    return used


def descendants(root: int) -> set[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    tree, waiting = set(), [root]
    while waiting:
        process = waiting.pop()
        tree.add(process)
        waiting += children.get(process, ())
    return tree


def _resident_mb(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_MB
    except (OSError, IndexError):  # it has ended
        return 0.0
