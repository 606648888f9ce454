"""Prefect: a run every night, then the exports. Start it next to rollcall_command.py."""

from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.states import Completed
from rollcall_command import BUSY, PARTIAL, rollcall


@task(retries=0)  # Rollcall retries temporary failures itself
def run() -> str:
    """The outcome of the run. Fails if nothing was published."""
    outcome, printed = rollcall("sync")
    if outcome == PARTIAL:
        get_run_logger().warning("The run was published, not all of it verified:\n%s", printed)
    else:
        get_run_logger().info(printed)
    return outcome


@task(retries=0)
def exports() -> None:
    """Every report, as CSV, in a folder for this run."""
    get_run_logger().info(rollcall("export", "--all")[1])


@flow(name="rollcall-nightly")
def rollcall_nightly() -> State[None]:
    """Ends as Completed, Partial (not all verified), or Skipped (another run is in progress)."""
    outcome = run()
    if outcome == BUSY:
        return Completed(name="Skipped", message="Another run is in progress.")
    exports()
    if outcome == PARTIAL:
        return Completed(name="Partial", message="Not every listing is verified: see the log.")
    return Completed()


if __name__ == "__main__":
    rollcall_nightly.serve(name="nightly", cron="30 4 * * *", limit=1)
