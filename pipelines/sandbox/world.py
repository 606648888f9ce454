"""The five simulated providers, with their faults and delays."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count

from pipelines.sandbox.belltastic import Belltastic
from pipelines.sandbox.draw import EPOCH
from pipelines.sandbox.evovoice import EvoVoice
from pipelines.sandbox.faults import Faults
from pipelines.sandbox.fone_dynamics import FoneDynamics
from pipelines.sandbox.matter import Matter
from pipelines.sandbox.rillsoft import Rillsoft
from pipelines.sandbox.store import Store
from pipelines.sandbox.traffic import RequestCounter, RequestLine
from pipelines.sandbox.vendor import PROVIDERS, Clock, Vendor


class World:
    """The providers by name, the active faults, the delay of each answer, and the traffic so far.

    `before_request`, if set, is called with each request to a provider, after its delay and before its
    answer, which shows what the call changed.
    """

    def __init__(
        self,
        *,
        seed: int,
        projects: int | Mapping[str, int],
        files: int,
        latency_s: float = 0.0,
        evovoice_uses_pascal_case: bool = False,
        clock: Clock | None = None,
    ) -> None:
        amounts = _amounts(projects)
        self.evovoice = EvoVoice(seed, amounts["evovoice"], files, uses_pascal_case=evovoice_uses_pascal_case)
        self.vendors: dict[str, Vendor] = {
            "fone_dynamics": FoneDynamics(seed, amounts["fone_dynamics"]),
            "matter": Matter(seed, amounts["matter"]),
            "rillsoft": Rillsoft(seed, amounts["rillsoft"]),
            "evovoice": self.evovoice,
            "belltastic": Belltastic(seed, amounts["belltastic"], clock or _ticking()),
        }
        self.faults = Faults()
        self.traffic = RequestCounter()
        self.latency_s = latency_s
        self.before_request: Callable[[RequestLine], None] | None = None

    def store(self, provider: str, client: int | None = None) -> Store:
        """The records of a provider (Rillsoft: of a client). Raises LookupError if there are none."""
        stores = self.vendors[provider].stores
        if client not in stores:
            raise LookupError(
                f"{provider} has records for client {', '.join(map(str, stores))}; {client} was asked for"
            )
        return stores[client]


def _amounts(projects: int | Mapping[str, int]) -> dict[str, int]:
    """The number of projects of each provider: one number for all, or by provider and 0 if left out."""
    if isinstance(projects, int):
        return dict.fromkeys(PROVIDERS, projects)
    unknown = set(projects) - set(PROVIDERS)
    if unknown:
        raise ValueError(f"no such provider: {', '.join(sorted(unknown))}; there are {', '.join(PROVIDERS)}")
    return dict.fromkeys(PROVIDERS, 0) | dict(projects)


def _ticking() -> Clock:
    """A clock that advances by one second each time it is read, from the sandbox's fixed present."""
    seconds = count(1)
    return lambda: EPOCH + timedelta(seconds=next(seconds))
