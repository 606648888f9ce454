"""Runs Prefect's example over each given home, and writes the state of the flow: RESULT HOME..."""

import json
import os
import sys
from pathlib import Path

from prefect_flow import rollcall_nightly

ended = {}
for home in map(Path, sys.argv[2:]):
    os.environ["ROLLCALL_HOME"] = str(home)
    state = rollcall_nightly(return_state=True)
    ended[home.name] = [state.type.value, state.name]
Path(sys.argv[1]).write_text(json.dumps(ended))
