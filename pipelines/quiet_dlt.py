"""dlt, imported with everything off that a night does not need. Import dlt from here only.

Telemetry is on by default and its settings are read at import, hence the environment first.
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # dlt's dependencies, not ours
    import dlt
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.exceptions import ConfigProviderException
    from dlt.common.configuration.providers.doc import CustomLoaderDocProvider
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
    from dlt.common.runtime.run_context import switch_context

__all__ = ["ConfigProviderException", "dlt", "undisturbed", "use_home"]

SETTINGS = {
    "runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL"},
    "pipelines": {"enable_runtime_trace": False},  # it writes every secret that was resolved to a file
}


def use_home(home: Path) -> None:
    """Let dlt read its configuration from `home/.dlt`, anew."""
    switch_context(str(home))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let dlt see no settings but these: it would take any by its bare name, such as a variable DEV_MODE."""
    providers = Container()[PluggableRunContext].providers
    former = providers.providers
    providers.providers = [CustomLoaderDocProvider("rollcall", lambda: SETTINGS)]
    try:
        yield
    finally:
        providers.providers = former
