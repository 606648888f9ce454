"""Tables on a terminal: they fit, say what they leave out, and contain no control sequences."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from rich.cells import cell_len

from pipelines.output import writer as output

from .conftest import Cli


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PAGER", "cat")


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_cells_are_wrapped_if_all_columns_fit(cli: Cli) -> None:
    sql = "select 'a' as key, repeat('long words ', 8) || 'end' as text, 12345 as number"
    assert _trimmed(cli("query", sql).stdout) == [
        "key  text                                                                 number",
        "a    long words long words long words long words long words long words     12345",
        "     long words long words end",
    ]


def test_columns_that_do_not_fit_are_left_out(cli: Cli) -> None:
    result = cli("query", "from projects where connection = 'matter' order by project_key")
    assert _trimmed(result.stdout) == [
        "project_key  connection  provider  project_id  kind     name",
        "matter:17    matter      matter    17          project  Harbour East",
        "matter:18    matter      matter    18          project  =1+1",
        "matter:19    matter      matter    19          project  \\x1b[31mred",
    ]
    assert result.stderr == ("39 columns do not fit here, or are empty: select some, or use --format csv\n")


def test_a_single_wide_row_is_shown_vertically(cli: Cli) -> None:
    result = cli("query", "from projects where project_key = 'matter:18'")
    lines = _trimmed(result.stdout)
    assert lines[:7] == [
        "column            value",
        "project_key       matter:18",
        "connection        matter",
        "provider          matter",
        "project_id        18",
        "kind              project",
        "name              =1+1",
    ]
    assert 'client_name       Über, "Bau"\\nGmbH' in lines
    assert len(lines) == 46
    assert result.stderr == ""


def test_rows_are_limited(cli: Cli) -> None:
    result = cli("query", "from range(51)")
    assert _trimmed(result.stdout) == ["range", *(f"{n:5}" for n in range(50))]
    assert result.stderr == "only the first 50 rows are shown: use a pipe or --format csv for all\n"
    assert cli("query", "from range(50)").stderr == ""


def test_columns_that_do_not_fit_a_narrow_terminal_are_cut(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    result = cli("query", "select project_key, name from projects order by 1 limit 2")
    assert _trimmed(result.stdout) == ["project_k…", "belltasti…", "belltasti…"]
    assert result.stderr.startswith("1 column")


def test_an_empty_answer_shows_its_columns(cli: Cli) -> None:
    assert _trimmed(cli("query", "select 1 as a limit 0").stdout) == ["a"]
    wide = cli("query", "from projects limit 0")
    assert wide.stdout.startswith("project_key  connection  provider")


@pytest.mark.parametrize("width", [1, 2, 7, 16, 17, 33, 50, 80, 200])
def test_lines_are_not_wider_than_the_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    given = [
        "Ampliación",
        "港湾の再開発計画第二期工事",
        "e\u0301" * 31,
        "\U0001f3d7\ufe0f\U0001f1e9\U0001f1ea site",
    ]
    names = f"unnest({given})"
    for sql in (
        f"select {names} as name, 12345 as number, repeat('長い ', 40) as text",
        f"select {', '.join(f'{names} as c{n}' for n in range(9))}",
        "select repeat('東京', 30) as \"見出し\", 1 as a, 2 as b",
    ):
        lines = cli("query", sql).stdout.splitlines()
        assert max(map(cell_len, lines)) <= width
        assert len(lines) > 1


def test_markup_is_shown_as_text(cli: Cli) -> None:
    assert _trimmed(cli("query", "select '[bold]x[/]' as \"[red]a\", ':smile:' as b").stdout) == [
        "[red]a      b",
        "[bold]x[/]  :smile:",
    ]


def test_wide_letters_keep_columns_aligned(cli: Cli) -> None:
    assert _trimmed(cli("query", "select unnest(['港湾', 'ab']) as a, 1 as b").stdout) == [
        "a     b",
        "港湾  1",
        "ab    1",
    ]


OBEYED = "chr(27) || '[31m' || chr(7) || chr(155) || chr(13) || chr(8238) || chr(127) || chr(8232)"
SPELLED = "\\x1b[31m\\x07\\x9b\\r\\u202e\\x7f\\u2028"


def test_control_characters_are_spelled_out(cli: Cli) -> None:
    assert _trimmed(cli("query", f"select {OBEYED} as a").stdout) == ["a", SPELLED]
    assert cli("query", f"select {OBEYED} as a", "--format", "csv").stdout == f'a\n"{SPELLED}"\n'
    assert cli(
        "query", f"select {OBEYED} || chr(10) || chr(9) || 'é' as a", "--format", "csv", "--raw"
    ).stdout == (f'a\n"{SPELLED}\n\té"\n')
    assert "\x9b" not in cli("query", f"select {OBEYED} as a", "--json").stdout
    assert "\x1b" not in cli("changes", "--since", "2026-11-01").stdout
    assert "\x1b" not in cli("query", f"select error({OBEYED})", code=2).stderr


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_binary_format_is_not_printed_to_a_terminal(cli: Cli, form: str) -> None:
    result = cli("query", "select 1", "--format", form, code=2)
    assert result.stderr == f"rollcall: a terminal cannot show {form.title()}. Name a file: --output FILE\n"


def test_status_is_shown_on_a_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 4, 2, tzinfo=UTC)
    monkeypatch.setattr("pipelines.cli.runs.datetime", SimpleNamespace(now=now.astimezone))
    assert _trimmed(cli("status").stdout)[3:] == [
        "connection  records  outcome   last verified      age         last attempt",
        "belltastic        2  failed    2026-11-02 02:00Z  2 days ago  2026-11-03 02:00Z",
        "evovoice          1  verified  2026-11-03 02:00Z  1 day ago   2026-11-03 02:00Z",
        "matter            3  verified  2026-11-03 02:00Z  1 day ago   2026-11-03 02:00Z",
        "belltastic: 401 Unauthorized",
    ]


def test_history_shows_what_changed_within_80_columns(cli: Cli) -> None:
    result = cli("history", "matter:17")
    assert _trimmed(result.stdout) == [
        "version  from               until              change   changes",
        "      1  2026-11-01 02:00Z  2026-11-02 02:00Z  created",
        "      2  2026-11-02 02:00Z  2026-11-03 02:00Z  changed  name: Harbour → Harbour",
        "                                                        East",
        "      3  2026-11-03 02:00Z                     changed  is_open: true → false;",
        "                                                        provider_status:",
        "                                                        PRJ_STATUS_ON_GOING →",
        "                                                        PRJ_STATUS_COMPLETE;",
        "                                                        status: active →",
        "                                                        completed",
    ]
    assert result.stderr == "project matter:17: Harbour East\n"
