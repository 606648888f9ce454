"""The sides of a comparison: how each is set up in a home of its own, run, and checked."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.server import Server
from pipelines.config.tables import COMMON

IN_FLIGHT = next(int(str(setting.default)) for setting in COMMON if setting.name == "max_connections")
"""How many requests Rollcall has in flight by default; the limit has the same number."""

ROLLCALL = ROOT / ".venv" / "bin" / "rollcall"
SYNC = (str(ROLLCALL), "sync", "--quiet")
PEERS = Path(__file__).parent / "peers"

Pythons = Mapping[str, Path]


@dataclass(frozen=True)
class Side:
    """One way to keep Matter's projects in DuckDB.

    `command` gets the interpreters of `environments` and the home. `listed` counts the current projects in
    `database`, `versions` all versions.
    """

    name: str
    label: str
    environments: Sequence[str]
    command: Callable[[Pythons, Path], Sequence[str]]
    database: str
    listed: str
    versions: str


def _peer(environment: str, script: str, *more: str) -> Callable[[Pythons, Path], Sequence[str]]:
    return lambda pythons, home: [str(pythons[environment]), str(PEERS / script), str(home), *more]


def _singer(pythons: Pythons, home: Path) -> Sequence[str]:
    tap = f"{pythons['tap']} {PEERS / 'singer_tap.py'} --config {home / 'peer.json'}"
    target = f"{pythons['target'].parent / 'target-duckdb'} --config {home / 'target.json'}"
    return ["bash", "-o", "pipefail", "-c", f"{tap} | {target}"]


def _runs(name: str, label: str, environment: str, script: str) -> Side:
    return Side(
        name=name,
        label=label,
        environments=(environment,),
        command=_peer(environment, script),
        database="projects.duckdb",
        listed="select count(*) from projects_history where valid_to is null",
        versions="select count(*) from projects_history",
    )


def _dlt(name: str, label: str, *more: str) -> Side:
    return Side(
        name=name,
        label=label,
        environments=("dlt",),
        command=_peer("dlt", "dlt_rest_api.py", *more),
        database="projects.duckdb",
        listed="select count(*) from matter.projects where _dlt_valid_to is null",
        versions="select count(*) from matter.projects",
    )


SIDES: Mapping[str, Side] = {
    side.name: side
    for side in (
        Side(
            name="rollcall",
            label="Rollcall",
            environments=("rollcall",),
            command=lambda _pythons, _home: SYNC,
            database="warehouse.duckdb",
            listed="select count(*) from raw.records where valid_to is null",
            versions="select count(*) from raw.records",
        ),
        _runs("limit", "the limit", "by_hand", "limit.py"),
        _runs("by_hand", "requests and DuckDB by hand", "by_hand", "by_hand.py"),
        Side(
            name="singer",
            label="Singer tap, target-duckdb (no history)",
            environments=("tap", "target"),
            command=_singer,
            database="projects.duckdb",
            listed="select count(*) from matter.projects",
            versions="select count(*) from matter.projects",
        ),
        _dlt("dlt_parquet", "dlt rest_api, scd2, as Parquet", "parquet"),
        _dlt("dlt", "dlt rest_api, scd2, by default"),
    )
}


def configure(home: Path, connections: Mapping[str, Mapping[str, Any]], secrets: Mapping[str, Any]) -> None:
    """Write Rollcall's configuration: tables of `[sources]` by name."""
    folder = home / ".dlt"
    folder.mkdir(parents=True)
    for file, tables in (("config.toml", connections), ("secrets.toml", secrets)):
        path = folder / file
        path.write_text("".join(toml_table(f"sources.{name}", table) for name, table in tables.items()))
        path.chmod(0o600)


def connect(home: Path, server: Server, *providers: str) -> None:
    """Configure exactly these providers of the server."""
    public, secret = (
        {name: tables[name] for name in providers} for tables in (server.settings, server.secrets)
    )
    configure(home, public, secret)


def furnish(home: Path, server: Server) -> None:
    """Create a home in which every side can list the projects of Matter."""
    connect(home, server, "matter")
    public, secret = server.settings["matter"], server.secrets["matter"]
    (home / "peer.json").write_text(json.dumps({**public, **secret, "connections": IN_FLIGHT}))
    target = {"path": str(home / "projects.duckdb"), "default_target_schema": "matter"}
    (home / "target.json").write_text(json.dumps(target))


def toml_table(name: str, settings: Mapping[str, Any]) -> str:
    """A table of a TOML file."""
    # Strings, numbers and lists of them have the same form in JSON and TOML.
    lines = (f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    return f"[{name}]\n{''.join(lines)}"
