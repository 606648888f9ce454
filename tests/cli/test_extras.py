"""If an optional package is missing, one line shows the command that installs it."""

import subprocess
import sys
from pathlib import Path

import pytest

MISSING = "import sys; sys.modules[{!r}] = None; from pipelines.cli import main; main({!r})"


@pytest.mark.parametrize("arguments", [["demo"], ["sandbox"], ["sandbox", "--init", "try"]])
@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_the_line_says_how_to_get_it(
    missing: str, arguments: list[str], tmp_path: Path
) -> None:
    program = MISSING.format(missing, ["--home", str(tmp_path), *arguments])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"rollcall: {missing} is not installed. Run: pip install 'starlette>=0.46' 'uvicorn>=0.34'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_core_module_is_an_internal_error(tmp_path: Path) -> None:
    program = MISSING.format("requests", ["--home", str(tmp_path), "demo"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, "internal error (ModuleNotFoundError" in done.stderr) == (1, True)
