"""The settings of runs that are divided among workers: the engine, and the size of a unit of work."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pipelines.common.errors import ConfigurationError
from pipelines.config.lake import lake_settings
from pipelines.config.settings import given_number, given_text

Engine = Literal["ray", "spark"]
ENGINES = ("ray", "spark")
# What each engine accepts as the address of a cluster.
_ADDRESSES = {
    "ray": re.compile(r"(ray://)?[^\s/:]+:\d+"),
    "spark": re.compile(
        r"spark://[^\s/:,]+:\d+(,[^\s/:,]+:\d+)*|yarn|k8s://\S+"
        r"|local\[([1-9]\d*|\*)\]|local-cluster\[[1-9]\d*,[1-9]\d*,[1-9]\d*\]"
    ),
}
_EXAMPLES = {
    "ray": "ray://HOST:10001 or HOST:6379",
    "spark": "spark://HOST:7077, yarn, k8s://HOST:PORT, local[N] or local-cluster[N,CORES,MB]",
}


@dataclass(frozen=True)
class ComputeSettings:
    """How a run is divided among workers.

    `address` is that of a cluster; if it is empty, the run starts `workers` workers of its own. A connection
    with more than `unit_records` records is divided. DuckDB may use `memory_mb` MB in each worker.
    """

    engine: Engine
    address: str
    workers: int
    unit_records: int
    memory_mb: int


def compute_settings(home: Path) -> ComputeSettings | None:
    """How runs in `home` are divided among workers; None if one process does everything.

    Raises ConfigurationError if the settings are wrong, or the warehouse is a file.
    """
    engine = given_text(home, "compute", "engine")
    if not engine:
        return None
    if engine not in ENGINES:
        raise ConfigurationError(
            f"engine of [compute] is {engine!r}", f"set it to one of {', '.join(ENGINES)}"
        )
    lake = lake_settings(home)
    if lake is None:
        raise ConfigurationError(
            "[compute] needs a lakehouse, and the warehouse is a file",
            'set engine = "ducklake" under [warehouse], or remove [compute]',
        )
    address = given_text(home, "compute", "address")
    if address and not _ADDRESSES[engine].fullmatch(address):
        raise ConfigurationError(
            f"address of [compute] is {address!r}",
            f"{engine} takes {_EXAMPLES[engine]}; without an address, the run starts its own workers",
        )
    is_elsewhere = address and not address.startswith("local")
    if is_elsewhere and not lake.is_shared:
        raise ConfigurationError(
            "[compute] has an address, and catalog of [warehouse] is a file",
            "workers on other machines need a catalog in PostgreSQL",
        )
    workers, unit_records, memory_mb = (
        _positive(home, key) for key in ("workers", "unit_records", "memory_mb")
    )
    return ComputeSettings(cast("Engine", engine), address, workers, unit_records, memory_mb)


def _positive(home: Path, key: str) -> int:
    number = given_number(home, "compute", key)
    if not number:
        raise ConfigurationError(f"{key} of [compute] is 0", "set it to 1 or more")
    return number
