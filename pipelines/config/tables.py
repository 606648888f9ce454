"""The tables that a configuration may have, with their keys: types, defaults, ranges and descriptions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from pipelines.config.secret_sources import SUFFIXES

EXPORTS_KEPT = 14
LOGS_KEPT = 60
PREVIOUS_KEPT = 3
MEMORY_MB = 300

SettingType = Literal["text", "integer", "number", "list"]


@dataclass(frozen=True)
class Setting:
    """One key of a table of the configuration. Unset, it has its `default`, unless it is `required`.

    A number lies from `minimum` to `maximum`; None: no bound. `about` is the comment of the key in a new
    configuration: where its value comes from, or what it does.
    """

    name: str
    type: SettingType = "text"
    default: object = None
    required: bool = False
    secret: bool = False
    minimum: float | None = None
    maximum: float | None = None
    about: str = ""


def names_of(setting: Setting) -> tuple[str, ...]:
    """The keys that set it: a secret can also come from a file or a command."""
    others = SUFFIXES if setting.secret else ()
    return (setting.name, *(f"{setting.name}{suffix}" for suffix in others))


class Settings(Mapping[str, object]):
    """The resolved settings of one table, read by type. A method raises KeyError for an unknown name."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        """The string under `name`; empty if unset."""
        return cast("str | None", self._values[name]) or ""

    def integer(self, name: str) -> int:
        """The integer under `name`."""
        return cast("int", self._values[name])

    def number(self, name: str) -> float:
        """The number under `name`."""
        return cast("float", self._values[name])

    def texts(self, name: str) -> tuple[str, ...]:
        """The list under `name`; empty if unset."""
        return cast("tuple[str, ...] | None", self._values[name]) or ()


WAREHOUSE = (
    Setting("path", default="warehouse.duckdb", about="the published warehouse"),
    Setting("keep", "integer", PREVIOUS_KEPT, about="how many files of earlier runs are kept next to it"),
    Setting("mode", default="0600", about="permissions of the file: 0640 lets the group read it"),
    Setting("group", about="the group that may read it, if not the user's own group"),
    Setting("memory_mb", "integer", MEMORY_MB, about="how much memory DuckDB may take in a run"),
    Setting("engine", default="duckdb", about="duckdb: one file; ducklake: a lakehouse for several machines"),
    Setting("catalog", about="ducklake: postgres:dbname=… host=… user=…, or the path of a file, to try it"),
    Setting("data", about="ducklake: the directory of the data, or s3://BUCKET/PATH"),
    Setting("catalog_password", secret=True, about="ducklake: the password of the PostgreSQL user"),
    Setting("s3_key_id", secret=True, about="ducklake: the access key of the object storage"),
    Setting("s3_secret", secret=True, about="ducklake: the secret access key"),
    Setting("s3_session_token", secret=True, about="ducklake: the session token of temporary credentials"),
    Setting("s3_region", about="ducklake: the region of the bucket"),
    Setting("s3_endpoint", about="ducklake: the URL of the object storage, if it is not Amazon's"),
    Setting(
        "s3_ca_file", about="ducklake: certificates to trust there, in PEM form, instead of the default ones"
    ),
)
COMPUTE = (
    Setting("engine", about="ray or spark: divide runs among workers; needs a lakehouse"),
    Setting(
        "address",
        about="of a cluster, such as ray://HOST:10001 or spark://HOST:7077; if unset, workers run here",
    ),
    Setting("workers", "integer", 2, about="how many workers a run starts on this machine"),
    Setting("unit_records", "integer", 50_000, about="a connection with more records is divided"),
    Setting("memory_mb", "integer", 600, about="how much memory DuckDB may take in each worker"),
)
EXPORTS = (
    Setting("path", default="exports", about="the directory of the exports"),
    Setting("keep", "integer", EXPORTS_KEPT, about="how many dated folders of exports are kept; 0 keeps all"),
)
DISPLAY = (Setting("time_zone", default="UTC", about="the IANA time zone in which times are shown"),)
LOGS = (
    Setting("path", default="logs", about="the directory of the runs' logs; - for standard output"),
    Setting("format", default="text", about="text, or json: an object per line, for a log collector"),
    Setting("keep", "integer", LOGS_KEPT, about="how many logs are kept; 0 keeps all"),
)
MONITORING = (
    Setting("textfile", about="a file of metrics for node_exporter, written after every run; ends in .prom"),
)
NOTIFY = (
    Setting("webhook", secret=True, about="an incoming webhook of Slack, or of a compatible service"),
    Setting("ping_url", secret=True, about="called when every run starts and ends, as by healthchecks.io"),
    Setting("email_to", "list", (), about="the addresses that get an e-mail"),
    Setting("email_from", about="default: rollcall@ and the name of this machine"),
    Setting("smtp_host", default="localhost", about="the server that takes the e-mail"),
    Setting(
        "smtp_port", "integer", minimum=1, maximum=65535, about="default: 587, or 465 for tls, 25 for none"
    ),
    Setting("smtp_security", default="starttls", about="starttls, tls, or none (to this machine only)"),
    Setting("smtp_user"),
    Setting("smtp_password", secret=True),
    Setting("ca_file", about="certificates to trust, in PEM form, instead of the default ones"),
    Setting("proxy", about="an HTTP proxy for the webhook and the ping"),
    Setting(
        "runs",
        default="failed",
        about="failed: e-mail and webhook only after a failed run; all: after every run",
    ),
    Setting(
        "deadline_s", "number", 20.0, minimum=1, maximum=600, about="for all notices of one kind together"
    ),
)
PUBLISH = (Setting("after_sync", "list", (), about="the destinations to publish to after each run"),)
DESTINATION = (
    Setting("destination", required=True, about="its kind, such as postgres, snowflake or filesystem"),
    Setting("dataset", default="rollcall", about="the schema there, or the folder; for Rollcall alone"),
    Setting("tables", "list", (), about="the tables to publish; all, unless set"),
    Setting("table_format", default="delta", about="for a file system: delta or iceberg"),
)
# The keys of every connection's table, [sources.NAME]. Its provider adds its own.
COMMON = (
    Setting("provider", about="the provider, if the name of the table is another"),
    Setting("max_connections", "integer", 8, minimum=1, maximum=64, about="concurrent requests"),
    Setting(
        "max_retries",
        "integer",
        4,
        minimum=0,
        maximum=20,
        about="retries after 408, 429, 5xx or an incomplete answer",
    ),
    Setting("max_body_mb", "integer", 64, minimum=1, about="the largest answer accepted"),
    Setting(
        "timeout_s",
        "number",
        60.0,
        minimum=0.1,
        maximum=3600,
        about="time limit for one request, from first to last byte",
    ),
    Setting(
        "retry_wait_s",
        "number",
        1.0,
        minimum=0,
        maximum=60,
        about="seconds before the first retry; doubles with each retry",
    ),
    Setting(
        "removal_limit",
        "number",
        0.1,
        minimum=0,
        maximum=1,
        about="hold back removals above this share of known records (and above 5)",
    ),
    Setting("drop_fields", "list", (), about="fields that are never stored"),
    Setting("ca_file", about="certificates to trust, in PEM form, instead of the default ones"),
    Setting("proxy", about="an HTTP proxy for all requests, such as http://proxy.example.com:3128"),
)
# Every table of the configuration, except those of connections, [sources.NAME], and of destinations,
# [publish.NAME].
TABLES: Mapping[str, tuple[Setting, ...]] = {
    "warehouse": WAREHOUSE,
    "compute": COMPUTE,
    "exports": EXPORTS,
    "display": DISPLAY,
    "logs": LOGS,
    "notify": NOTIFY,
    "monitoring": MONITORING,
    "publish": PUBLISH,
}
