"""Airflow: a run every night, then the exports. Put it and rollcall_command.py into the dags folder."""

import logging

import pendulum
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from rollcall_command import BUSY, PARTIAL, CommandFailed, rollcall

log = logging.getLogger(__name__)


@dag(
    schedule="30 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,  # a run lists what exists now, so running a missed one later adds nothing
    max_active_runs=1,
    default_args={"retries": 0},  # Rollcall retries temporary failures itself
)
def rollcall_nightly() -> None:
    """The task fails if nothing was published, and is skipped while another run is in progress."""

    @task
    def run() -> str:
        try:
            outcome, printed = rollcall("sync")
        except CommandFailed as error:
            raise AirflowFailException(str(error)) from None
        if outcome == BUSY:
            raise AirflowSkipException(printed)
        if outcome == PARTIAL:
            log.warning("The run was published, not all of it verified:\n%s", printed)
        else:
            log.info(printed)
        return outcome

    @task
    def exports() -> None:
        log.info(rollcall("export", "--all")[1])

    run() >> exports()


rollcall_nightly()
