"""Replaces programs that a test cannot run: it does the same to folders of the test.

It is called by the name of such a program, and fails where that program would refuse its arguments.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

ROLLCALL = Path(sys.executable).parent / "rollcall"


def sudo(*arguments: str) -> None:
    command = arguments[2:] if arguments[0] == "-u" else arguments
    os.execvp(command[0], command)


def useradd(*arguments: str) -> None:
    Path(arguments[arguments.index("--home-dir") + 1]).mkdir(parents=True)


def git(clone: str, url: str, folder: str) -> None:
    assert (clone, url) == ("clone", "https://git.example.com/tools/rollcall")
    shutil.copytree(os.environ["SOURCE"], folder)


def python3(module: str, name: str, folder: str) -> None:
    assert (module, name) == ("-m", "venv")
    Path(folder, "bin").mkdir(parents=True)
    for program in ("pip", "rollcall"):
        target = ROLLCALL if program == "rollcall" else Path(sys.argv[0])
        Path(folder, "bin", program).symlink_to(target)


def pip(install: str, option: str, constraints: str, source: str) -> None:
    assert (install, option) == ("install", "-c")
    assert "duckdb==" in Path(constraints).read_text()
    assert (Path(source) / "pyproject.toml").is_file()


def chown(option: str, owner: str, *paths: str) -> None:
    assert option == "-R"
    assert owner in {"rollcall:rollcall", "10001:10001"}
    assert all(Path(path).is_dir() for path in paths)


def docker(verb: str, *arguments: str) -> None:
    match verb, *arguments:
        case "build", "--tag", _tag, source:
            assert (Path(source) / "Dockerfile").is_file()
        case "push", _tag:
            pass
        case "compose", *rest:
            compose(*rest)
        case unknown:
            sys.exit(f"unknown: {unknown}")


def compose(verb: str, *arguments: str) -> None:
    services = yaml.safe_load(Path("compose.yaml").read_text())["services"]
    match verb, *arguments:
        case ["build"] | ["ps"]:
            pass
        case "run", "--rm", service, *command:
            volume, _, _inside = services[service]["volumes"][0].rpartition(":")
            home = volume.partition(":-")[2].rstrip("}")
            os.execve(ROLLCALL, ["rollcall", *command], os.environ | {"ROLLCALL_HOME": home})
        case "up", "--detach", service:
            assert "rollcall sync" in services[service]["entrypoint"][-1]
        case unknown:
            sys.exit(f"unknown: {unknown}")


def kubectl(verb: str, *arguments: str) -> None:
    import kubernetes_validate

    applied = Path(os.environ["CLUSTER"])
    match verb, *arguments:
        case "create", "secret", "generic", name, source:
            lines = Path(source.removeprefix("--from-env-file=")).read_text().splitlines()
            assert all("=" in line for line in lines)
            applied.joinpath(f"Secret-{name}").write_text("\n".join(lines))
        case "apply", "-f", manifests:
            for document in yaml.safe_load_all(Path(manifests).read_text()):
                kubernetes_validate.validate(document, "1.33", strict=True)
                name = f"{document['kind']}-{document['metadata']['name']}"
                applied.joinpath(name).write_text(yaml.safe_dump(document))
        case "create", "job", name, source:
            assert applied.joinpath(source.replace("--from=cronjob/", "CronJob-")).is_file()
            applied.joinpath(f"Job-{name}").touch()
        case "logs", "--follow", job:
            assert applied.joinpath(job.replace("job/", "Job-")).is_file()
        case unknown:
            sys.exit(f"unknown: {unknown}")


def crontab(option: str) -> None:
    table = Path(os.environ["CLUSTER"]) / "crontab"
    if option == "-l":
        sys.exit("no crontab for rollcall")
    table.write_text(sys.stdin.read())


PROGRAMS: dict[str, Callable[..., None]] = {
    program.__name__: program
    for program in (sudo, useradd, git, python3, pip, chown, docker, kubectl, crontab)
}

if __name__ == "__main__":
    PROGRAMS[Path(sys.argv[0]).name](*sys.argv[1:])
