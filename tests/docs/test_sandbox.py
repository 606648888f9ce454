"""The page on the sandbox names every request of the control interface, and the ones it names work."""

import json
import re
from dataclasses import fields

import requests

from pipelines.sandbox import PROVIDERS, Fault, Sandbox
from pipelines.sandbox.control import VERBS, routes
from pipelines.sandbox.world import World
from tests.docs.pages import page

PAGE = page("sandbox.md")
REQUESTS = re.findall(r"^\| `(GET|POST|PUT|DELETE) (/_sandbox/\S+)` \| (?:`(.+?)`)? ?\|", PAGE, re.MULTILINE)


def test_the_page_names_every_request_of_the_control_interface() -> None:
    served = set()
    for route in routes(World(seed=1, projects=0, files=0)):
        (method,) = route.methods - {"HEAD"}
        for verb in VERBS if "{verb}" in route.path else [""]:
            served.add((method, "/_sandbox" + route.path.replace("{verb}", verb)))
    assert {(method, path) for method, path, _ in REQUESTS} == served


def test_each_request_of_the_page_is_answered() -> None:
    with Sandbox(projects=12) as sandbox:
        for method, path, body in REQUESTS:
            url = sandbox.url + path.replace("{provider}", "belltastic")
            answer = requests.request(method, url, json=json.loads(body) if body else None, timeout=10)
            assert answer.status_code == 200, (method, path, answer.text)


def test_every_field_of_a_fault_and_every_provider_is_named() -> None:
    table = PAGE.split("A fault has these fields.")[1]
    assert {one.name for one in fields(Fault)} <= set(re.findall(r"`(\w+)`", table))
    assert all(f"`/{provider}/" in PAGE or f"`/{provider}`" in PAGE for provider in PROVIDERS)
