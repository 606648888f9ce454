"""Promises 16, 22 and 27, tested in a separate process: its memory, its time, and its connections."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.extract.faults.body import DEEP, many_keys
from tests.extract.faults.cases import ALL, PAGED, UNPAGED, Fault, always, first_record, raw_name
from tests.extract.faults.hostile import HOST, Authority, Hostile, Reply
from tests.extract.faults.test_faults import world
from tests.extract.faults.transport import bomb, endless_body
from tests.support.home import Home

# Runs the command line, then prints which addresses were looked up and how much memory it used.
WATCHED = r"""
import atexit, json, pathlib, re, sys
met = set()
def hook(event, details):
    if event in ("socket.connect", "socket.sendto"):
        met.add(str(details[1][0]))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        met.add(str(details[0]))
sys.addaudithook(hook)
def tell():
    status = pathlib.Path("/proc/self/status").read_text()  # rusage counts the parent's memory too
    megabytes = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) >> 10
    sys.stderr.write(json.dumps({"met": sorted(met), "megabytes": megabytes}))
atexit.register(tell)
from pipelines.cli import main
main()
"""
BOMB = gzip.compress(b"[" + b" " * (256 << 20), 1)
HEAVY: dict[str, Fault] = {
    "bomb": bomb("gzip", BOMB),
    "bomb_in_a_zip": bomb("gzip, gzip", gzip.compress(BOMB)),
    "endless": endless_body,
    "many_keys": first_record(many_keys),
    "deep": raw_name(DEEP),
    "deep_all_over": always(Reply(DEEP)),
}
"""Each is played at one provider with pages and at one without: all read an answer with the same code."""


@dataclass(frozen=True)
class Ran:
    """The end of a process: its exit code, its listings by connection, and its report on itself."""

    exit_code: int
    listings: Mapping[str, Mapping[str, Any]]
    met: list[str]
    megabytes: int


def run(home: Home, environment: Mapping[str, str]) -> Ran:
    command = [sys.executable, "-c", WATCHED, "sync", "--json", "--full", "--home", str(home.path)]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, check=False, timeout=120)
    counted = json.loads(done.stderr)
    listings = {listing["connection"]: listing for listing in json.loads(done.stdout)["listings"]}
    return Ran(done.returncode, listings, counted["met"], counted["megabytes"])


def ordinary(provider: str, server: Hostile, name: str) -> dict[str, object]:
    """The settings of a user who sets no limits."""
    given = server.open(name, provider, world(12)) | {"ca_file": str(server.authority.file)}
    return given | ({"client_ids": [11]} if provider == "rillsoft" else {})


@pytest.fixture
def server(authority: Authority) -> Iterator[Hostile]:
    with Hostile(authority) as server:
        yield server


def test_promises_16_and_27_a_run_ends_in_little_memory_and_speaks_to_nobody_else(
    home: Home, server: Hostile
) -> None:
    for number, (name, fault) in enumerate(HEAVY.items()):
        for provider in (PAGED[number % 3], UNPAGED[number % 2]):
            account = f"{provider}_{name}"
            home.connect(account, provider, **ordinary(provider, server, account))
            server.accounts[account].turn(fault)
    ran = run(home, {})
    assert ran.exit_code == 3
    assert ran.met == [HOST]
    assert ran.megabytes < 400
    outcomes = {name: listing["outcome"] for name, listing in ran.listings.items()}
    taken = {"many_keys": "verified", "deep": "verified"}
    assert outcomes == {
        f"{provider}_{name}": taken.get(name, "failed")
        for number, name in enumerate(HEAVY)
        for provider in (PAGED[number % 3], UNPAGED[number % 2])
    } | {"belltastic_deep_all_over": "unverified"}
    assert {listing["new"] for name, listing in ran.listings.items() if "many_keys" in name} == {12}


def test_promise_22_the_environment_names_no_proxy_no_login_and_no_authority(
    home: Home, server: Hostile, tmp_path: Path
) -> None:
    stray = server.base_url("stray", "")
    authority = str(server.authority.file)
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {HOST} login stranger password stranger-of-the-netrc\n")
    netrc.chmod(0o600)
    proxies = {f"{kind}_PROXY": stray for kind in ("HTTP", "HTTPS", "ALL")}
    trusted = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    environment = {
        **proxies,
        **{name.lower(): value for name, value in proxies.items()},
        **dict.fromkeys(trusted, authority),
        "NETRC": str(netrc),
        "HOME": str(tmp_path),
    }
    for provider in ALL:
        given = ordinary(provider, server, provider)
        home.connect(provider, provider, **given)
        home.connect(f"{provider}_untrusting", provider, **given | {"ca_file": ""})
    ran = run(home, environment)
    outcomes = {name: listing["outcome"] for name, listing in ran.listings.items()}
    assert outcomes == dict.fromkeys(ALL, "verified") | {f"{name}_untrusting": "failed" for name in ALL}
    assert all("was not accepted" in ran.listings[f"{name}_untrusting"]["message"] for name in ALL)
    assert (ran.met, server.strays) == ([HOST], [])
    sent = [one for account in server.accounts.values() for one in account.asked]
    assert not any("c3RyYW5nZXI" in header for one in sent for header in one.headers.values())
