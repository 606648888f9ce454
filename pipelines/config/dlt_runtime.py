"""dlt without everything that a run does not need. Import dlt only from here.

By default, dlt reads more than a home: a global folder (`~/.dlt`, `/var/dlt`), `/run/secrets`, Airflow and
vaults, and any folder that `DLT_PROJECT_DIR` or a plugin names. A connection found there would sync another
project's data, so `HomeContext` replaces dlt's own context. dlt's telemetry is turned off before the import,
which reads its setting.
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from pipelines.config.files import CONFIG, SECRETS, destination_table, read_toml

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # dlt's dependencies, not ours
    import dlt
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.providers import EnvironProvider
    from dlt.common.configuration.providers.doc import CustomLoaderDocProvider
    from dlt.common.configuration.providers.provider import ConfigProvider
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
    from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
    from dlt.common.configuration.utils import TraceLogContext
    from dlt.common.runtime.run_context import RunContext

__all__ = ["current_home", "destination_settings", "dlt", "isolated_settings", "use_home"]

SETTINGS = {
    "runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL"},
    "pipelines": {
        "enable_runtime_trace": False,  # it would write every resolved secret to a file
        "restore_from_destination": False,  # each run has a new directory, with nothing to restore
    },
}

# A driver may keep all that it sends of a table in memory. So only one table is sent at a time.
PUBLICATION_SETTINGS = {**SETTINGS, "load": {"workers": 1}}


class Environment(EnvironProvider):
    """Environment variables alone; dlt's own provider also reads files in `/run/secrets`."""

    def get_value(
        self, key: str, hint: type[object], pipeline_name: str | None, *sections: str
    ) -> tuple[str | None, str]:
        """The variable of a key, and its name."""
        del hint  # for a secret, dlt would read the file
        name = self.get_key_name(key, pipeline_name or "", *sections)
        return os.environ.get(name), name


class HomeContext(RunContext):
    """The sources of settings for dlt: the environment and the two files of a home."""

    def initial_providers(self) -> list[ConfigProvider]:
        """The environment before `secrets.toml` before `config.toml`."""
        folder = Path(self.run_dir) / ".dlt"
        secrets, config = read_toml(folder / SECRETS), read_toml(folder / CONFIG)
        return [
            Environment(),
            CustomLoaderDocProvider(SECRETS, lambda: secrets, supports_secrets=True),
            CustomLoaderDocProvider(CONFIG, lambda: config, supports_secrets=False),
        ]

    @property
    def run_dir(self) -> str:
        """The home, even where `DLT_PROJECT_DIR` is set."""
        return self._init_run_dir

    def initialize_runtime(self, runtime_config: RuntimeConfiguration | None = None) -> None:
        """Start dlt's runtime with these settings, not with any that dlt would resolve."""
        super().initialize_runtime(
            runtime_config or RuntimeConfiguration(dlthub_telemetry=False, log_level="CRITICAL")
        )


class HomeOnly(PluggableRunContext):
    """dlt's holder of a run context, without the providers that dlt adds to it: Airflow and vaults."""

    def add_extras(self) -> None:
        """Start the runtime, and add nothing."""
        self.initialize_runtime()


def use_home(home: Path) -> None:
    """Make dlt read the configuration in `home/.dlt` only, and not keep a list of what it has read.

    Raises ConfigurationError if a file cannot be read.
    """
    Container()[PluggableRunContext] = HomeOnly(HomeContext(str(home)))
    # The list would hold secrets, and grow by 1.7 MB per run in a process of many runs.
    Container()[TraceLogContext].logging_enabled = False


def current_home() -> Path:
    """The home whose configuration dlt reads."""
    return Path(Container()[PluggableRunContext].context.run_dir)


@contextlib.contextmanager
def isolated_settings() -> Iterator[None]:
    """Hide all other settings from dlt: it would read a variable by its bare name, such as DEV_MODE."""
    providers = Container()[PluggableRunContext].providers
    previous = providers.providers
    providers.providers = [CustomLoaderDocProvider("rollcall", lambda: SETTINGS)]
    try:
        yield
    finally:
        providers.providers = previous


class DestinationEnvironment(Environment):
    """The environment variables of one destination, such as `DESTINATION__BI__CREDENTIALS`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._prefix = f"DESTINATION__{name.upper()}__"

    def get_value(
        self, key: str, hint: type[object], pipeline_name: str | None, *sections: str
    ) -> tuple[str | None, str]:
        """The variable of a key, if it belongs to the destination, and its name."""
        value, name = super().get_value(key, hint, pipeline_name, *sections)
        return value if name.startswith(self._prefix) else None, name


@contextlib.contextmanager
def destination_settings(home: Path, name: str) -> Iterator[None]:
    """Let dlt see `[destination.NAME]` of the home and its variables; hide all other settings."""
    found = {
        file: {"destination": {name: dict(destination_table(home, file, name))}} for file in (SECRETS, CONFIG)
    }
    use_home(home)
    providers = Container()[PluggableRunContext].providers
    providers.providers = [
        DestinationEnvironment(name),
        CustomLoaderDocProvider(SECRETS, lambda: found[SECRETS], supports_secrets=True),
        CustomLoaderDocProvider(CONFIG, lambda: found[CONFIG], supports_secrets=False),
        CustomLoaderDocProvider("rollcall", lambda: PUBLICATION_SETTINGS),
    ]
    try:
        yield
    finally:
        use_home(home)
