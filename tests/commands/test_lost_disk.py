"""A home whose disk with the warehouse is missing: no verb takes it for a new home."""

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

VERBS = (("status",), ("export",), ("report",), ("query", "select 1"), ("changes",), ("sync",))


@pytest.mark.parametrize("arguments", VERBS, ids=lambda arguments: arguments[0])
def test_a_missing_warehouse_of_a_home_that_has_published_is_lost_and_not_new(
    home: Home, loopback: Loopback, arguments: tuple[str, ...]
) -> None:
    base_url = loopback.serve("belltastic", Answer([{"id": 1, "name": "Bells"}]))
    home.connect("belltastic", base_url=base_url, api_token="user_1")
    home.run()
    home.warehouse.unlink()
    refused = CliRunner().invoke(main, ["--home", str(home.path), *arguments])
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"rollcall: there is no warehouse at {home.warehouse}, but this home has published one before. "
        "Mount its disk or put it back; to begin a new history, run: rollcall sync --first-run\n",
    )
