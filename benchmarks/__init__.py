"""How fast Rollcall is and how much it needs, compared with its alternatives.

`make bench` runs every case, `make bench CASE="first-10k unchanged-10k" N=3` those named. The sides of a
case take turns. Each runs in a process of its own, against one server in another process. The numbers go to
`benchmarks/results`; `docs/speed.md` is generated from them. Linux is required: memory and processor time of
other processes are read from /proc.
"""

from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
INSIDE = RESULTS / "inside"
CONTROL = "/_benchmark"
"""The path under which the server is controlled."""
