"""A standalone Spark cluster on loopback: one master, and two workers with one processor each."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

WORKERS = 2
# Only processes with the secret can use the cluster, and they encrypt what they send.
DEFAULTS = """
spark.authenticate true
spark.authenticate.secret {secret}
spark.network.crypto.enabled true
spark.driver.extraJavaOptions {options}
spark.executor.extraJavaOptions {options}
"""
# The master prints where it listens and which workers it has accepted. The logs of executors are in files.
LOGGING = """
rootLogger.level = info
rootLogger.appenderRef.errors.ref = errors
logger.master.name = org.apache.spark.deploy.master.Master
logger.master.appenderRef.output.ref = output
appender.errors.type = Console
appender.errors.name = errors
appender.errors.target = SYSTEM_ERR
appender.output.type = Console
appender.output.name = output
appender.output.target = SYSTEM_OUT
appender.output.layout.type = PatternLayout
appender.output.layout.pattern = %m%n
"""


def need_spark() -> None:
    """Skip a test without Spark and Java; `make test-engines` has both, or fails."""
    if "ENGINES" not in os.environ and not (importlib.util.find_spec("pyspark") and shutil.which("java")):
        pytest.skip("make test-engines runs the tests on Spark")


@contextlib.contextmanager
def started() -> Iterator[tuple[str, Path]]:
    """Run a cluster while the block runs. Returns its address, and the directory of all its files."""
    from pipelines.compute.on_spark import JAVA_OPTIONS

    with (
        contextlib.ExitStack() as held,
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="rollcall-test-", ignore_cleanup_errors=True) as folder,
    ):
        configuration = Path(folder, "conf")
        configuration.mkdir()
        defaults = configuration / "spark-defaults.conf"
        defaults.touch(mode=0o600)
        defaults.write_text(DEFAULTS.format(secret=secrets.token_hex(32), options=JAVA_OPTIONS))
        (configuration / "log4j2.properties").write_text(LOGGING)
        patch.setenv("SPARK_DAEMON_JAVA_OPTS", JAVA_OPTIONS)
        patch.setenv("SPARK_CONF_DIR", str(configuration))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("SPARK_LOCAL_DIRS", str(Path(folder, "local")))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        master = held.enter_context(_java("master.Master", folder))
        address = _word(master, "Starting Spark master at ")
        for number in range(WORKERS):
            options = ("--cores", "1", "--memory", "1g", "--work-dir", str(Path(folder, f"work-{number}")))
            held.enter_context(_java("worker.Worker", folder, *options, address))
            _word(master, "Registering worker ")
        yield address, Path(folder)


@contextlib.contextmanager
def _java(name: str, folder: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    from pyspark import find_spark_home

    program = Path(find_spark_home._find_spark_home(), "bin", "spark-class")
    ports = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
    with subprocess.Popen(
        [program, f"org.apache.spark.deploy.{name}", *ports, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            assert process.stdout is not None
            process.stdout.read()


def _word(process: subprocess.Popen[str], text: str) -> str:
    """The word that follows `text` in what a process prints."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line.partition(text)[2].split()[0]
    raise AssertionError(f"Spark ended before it printed {text!r}")
