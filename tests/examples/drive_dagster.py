"""Runs Dagster's example over each given home, and writes the state of each asset: RESULT HOME..."""

import json
import os
import sys
from pathlib import Path

import dagster
from dagster_definitions import defs

ENDS = {"STEP_SUCCESS": "success", "STEP_FAILURE": "failed", "STEP_SKIPPED": "skipped"}
ended = {}
for home in map(Path, sys.argv[2:]):
    os.environ["ROLLCALL_HOME"] = str(home)
    with dagster.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("rollcall_nightly")
        run = job.execute_in_process(raise_on_error=False, instance=instance)
    events = run.all_events
    ended[home.name] = {
        event.step_key: ENDS[event.event_type_value] for event in events if event.event_type_value in ENDS
    }
    for check in run.get_asset_check_evaluations():
        ended[home.name][check.check_name] = "passed" if check.passed else check.severity.value
Path(sys.argv[1]).write_text(json.dumps(ended))
