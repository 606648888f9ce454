"""The answers to the questions of the page, computed in plain Python from what the providers served."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

from tests.docs.served import Project, Served, projects_in
from tests.support.home import FIRST_RUN

Cell = str | int | float | list[str] | None
Row = tuple[Cell, ...]
PROVIDERS = ("belltastic", "evovoice", "fone_dynamics", "matter", "rillsoft")


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order of all their cells, null last."""
    return sorted(rows, key=lambda row: [(cell is None, cell) for cell in row])


def counted(keys: Iterable[Row]) -> list[Row]:
    """Each distinct row with its number of occurrences, in order."""
    return ordered((*key, count) for key, count in Counter(keys).items())


class Answers:
    """The answers: a method for each question, named after its most important words.

    `served` are the records that each run was served, a run a day; of a listing that failed, those of the run
    before. `stale` are the rows of connections that are not up to date. `held` says when each project whose
    removal is held back was seen last.
    """

    def __init__(
        self, served: Sequence[Served], stale: Sequence[Row] = (), held: Mapping[str, str] | None = None
    ) -> None:
        self.served, self.stale, self.held = served, stale, held or {}
        self.ended_at = FIRST_RUN + timedelta(days=len(served) - 1)
        self.dates = [f"{FIRST_RUN + timedelta(days=day):%Y-%m-%d}" for day in range(len(served))]
        self.days = [projects_in(one) for one in served]
        self.now = list(self.days[-1].values())
        self.changes = [
            row for day in range(1, len(served)) for row in self._changes(day - 1, day, self.dates[day])
        ]
        self.known = {key: one for day in self.days for key, one in day.items()}

    def _changes(self, before: int, after: int, day: str) -> list[Row]:
        """Day, key, change, column, old and new value of each difference between two days."""
        old, new = self.days[before], self.days[after]
        seen = {key for earlier in self.days[: before + 1] for key in earlier}
        found: list[Row] = [
            (day, key, "changed", column, value, new[key].columns[column])
            for key in old.keys() & new.keys()
            for column, value in old[key].columns.items()
            if value != new[key].columns[column]
        ]
        found += [(day, key, "removed", None, None, None) for key in old.keys() - new.keys()]
        returned = (new.keys() - old.keys()) & seen
        found += [(day, key, "returned", None, None, None) for key in returned]
        return found + [(day, key, "created", None, None, None) for key in new.keys() - seen]

    def name(self, key: Cell, day: Cell = None) -> str:
        """The name of the project on a day, or on the last one; if it was gone by then, its last name."""
        count = len(self.days) if day is None else self.dates.index(str(day)) + 1
        return next(listed[str(key)].name for listed in reversed(self.days[:count]) if key in listed)

    def each_provider(self) -> list[Row]:
        grouped = {name: [one for one in self.now if one.provider == name] for name in PROVIDERS}
        return [(name, len(its), sum(one.is_open for one in its)) for name, its in grouped.items()]

    def active_at_month_end(self) -> list[Row]:
        return counted((self.dates[-1], one.provider) for one in self.now if one.status == "active")

    def accounts(self) -> list[Row]:
        return counted((one.provider, one.account) for one in self.now if one.account)

    def two_accounts(self) -> list[Row]:
        found = Counter((one.status, one.account) for one in self.now if one.provider == "rillsoft")
        return [
            (status, *(found[status, account] for account in ("11", "12", "27")))
            for status in sorted({status for status, _ in found})
        ]

    def on_a_date(self) -> list[Row]:
        return counted((one.status,) for one in self.days[1].values())

    def new_per_week(self) -> list[Row]:
        weeks = {str(_monday(day)): 0 for day in self.dates}
        for day, _, change, *_ in self.changes:
            weeks[str(_monday(day))] += change == "created"
        return ordered(weeks.items())

    def came_and_went(self) -> list[Row]:
        came = Counter(self.known[key].provider for _, key, change, *_ in self.changes
                       if change in {"created", "returned"})  # fmt: skip
        went = Counter(self.known[key].provider for _, key, change, *_ in self.changes if change == "removed")
        return [("2026-11-01", name, came[name], went[name]) for name in PROVIDERS]

    def changed_last_week(self) -> list[Row]:
        return ordered(
            (day, self.name(key, day), *rest) for day, key, *rest in self.changes if day in self.dates[-7:]
        )

    def two_dates(self) -> list[Row]:
        names = {key: one.name for day in (0, 2) for key, one in self.days[day].items()}
        return ordered((names[str(key)], *rest) for _, key, *rest in self._changes(0, 2, self.dates[2]))

    def still_gone(self) -> list[Row]:
        removed = {key: day for day, key, change, *_ in self.changes if change == "removed"}
        return ordered((day, key, self.name(key)) for key, day in removed.items() if key not in self.days[-1])

    def returned(self) -> list[Row]:
        removed: dict[Cell, Cell] = {}
        found = []
        for day, key, change, *_ in self.changes:
            if change == "removed":
                removed[key] = day
            elif change == "returned":
                found.append((self.name(key, day), removed[key], day))
        return ordered(found)

    def clients_that_lost(self) -> list[Row]:
        still = {one.key for one in self.now if one.is_open or one.status == "unknown"}
        return counted(
            (one.client,)
            for one in self.days[0].values()
            if one.is_open and one.client and one.key not in still
        )

    def transitions(self) -> list[Row]:
        return counted((old, new) for _, _, _, column, old, new in self.changes if column == "status")

    def completed(self) -> list[Row]:
        return ordered(
            (day, self.known[key].provider, self.name(key, day))
            for day, key, _, column, _, new in self.changes
            if (column, new) == ("status", "completed")
        )

    def most_changed(self) -> list[Row]:
        days = {(key, day) for day, key, change, *_ in self.changes if change == "changed"}
        found = [(self.name(key), count) for key, count in Counter(key for key, _ in days).items()]
        return sorted(found, key=lambda row: (-row[1], row[0]))[:5]

    def former_names(self) -> list[Row]:
        return ordered((old, new, day) for day, _, _, column, old, new in self.changes if column == "name")

    def longest_running(self) -> list[Row]:
        found = sorted((one.start, one.name) for one in self.now if one.is_open and one.start)
        return [(name, f"{at:%Y-%m-%d}", (self.ended_at.date() - at.date()).days) for at, name in found[:5]]

    def overdue(self) -> list[Row]:
        late = [one for one in self.now if one.is_open and one.finish and one.finish < self.ended_at]
        late = sorted(sorted(late, key=lambda one: one.name), key=lambda one: one.finish, reverse=True)
        return [(one.provider, one.name, f"{one.finish:%Y-%m-%d}", one.status) for one in late[:5]]

    def in_a_quarter(self) -> list[Row]:
        def within(project: Project) -> bool:
            times = filter(None, (project.start, project.finish))
            return any((at.year, (at.month - 1) // 3) == (2025, 1) for at in times)

        found = [one for one in self.now if within(one)]
        return ordered((one.name, f"{one.start:%Y-%m-%d}", f"{one.finish:%Y-%m-%d}") for one in found)[:5]

    def time_in_status(self) -> list[Row]:
        lasted = defaultdict(list)
        for key in self.known:
            statuses = [day[key].status if key in day else None for day in self.days]
            count = len(statuses)
            begun = [day for day in range(1, count) if statuses[day] and statuses[day] != statuses[day - 1]]
            for day in begun:
                ended = next(
                    (later for later in range(day, count) if statuses[later] != statuses[day]), count - 1
                )
                lasted[statuses[day]].append(ended - day)
        return ordered((status, len(days), sum(days) / len(days)) for status, days in lasted.items())

    def archived(self) -> list[Row]:
        found = [(one.name, one.archived.date()) for one in self.now if one.archived]
        return [
            (name, str(at), (self.ended_at.date() - at).days)
            for name, at in sorted(found, key=lambda row: (row[1], row[0]))
        ]

    def dormant(self) -> list[Row]:
        limit = self.ended_at.replace(year=self.ended_at.year - 1)
        found = [one for one in self.now if one.is_open and one.activity and one.activity < limit]
        oldest = {name: min((one.activity for one in found if one.provider == name), default=None)
                  for name in PROVIDERS}  # fmt: skip
        counts = Counter(one.provider for one in found)
        return [(name, counts[name], f"{at:%Y-%m-%d}") for name, at in oldest.items() if at]

    def top_clients(self) -> list[Row]:
        found = defaultdict(list)
        for one in self.now:
            if one.client and one.is_open:
                found[one.client].append(one.provider)
        providers = defaultdict(set)
        for one in self.known.values():
            providers[one.client].add(one.provider)
        rows = [(client, len(its), sorted(providers[client])) for client, its in found.items()]
        return sorted(rows, key=lambda row: (-row[1], row[0]))[:5]

    def one_client(self) -> list[Row]:
        return ordered(
            (one.provider, one.name, one.status) for one in self.now if one.client == "Harbour Dental"
        )

    def without_client(self) -> list[Row]:
        return counted((one.provider,) for one in self.now if not one.client)

    def customer_tree(self) -> list[Row]:
        listed = self.days[-1]
        found = ((listed[one.parent].name, one.name) for one in self.now if one.parent in listed)
        return ordered(found)[:5]

    def files_per_customer(self) -> list[Row]:
        files, sizes = Counter(), Counter()
        for file in self.served[-1]["evovoice"]:
            if customer := file.get("customerName"):
                files[customer] += 1
                sizes[customer] += file.get("contentLength") or 0
        rows = [(name, count, sizes[name]) for name, count in files.items()]
        return sorted(rows, key=lambda row: (-row[1], row[0]))[:5]

    def duplicates(self) -> list[Row]:
        keys = defaultdict(list)
        for one in self.now:
            keys[one.name.lower()].append(one.key)
        return ordered((name, sorted(its)) for name, its in keys.items() if len(its) > 1)

    def not_up_to_date(self) -> list[Row]:
        return list(self.stale)

    def held_back(self) -> list[Row]:
        return ordered((self.known[key].provider, key, self.name(key), at) for key, at in self.held.items())

    def unmapped(self) -> list[Row]:
        return counted((one.provider, one.provider_status) for one in self.now if one.status == "unknown")


def _monday(day: Cell) -> date:
    at = date.fromisoformat(str(day))
    return at - timedelta(days=at.weekday())


# Each question of the page, and the function that answers it in Python.
ANSWERS: dict[str, Callable[[Answers], list[Row]]] = {
    "How many projects does each provider have, and how many are open?": Answers.each_provider,
    "How many projects were active at the end of each month?": Answers.active_at_month_end,
    "How many projects are there in each account?": Answers.accounts,
    "How do two accounts compare?": Answers.two_accounts,
    "How many projects did we have on a date?": Answers.on_a_date,
    "How many projects were new in each week?": Answers.new_per_week,
    "How many projects came and went in each month?": Answers.came_and_went,
    "What changed last week?": Answers.changed_last_week,
    "What is different between two dates?": Answers.two_dates,
    "Which projects were removed, and are still gone?": Answers.still_gone,
    "Which projects were removed and returned?": Answers.returned,
    "Which clients lost open projects since a date?": Answers.clients_that_lost,
    "Which statuses changed into which?": Answers.transitions,
    "Which projects were completed?": Answers.completed,
    "Which projects change most often?": Answers.most_changed,
    "What were projects called before?": Answers.former_names,
    "Which projects have been running longest?": Answers.longest_running,
    "Which projects are overdue?": Answers.overdue,
    "Which projects started or finished in a quarter?": Answers.in_a_quarter,
    "How long are projects in a status?": Answers.time_in_status,
    "How long have projects been archived?": Answers.archived,
    "Which open projects are dormant?": Answers.dormant,
    "Which clients have the most open projects?": Answers.top_clients,
    "What do we do for one client, over all providers?": Answers.one_client,
    "Which projects have no client?": Answers.without_client,
    "Which customers are below which?": Answers.customer_tree,
    "Which customers have the most files?": Answers.files_per_customer,
    "Which projects may be duplicates?": Answers.duplicates,
    "Which connections are not up to date, and how many projects do they have?": Answers.not_up_to_date,
    "Which removals are held back?": Answers.held_back,
    "Which statuses have no mapping?": Answers.unmapped,
}
