"""dlt's own REST source into DuckDB with its slowly changing dimension, as dlt's documentation shows both.

Guarantees: retries on 429, 5xx and broken connections, a schema that follows the data, history (`scd2`).
Does not guarantee: that the listing was complete (what it missed is closed as removed), that a run killed in
its merge leaves the table complete (on DuckDB only with a setting), that readers never wait.

The second argument, if given, is the format in which dlt loads into DuckDB. `parquet` is the one setting that
matters: without it, dlt sends INSERT statements.
"""

import json
import sys
from pathlib import Path

import dlt
from dlt.sources.rest_api import rest_api_source


def main(home: Path, file_format: str | None = None) -> None:
    """One run of the pipeline."""
    peer = json.loads((home / "peer.json").read_text())
    source = rest_api_source(
        {
            "client": {
                "base_url": peer["base_url"],
                "auth": {"type": "bearer", "token": peer["access_token"]},
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "pageNumber",
                    "total_path": "result.searchInfo.numberOfPages",
                },
            },
            "resource_defaults": {"write_disposition": {"disposition": "merge", "strategy": "scd2"}},
            "resources": [
                {
                    "name": "projects",
                    "endpoint": {
                        "path": "projects/get",
                        "params": {"locale": "en", "pageSize": 100},
                        "data_selector": "result.data",
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "matter",
        pipelines_dir=str(home / "dlt"),
        destination=dlt.destinations.duckdb(str(home / "projects.duckdb")),
        dataset_name="matter",
    )
    pipeline.run(source, loader_file_format=file_format)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
