"""The projects that the providers served, read in plain Python, without Rollcall's models.

It reads only what the questions on the page need, and only the records of the sandbox.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.sandbox import RILLSOFT_CLIENT_IDS, Record, Sandbox

STATUSES = {
    "PRJ_STATUS_COMPLETE": "completed",
    "PRJ_STATUS_ON_GOING": "active",
    "PRJ_STATUS_PAUSED": "on_hold",
    "PRJ_STATUS_PROSPECT": "planned",
    "Abgeschlossen": "completed",
    "Completed": "completed",
    "Geplant": "planned",
    "Planned": "planned",
    "In Bearbeitung": "active",
    "In Progress": "active",
    "On Hold": "on_hold",
    "Zurückgestellt": "on_hold",
    "true": "active",
    "false": "inactive",
    "active": "active",
    "archived": "archived",
    None: "active",  # EvoVoice gives none
}


Served = Mapping[str, Sequence[Record]]
"""The records that a run was served: by provider, and for Rillsoft by `rillsoft:CLIENT`."""


@dataclass(frozen=True)
class Project:
    """A project as its provider served it."""

    key: str
    name: str
    provider_status: str | None
    client: str | None = None
    account: str | None = None
    start: datetime | None = None
    finish: datetime | None = None
    archived: datetime | None = None
    activity: datetime | None = None
    parent: str | None = None

    @property
    def provider(self) -> str:
        return self.key.partition(":")[0]

    @property
    def status(self) -> str:
        return STATUSES.get(self.provider_status, "unknown")

    @property
    def is_open(self) -> bool:
        return self.status in {"active", "planned", "on_hold"}

    @property
    def columns(self) -> dict[str, str | None]:
        """The columns that the demo changes, as text."""
        archived = self.archived
        return {
            "name": self.name,
            "status": self.status,
            "provider_status": self.provider_status,
            "is_archived": None if self.provider != "belltastic" else str(archived is not None).lower(),
            "archived_at": archived and f"{archived:%Y-%m-%dT%H:%M:%SZ}",
        }


def records_of(sandbox: Sandbox) -> Served:
    """The records that the sandbox lists now."""
    providers = ("belltastic", "evovoice", "fone_dynamics", "matter")
    listed = {name: sandbox.store(name).records() for name in providers}
    return listed | {
        f"rillsoft:{client}": sandbox.store("rillsoft", client).records() for client in RILLSOFT_CLIENT_IDS
    }


def projects_in(served: Served) -> dict[str, Project]:
    """The projects listed in one run, by key."""
    readers = {"belltastic": _belltastic, "fone_dynamics": _fone_dynamics, "matter": _matter}
    found = [project for name, read in readers.items() for project in map(read, served[name])]
    for name, records in served.items():
        if name.startswith("rillsoft"):
            found += [_rillsoft(name, record) for record in records]
    found += _evovoice(served["evovoice"])
    return {project.key: project for project in found}


def _belltastic(record: Record) -> Project:
    return Project(
        f"belltastic:{record['id']}",
        record["name"],
        "archived" if record["deleted_at"] else "active",
        account=str(record["team_id"]),
        archived=_time(record.get("deleted_at")),
        activity=_time(record["updated_at"]),
    )


def _fone_dynamics(record: Record) -> Project:
    key = f"fone_dynamics:{record['PropertySid']}"
    return Project(key, record["Name"], str(record["Active"]).lower(), account=record["AccountSid"])


def _matter(record: Record) -> Project:
    return Project(
        f"matter:{record['originId']}",
        record["name"],
        record.get("projectStatus"),
        client=record.get("clientName"),
        activity=_time(record.get("lastUpdated")),
    )


def _rillsoft(listing: str, record: Record) -> Project:
    return Project(
        f"{listing}:{record['id']}",
        record["name"],
        record.get("status"),
        client=record.get("customer"),
        account=listing.partition(":")[2],
        start=_time(record.get("start")),
        finish=_time(record.get("finish")),
    )


def _evovoice(files: Sequence[Record]) -> Iterator[Project]:
    by_project = defaultdict(list)
    for file in files:
        by_project[file.get("customerId") or file["accountId"]].append(file)
    for project_id, its in by_project.items():
        file = its[0]
        yield Project(
            f"evovoice:{project_id}",
            file.get("customerName") or file["accountName"],
            None,
            client=file.get("customerName"),
            account=file["accountName"],
            activity=max(_time(one["dateCreated"]) for one in its),
            parent=_parent(project_id, file.get("customerBreadcrumb") or []),
        )


def _parent(customer: str, breadcrumb: Sequence[Record]) -> str | None:
    ids = [one["id"] for one in breadcrumb]
    if customer not in ids or len(ids) < 2:
        return None
    place = ids.index(customer)
    return f"evovoice:{ids[place - 1] if place else ids[1]}"


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    given = datetime.fromisoformat(text.replace("0000000Z", "Z"))
    return given if given.tzinfo else given.replace(tzinfo=UTC)
