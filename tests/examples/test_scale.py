"""The compose file of a lakehouse with workers: Rollcall and Ray accept its settings and commands.

No container is started.
"""

import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import trustme
import yaml

from pipelines.cli import main
from pipelines.commands.schedule.kubernetes import HOME
from pipelines.common.extras import packages_of
from pipelines.config.compute import compute_settings
from pipelines.config.lake import lake_settings
from tests.packaging.tree import ROOT

FOLDER = ROOT / "examples" / "scale"
TEXT = (FOLDER / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: Mapping[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("head", "worker", "rollcall")
GIVEN = dict(
    re.findall(r"^(\w+)=(.*)$", (FOLDER / "env.sample").read_text(), re.MULTILINE)
)  # the names of the variables, without values


def filled(text: object) -> str:
    """A value with the variables that compose would fill in: required ones, and defaults."""
    values = {name: f"value-of-{name.lower()}" for name in GIVEN}
    pattern = r"\$\{(\w+)(?::([-?])([^}]*))?\}"
    return re.sub(pattern, lambda found: values.get(found[1], found[3] or ""), str(text))


def test_the_compose_file_follows_its_specification() -> None:
    program = Path(sys.executable).parent / "check-jsonschema"
    command = [program, "--builtin-schema", "vendor.compose-spec", FOLDER / "compose.yaml"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_secret_is_in_the_file() -> None:
    assert set(GIVEN.values()) == {""}
    required = set(re.findall(r"\$\{(\w+):\?see env\.sample\}", TEXT))
    assert required == set(GIVEN)
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY", name):
                assert re.fullmatch(r"\$\{\w+:\?see env\.sample\}", value), name
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "/examples/scale/certificates/", "/examples/scale/home/"} <= set(ignored)


def test_images_are_pinned() -> None:
    images = {name: service["image"] for name, service in SERVICES.items()}
    assert {images.pop(name) for name in OURS} == {"localhost/rollcall-sync-scale:${VERSION:-latest}"}
    assert all(re.search(r":\d+\.\d+[\w.-]*$", image) for image in images.values()), images


def test_containers_have_no_privileges_and_no_open_ports() -> None:
    for service in (SERVICES[name] for name in OURS):
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert filled(service["volumes"][0]).partition(":")[2] == HOME
    assert not any("ports" in service or "privileged" in service for service in SERVICES.values())


def test_the_image_has_the_extras() -> None:
    build = SERVICES["rollcall"]["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    for name in build["args"]:
        assert f"ARG {name}=" in (ROOT / "Dockerfile").read_text()
    assert [bool(packages_of(extra)) for extra in build["args"]["EXTRAS"].split()] == [True, True]


def test_rollcall_reads_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = SERVICES["rollcall"]["environment"]
    for name, value in environment.items():
        monkeypatch.setenv(name, filled(value))
    trustme.CA().cert_pem.write_to_path(tmp_path / "trusted.pem")
    monkeypatch.setenv("WAREHOUSE__S3_CA_FILE", "trusted.pem")
    lake, compute = lake_settings(tmp_path), compute_settings(tmp_path)
    assert lake is not None
    assert lake.storage is not None
    assert compute is not None
    used = {name for name in environment if "__" in name}
    assert len(used) == 11
    assert (lake.data, lake.password) == ("s3://rollcall/lake/", "value-of-catalog_password")
    assert (lake.storage.key_id, lake.storage.secret) == ("value-of-s3_key_id", "value-of-s3_secret")
    catalog = dict(part.split("=") for part in lake.catalog.split())
    postgres = SERVICES["postgres"]["environment"]
    assert catalog == {
        "host": "postgres",
        "dbname": postgres["POSTGRES_DB"],
        "user": postgres["POSTGRES_USER"],
    }
    assert filled(postgres["POSTGRES_PASSWORD"]) == lake.password
    hosts = [str(urlsplit(url).hostname) for url in (lake.storage.endpoint, compute.address)]
    assert hosts == ["objects", "head"]
    assert set(hosts) <= set(SERVICES)
    assert f"--ray-client-server-port={urlsplit(compute.address).port}" in SERVICES["head"]["command"]
    assert lake.data.startswith("s3://rollcall/")
    assert "-name rollcall" in SERVICES["bucket"]["command"][0]
    identities = filled(COMPOSE["configs"]["s3"]["content"])
    (identity,) = yaml.safe_load(identities)["identities"]
    assert identity["credentials"] == [{"accessKey": lake.storage.key_id, "secretKey": lake.storage.secret}]


def test_the_certificate_of_the_storage_is_trusted() -> None:
    trusted = SERVICES["rollcall"]["environment"]["WAREHOUSE__S3_CA_FILE"]
    assert all(f".{trusted}:{trusted}:ro" in SERVICES[name]["volumes"] for name in OURS)
    assert f"-s3.cert.file={trusted}" in SERVICES["objects"]["command"]
    sample = (FOLDER / "env.sample").read_text()
    for option in ("cert", "key"):
        (path,) = re.findall(rf"-s3\.{option}\.file=/(\S+)", TEXT)
        assert path in sample


def ray_cli() -> click.Group:
    """Ray's command line. Ray reads what `on_ray` sets when it is imported, for all tests of this process."""
    importlib.import_module("pipelines.compute.on_ray")
    cli: click.Group = importlib.import_module("ray.scripts.scripts").cli
    return cli


@pytest.mark.parametrize("name", ["head", "worker"])
def test_ray_takes_the_commands_of_its_containers(name: str) -> None:
    service = SERVICES[name]
    program, verb, *options = [*service["entrypoint"], *service["command"]]
    assert program == "ray"
    ray = ray_cli()
    command = ray.get_command(click.Context(ray), verb)
    assert command is not None
    found = command.make_context(verb, options).params
    assert (found["head"], found["num_cpus"], found["block"]) == (name == "head", 1, True)
    assert found["address"] == (None if name == "head" else f"head:{SERVICES['head']['command'][1][7:]}")
    check, *arguments = service["healthcheck"]["test"][2:]
    health = ray.get_command(click.Context(ray), check)
    assert health is not None
    assert health.make_context(check, arguments).params["address"] == "head:6379"
    assert service["environment"]["RAY_AUTH_TOKEN"] == SERVICES["rollcall"]["environment"]["RAY_AUTH_TOKEN"]


def test_the_commands_of_the_header_name_services_and_verbs() -> None:
    lines = re.findall(r"^#   docker compose (.*)$", TEXT, re.MULTILINE)
    assert len(lines) == 5
    for verb, *words in map(shlex.split, lines):
        names = [word for word in words if not word.startswith("-")]
        if verb == "run":
            service, *command = names
            assert SERVICES[service]["profiles"] == ["command"]
            assert all(main.get_command(click.Context(main), one) for one in command)
        else:
            assert set(names) <= set(SERVICES)
