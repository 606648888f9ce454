"""A sixth provider is one module and one model in the user's own directory, with no edit elsewhere."""

import http.server
import threading

from pipelines.sandbox import Sandbox
from tests.night.conftest import Home, outcomes

MODULE = '''
"""Toys: a bare array of toys."""

from pipelines.api import Request
from pipelines.provider import Page, Provider, Setting
from pipelines.strict_json import elements


def pages(api, ask):
    yield api.get(Request("toys"), lambda body: Page(elements(body)))


PROVIDER = Provider(
    entity="projects",
    settings=(Setting("base_url", required=True),),
    id_keys=("toy",),
    pages=pages,
    auth=lambda settings: None,
)
'''
MODEL = """-- Toys: one row per version of a toy.
-- grain: project_key, valid_from
select
    connection || ':' || record_id as project_key,
    connection,
    provider,
    record_id as project_id,
    'toy' as kind,
    payload ->> 'label' as name,
    payload ->> 'state' as provider_status,
    valid_from,
    valid_to,
    end_reason,
    last_seen_at,
from raw.records
where provider = 'toy'
"""
BODY = b'[{"toy": 1, "label": "Top", "state": "spinning"}, {"toy": 2, "label": "Kite"}]'


class Toys(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


def test_a_sixth_provider_needs_no_edit_elsewhere(home: Home, sandbox: Sandbox) -> None:
    (home.path / "providers").mkdir()
    (home.path / "providers" / "toy.py").write_text(MODULE)
    (home.path / "sql" / "staging").mkdir(parents=True)
    (home.path / "sql" / "staging" / "stg_toy__projects.sql").write_text(MODEL)
    (home.path / "status_mapping.csv").write_text("provider,provider_status,status\ntoy,Spinning,active\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Toys) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = (home.path / ".dlt" / "config.toml").read_text()
        toys = f'\n[sources.toy]\nbase_url = "http://127.0.0.1:{server.server_port}"\n'
        home.configure(config + toys, sandbox.secrets_toml())
        night = home.night("toy", "belltastic")
        server.shutdown()
    assert outcomes(night) == {"toy": "proven", "belltastic": "proven"}
    rows = home.rows(
        "select project_key, kind, name, status, is_active, version from projects where provider = 'toy'"
    )
    assert rows == [("toy:1", "toy", "Top", "active", True, 1), ("toy:2", "toy", "Kite", "unknown", None, 1)]
    assert home.rows("select count(*) from project_changes where project_key like 'toy:%'") == [(2,)]
    assert home.rows("select count(*) from projects where provider = 'belltastic'") == [(30,)]
