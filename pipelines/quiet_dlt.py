"""dlt, imported with everything off that a night does not need. Import dlt from here only.

Telemetry is on by default and its settings are read at import, hence the environment first.
"""

import os
import warnings
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
os.environ["PIPELINES__ENABLE_RUNTIME_TRACE"] = "false"  # it writes every resolved secret to a file

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # dlt's dependencies, not ours
    import dlt
    from dlt.common.runtime.run_context import switch_context

__all__ = ["dlt", "use_home"]


def use_home(home: Path) -> None:
    """Let dlt read its configuration from `home/.dlt`, anew."""
    switch_context(str(home))
