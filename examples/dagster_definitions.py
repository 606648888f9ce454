"""Dagster: a run every night, then the exports. Start it next to rollcall_command.py."""

from collections.abc import Iterator

import dagster as dg
from rollcall_command import BUSY, VERIFIED, CommandFailed, rollcall

EVERY_LISTING_VERIFIED = dg.AssetCheckSpec("every_listing_verified", asset="warehouse")


# No retry policy: Rollcall retries temporary failures itself.
@dg.asset(output_required=False, check_specs=[EVERY_LISTING_VERIFIED])
def warehouse(
    context: dg.AssetExecutionContext,
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """The published warehouse. While another run is in progress, this does nothing and skips the exports."""
    try:
        outcome, printed = rollcall("sync")
    except CommandFailed as error:
        raise dg.Failure(str(error)) from None
    context.log.info(printed)
    if outcome != BUSY:
        yield dg.MaterializeResult(metadata={"outcome": outcome})
    yield dg.AssetCheckResult(
        check_name=EVERY_LISTING_VERIFIED.name,
        passed=outcome == VERIFIED,
        severity=dg.AssetCheckSeverity.WARN,
        description=printed,
    )


@dg.asset(deps=[warehouse])
def exports(context: dg.AssetExecutionContext) -> None:
    """Every report, as CSV, in a folder for this run."""
    context.log.info(rollcall("export", "--all")[1])


nightly = dg.define_asset_job("rollcall_nightly", [warehouse, exports])
defs = dg.Definitions(
    assets=[warehouse, exports], schedules=[dg.ScheduleDefinition(job=nightly, cron_schedule="30 4 * * *")]
)
