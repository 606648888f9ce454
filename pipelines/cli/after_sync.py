"""What `rollcall sync` does once a run is published: exports, the report, publishing to other warehouses.

The run stays published, so a failure here is a line of its result and changes nothing else.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.common.errors import SyncError


def after_sync(
    home: Path, trace: Callable[[Exception], None], *, export: bool, report: bool
) -> tuple[str, ...]:
    """Write the exports and the report, if wanted, and publish. Returns a line for each failure.

    `trace` gets the exceptions that are bugs.
    """
    steps: list[tuple[str, str, Callable[[Path], Sequence[str]]]] = [
        *([("export", "export --all", _export)] if export else []),
        *([("report", "report", _report)] if report else []),
        ("publication", "publish", functools.partial(_publish, trace=trace)),
    ]
    failures: list[str] = []
    for name, verb, step in steps:
        try:
            failures += step(home)
        except (OSError, SyncError) as error:
            failures.append(f"the {name} failed: {error}")
        except Exception as error:  # noqa: BLE001 - the run is published, so nothing here may end it
            trace(error)
            failures.append(
                f"the {name} failed: internal error ({type(error).__name__}). To see it, run: rollcall {verb}"
            )
    return tuple(failures)


def _export(home: Path) -> Sequence[str]:
    """As `rollcall export --all`: a new folder, and the link `latest` to it."""
    from pipelines.commands.export import find_reports
    from pipelines.commands.export_all import export_all
    from pipelines.config.settings import exports_kept, exports_path
    from pipelines.output.writer import Output

    made = export_all(
        home,
        find_reports(home, ()),
        exports_path(home),
        Output("csv"),
        keep=exports_kept(home),
    )
    return [f"the export of {failed.report} failed: {failed.reason}" for failed in made.export.failed]


def _report(home: Path) -> Sequence[str]:
    """As `rollcall report`."""
    from pipelines.commands.report import report
    from pipelines.config.settings import display_time_zone, exports_path
    from pipelines.output.writer import Output
    from pipelines.warehouse.published import open_published

    folder = exports_path(home)
    with open_published(home, workspace_in=folder) as warehouse:
        report(warehouse, None, Output(path=folder / "report.html"), display_time_zone(home))
    return []


def _publish(home: Path, trace: Callable[[Exception], None]) -> Sequence[str]:
    """As `rollcall publish`, to each destination that `[publish] after_sync` names."""
    from pipelines.config.settings import published_after_sync

    names = published_after_sync(home)
    if not names:
        return ()
    from pipelines.commands.publish import publish_each

    return publish_each(home, names, trace)
