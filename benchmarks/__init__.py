"""How fast Rollcall is, and how much it needs, beside what a user would pick instead.

`make bench` runs every case, `make bench CASE="first-10k unchanged-10k" N=3` those named. Each side of a case
runs as a process of its own, in turn with the others, against one server in a process of its own. The numbers
go to `benchmarks/results`, and the page `docs/speed.md` is made from them. It takes Linux: memory and
processor time of other processes are read from /proc.
"""

from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
INSIDE = RESULTS / "inside"
CONTROL = "/_benchmark"
"""The path under which the server is told what to do."""
