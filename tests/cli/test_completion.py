"""Shell completion, as bash, zsh and fish request it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "rollcall"
CONFIG = """
[sources.matter]
[sources.belltastic]
[sources.north]
provider = "matter"
"""
HEAVY = {"dlt", "duckdb", "pyarrow", "requests", "rich"}
# The last word is completed.
ASKED = (
    (("sta",), {"status"}),
    (("query", "--format", "ar"), {"arrow"}),
    (("schedule", "s"), {"systemd"}),
    (("sync", ""), {"belltastic", "east", "matter", "north", "west"}),
    (("doctor", "north", "m"), {"matter"}),
    (("export", "projects"), {"projects", "projects_history"}),
    (("export", "own"), {"own_report"}),
    (("describe", "pro"), {"project_changes", "project_days", "project_status_periods", "projects",
                           "projects_as_of", "projects_changed_between", "projects_compared",
                           "projects_history", "projects_on"}),
    (("init", "e"), {"evovoice"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / ".dlt").mkdir()
    (home / ".dlt" / "config.toml").write_text(CONFIG, encoding="utf-8-sig")
    (home / ".dlt" / "secrets.toml").write_text("[sources.west]\naccess_token = 'x'\n")
    (home / "sql" / "reports").mkdir(parents=True)
    (home / "sql" / "reports" / "own_report.sql").write_text("from projects")
    return home


def completed(home: Path, *words: str) -> set[str]:
    """The answer of rollcall to bash for these words after its name."""
    line = ["rollcall", "--home", str(home), *words]
    asked = {
        "_ROLLCALL_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    environment = os.environ | asked | {"SOURCES__EAST__PROVIDER": "matter"}
    done = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return {line.removeprefix("plain,") for line in done.stdout.splitlines()}


@pytest.mark.parametrize(("words", "expected"), ASKED)
def test_verbs_options_and_names_are_completed(
    home: Path, words: tuple[str, ...], expected: set[str]
) -> None:
    assert completed(home, *words) == expected


def test_a_file_that_cannot_be_read_completes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    for config in ("[sources", "sources = 3", "[other]"):
        (tmp_path / ".dlt" / "config.toml").write_text(config)
        assert completed(tmp_path, "sync", "") == {"east"}


def test_completing_imports_little() -> None:
    code = (
        "import sys; from pipelines.cli import main\n"
        "try: main(prog_name='rollcall')\n"
        f"finally: print(sorted({HEAVY} & sys.modules.keys()), file=sys.stderr)"
    )
    asked = {"_ROLLCALL_COMPLETE": "bash_complete", "COMP_WORDS": "rollcall sync ", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")


# Each shell loads the script of rollcall, and calls it as if Tab had been pressed.
SHELLS = {
    "bash": """
        eval "$(_ROLLCALL_COMPLETE=bash_source rollcall)"
        COMP_WORDS=(rollcall --home "$1" sync "") COMP_CWORD=4
        $(complete -p rollcall | sed 's/.*-F \\([^ ]*\\).*/\\1/') rollcall "" sync
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    "zsh": """
        zmodload zsh/zpty
        zpty -b shell zsh -f -i
        zpty -w shell "PS1= ; autoload -U compinit; compinit -u -D"
        zpty -w shell 'eval "$(_ROLLCALL_COMPLETE=zsh_source rollcall)"'
        zpty -w shell "bindkey '^X' list-choices; echo rea''dy"
        while zpty -r shell line; do case $line in *ready*) break;; esac; done
        zpty -n -w shell "rollcall --home $1 sync "$'\\x18'
        while zpty -r shell line '*west*'; do print -r -- $line; break; done
    """,
    "fish": """
        _ROLLCALL_COMPLETE=fish_source rollcall | source
        complete -C "rollcall --home $argv[1] sync "
    """,
}


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_works_in_each_shell(home: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    environment = os.environ | {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(home)}
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    before = [] if shell == "fish" else [shell]
    command = [shell, *quiet, "-c", SHELLS[shell], *before, str(home)]
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    for name in ("belltastic", "matter", "north", "west"):
        assert name in done.stdout, done.stderr
