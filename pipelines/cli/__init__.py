"""The command line: it parses, calls and prints.

`group` has the group of all verbs; each module of verbs adds its own to it when it is imported here.
Imports only click and the standard library. Each verb imports what it needs.
"""

import sys

if sys.platform == "win32":  # it has neither flock nor file permissions
    sys.exit("rollcall: Windows is not supported. Use it in WSL, or in Docker")

from pipelines.cli import exporting, keeping, reading, runs, setup
from pipelines.cli.group import main

__all__ = ["exporting", "keeping", "main", "reading", "runs", "setup"]
