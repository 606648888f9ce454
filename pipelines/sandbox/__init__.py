"""A simulation of the five providers, to try, test and measure Rollcall without an account or a network.

`Sandbox` serves the five vendors' APIs on loopback over real HTTP, written from the vendors' own pages:
parameters, defaults, limits, envelopes, errors and authentication. It shares no code with the pipeline, so
that both do not share one misreading. The records come from a seed: the same seed gives the same records, in
any number.

    with Sandbox(seed=1, projects=40, files=120) as sandbox:
        requests.get(f"{sandbox.url}/matter/connect/v2/projects/get", ...)
        sandbox.store("matter").add()
        sandbox.faults.add(Fault("matter", match="pageNumber=2", status=503))

Other processes control it through `/_sandbox`; see `docs/sandbox.md`.
"""

from pipelines.sandbox.faults import Fault, Faults
from pipelines.sandbox.rillsoft import CLIENT_IDS as RILLSOFT_CLIENT_IDS
from pipelines.sandbox.server import Sandbox, configuration_texts, serve
from pipelines.sandbox.store import Json, Record, RecordId, Store
from pipelines.sandbox.traffic import RequestCounter, RequestLine
from pipelines.sandbox.vendor import PROVIDERS

__all__ = [
    "PROVIDERS",
    "RILLSOFT_CLIENT_IDS",
    "Fault",
    "Faults",
    "Json",
    "Record",
    "RecordId",
    "RequestCounter",
    "RequestLine",
    "Sandbox",
    "Store",
    "configuration_texts",
    "serve",
]
