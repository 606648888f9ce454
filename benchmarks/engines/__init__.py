"""How long runs and publications take beyond one machine: the file, a lakehouse, and engines with workers.

`make bench-engines` measures whole processes of `rollcall sync` and `rollcall publish` over simulated
providers, and writes the section "Figures" of `docs/scale.md`. PostgreSQL and the providers' server run on
the same machine, in processes of their own.
"""

from benchmarks import RESULTS

ENGINE_RESULTS = RESULTS / "engines"
CONNECTIONS = 30
