"""Landing: dlt reads the connections side by side and writes their records to Parquet files.

Each connection is a dlt resource that yields Arrow tables. All of them load into one table, `records`, in a
folder that exists for one run. No field is interpreted here.
"""

import functools
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from pipelines.extract.listing import Listing
from pipelines.load.listings import Listings

if TYPE_CHECKING:
    from dlt.extract.incremental import Incremental
    from dlt.extract.resource import DltResource


class Landing(NamedTuple):
    """What a run has received: a folder of Parquet files, and the result of each listing by its number."""

    folder: Path
    listings: tuple[Listing, ...]

    @property
    def files(self) -> list[Path]:
        """The files of records. A pattern would not match a path with a backslash or a bracket."""
        return sorted((self.folder / "received" / "records").glob("*.parquet"))


def land(listings: Listings, scratch: Path) -> Landing:
    """Read every connection and load its records into a folder in `scratch`.

    Records carry the number of their listing.
    """
    from pipelines.config.dlt_runtime import dlt, isolated_settings

    folder = scratch / "landing"
    with isolated_settings():
        resources = [
            _resource(one.name, listings.windows.get(one.name), functools.partial(listings.receive, one))
            for one in listings.connections
        ]
        pipeline = dlt.pipeline(
            "run",
            pipelines_dir=str(scratch / "dlt"),
            destination=dlt.destinations.filesystem(str(folder)),
            dataset_name="received",
        )
        pipeline.run(dlt.source(lambda: resources, name="providers")(), loader_file_format="parquet")
    pa.default_memory_pool().release_unused()  # frees memory, which DuckDB needs next
    return Landing(folder, listings.results)


def _resource(name: str, since: datetime | None, receive: Callable[[], Iterator[pa.Table]]) -> "DltResource":
    from pipelines.config.dlt_runtime import dlt

    window: Incremental[datetime] | None = None
    if since is not None:
        window = dlt.sources.incremental("created_at", initial_value=since, primary_key=())

    # A resource takes no arguments: dlt would look their defaults up in the environment by their bare names.
    def records() -> Iterator[pa.Table]:
        if window:
            assert since
            window.advance(since)  # the provider applies the window; dlt must not filter what it sent
        yield from receive()

    return dlt.resource(records, name=name, table_name="records", parallelized=True, incremental=window)
