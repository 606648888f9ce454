"""A sixth provider is one module and one model in the user's own directory, with no edit elsewhere."""

import json

from click.testing import CliRunner

from pipelines.cli import main
from tests.support.home import Home
from tests.support.loopback import Answer, Asked, Loopback

MODULE = '''
"""Toys: a bare array of toys."""

from pipelines.sdk import Page, Provider, Request, Setting, elements


def pages(client, ask):
    yield client.get(Request("toys"), lambda body: Page(elements(body)))


PROVIDER = Provider(
    entity="projects",
    settings=(Setting("base_url", required=True),),
    id_keys=("toy",),
    pages=pages,
    auth=lambda settings: None,
)
'''
SHELVES_MODULE = '''
"""Toys on two shelves: each shelf is a scope with ids of its own."""

from pipelines.sdk import Page, Provider, Request, Setting, elements


def pages(client, ask):
    yield client.get(Request(f"{ask.scope}/toys"), lambda body: Page(elements(body)))


PROVIDER = Provider(
    entity="projects",
    settings=(Setting("base_url", required=True),),
    id_keys=("toy",),
    pages=pages,
    auth=lambda settings: None,
    scopes=lambda settings: ("high", "low"),
    read_one=lambda client, ask, record_id: client.get(Request(f"{ask.scope}/toys/{record_id}"), bytes),
)
'''
MODEL = """-- Toys: one row per version of a toy.
-- grain: project_key, valid_from
select
    record_key as project_key,
    connection,
    provider,
    record_id as project_id,
    'toy' as kind,
    payload ->> 'label' as name,
    payload ->> 'state' as provider_status,
    valid_from,
    valid_to,
    end_reason,
from staging.records
where provider = 'toy'
"""
TOYS = [{"toy": 1, "label": "Top", "state": "spinning"}, {"toy": 2, "label": "Kite"}]


def test_a_sixth_provider_needs_no_edit_elsewhere(home: Home, loopback: Loopback) -> None:
    (home.path / "providers").mkdir()
    (home.path / "providers" / "toy.py").write_text(MODULE)
    (home.path / "sql" / "staging").mkdir(parents=True)
    (home.path / "sql" / "staging" / "stg_toy__projects.sql").write_text(MODEL)
    (home.path / "status_mapping.csv").write_text("provider,provider_status,status\ntoy,Spinning,active\n")
    home.connect("toy", base_url=loopback.serve("toy", Answer(TOYS)))
    base_url = loopback.serve("belltastic", Answer([{"id": 1, "name": "Bell"}]))
    home.connect("belltastic", base_url=base_url, api_token="user_1")
    run = home.run()
    assert [(listing.connection, listing.outcome) for listing in run.listings] == [
        ("belltastic", "verified"),
        ("toy", "verified"),
    ]
    rows = home.rows("select project_key, kind, name, status, is_open, version from projects order by all")
    assert [tuple(row.values()) for row in rows] == [
        ("belltastic:1", "project", "Bell", "active", True, 1),
        ("toy:1", "toy", "Top", "active", True, 1),
        ("toy:2", "toy", "Kite", "unknown", None, 1),
    ]
    changes = home.rows("select change from project_changes where project_key like 'toy:%'")
    assert changes == [{"change": "created"}] * 2


def test_a_sixth_provider_may_document_no_errors(home: Home, loopback: Loopback) -> None:
    (home.path / "providers").mkdir()
    (home.path / "providers" / "toy.py").write_text(MODULE)
    home.connect("toy", base_url=loopback.serve("toy", Answer({"error": "out of toys"}, status=404)))
    (listing,) = home.run().listings
    assert (listing.outcome, listing.message) == (
        "failed",
        "page 1: toys answered 404: check base_url of toy",
    )


def test_a_record_is_read_in_its_own_scope(home: Home, loopback: Loopback) -> None:
    toys = {"high": {"toy": 1, "label": "Top"}, "low": {"toy": 1, "label": "Ball"}}

    def answer(asked: Asked) -> Answer:
        shelf, _, number = asked.path.partition("/toys")
        return Answer(toys[shelf] if number else [toys[shelf]])

    (home.path / "providers").mkdir()
    (home.path / "providers" / "toy.py").write_text(SHELVES_MODULE)
    (home.path / "sql" / "staging").mkdir(parents=True)
    (home.path / "sql" / "staging" / "stg_toy__projects.sql").write_text(MODEL)
    home.connect("toy", base_url=loopback.serve("toy", answer))
    home.run()
    for shelf, toy in toys.items():
        arguments = ["--home", str(home.path), "history", f"toy:{shelf}:1", "--live", "--format", "json"]
        shown = CliRunner().invoke(main, arguments)
        assert json.loads(shown.stdout) == [
            {"field": name, "in_warehouse": json.dumps(value), "at_provider": json.dumps(value)}
            for name, value in toy.items()
        ]
