"""The commands of the page about more than one machine work as written."""

import re
import shlex
from datetime import UTC, datetime

from click.testing import CliRunner

from pipelines.cli import main
from pipelines.common.database import open_database
from pipelines.config.lake import lake_settings
from pipelines.sandbox import Sandbox
from pipelines.warehouse.catalog import load_extensions
from tests.docs.pages import page
from tests.lake.home import LakeHome
from tests.support.postgres import PASSWORD

PAGE = page("scale.md")


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    return [line[1:] for line in lines if line[0] == "rollcall"]


def test_the_commands_of_the_page_work_in_their_order(lake_home: LakeHome) -> None:
    found = commands()
    assert len(found) == 9
    with Sandbox(seed=9, projects=2, files=2) as sandbox:
        lake_home.connect_all(sandbox)
        for command in found:
            if command[0] == "migrate":  # tried with a file in test_verbs
                continue
            now = datetime.now(UTC).isoformat()
            given = shlex.join(command).replace("2026-11-01T12:00:00Z", now)
            result = CliRunner().invoke(main, ["--home", str(lake_home.path), *shlex.split(given)])
            assert result.exit_code == 0, (command, result.output)


def test_any_duckdb_attaches_it(lake_home: LakeHome) -> None:
    (sql,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    lake = lake_settings(lake_home.path)
    assert lake is not None
    with Sandbox(seed=9, projects=2, files=2) as sandbox:
        lake_home.connect_all(sandbox)
        lake_home.run("belltastic")
    known = re.search(r"postgres:(.*?)'", sql)
    assert known is not None
    with open_database() as db:
        load_extensions(db, lake)
        db.execute("create secret (type postgres, password 'unused')")
        for statement in (
            sql.replace("2026-11-01", "2026-11-02")
            .replace(known[1], f"{lake.catalog} password={PASSWORD}")
            .split(";\n")
        ):
            if statement.strip():
                rows = db.execute(statement).fetchall()
    assert len(rows) == len(lake_home.rows("from projects_as_of('2026-11-02')"))
