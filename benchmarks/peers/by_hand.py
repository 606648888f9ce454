"""What a competent person writes in an afternoon: requests, one page after the other, and DuckDB.

Guarantees: retries on 429 and 5xx, a timeout for every wait, no page of errors is taken for data, a run is
stored completely or not at all, history. Does not guarantee: that the listing was complete, that readers
never wait (the file is locked while it is written), that large numbers keep every digit, that one bad record
does not affect the others, a limit to what one run may close.
"""

import json
import sys
from pathlib import Path

import requests
from history import merge
from requests.adapters import HTTPAdapter
from urllib3 import Retry


def main(home: Path) -> None:
    """List all projects into a file, one per line, and merge it."""
    peer = json.loads((home / "peer.json").read_text())
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {peer['access_token']}"
    retry = Retry(5, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504))
    session.mount("http://", HTTPAdapter(max_retries=retry))
    listed = home / "projects.jsonl"
    with listed.open("w", encoding="utf-8") as file:
        page, pages = 1, 1
        while page <= pages:
            response = session.get(
                f"{peer['base_url']}/projects/get",
                params={"locale": "en", "pageNumber": page, "pageSize": 100},
                timeout=60,
            )
            response.raise_for_status()
            answer = response.json()
            if answer["status"]["state"] != "SUCCESS":
                raise RuntimeError(answer["status"])
            pages = int(answer["result"]["searchInfo"]["numberOfPages"])
            for project in answer["result"]["data"]:
                file.write(json.dumps(project, ensure_ascii=False) + "\n")
            page += 1
    merge(home / "projects.duckdb", listed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
