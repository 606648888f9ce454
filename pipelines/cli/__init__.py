"""The command line: it parses, calls and prints.

`group` has the group of all verbs; each module of verbs adds its own to it when it is imported here.
Imports only click and the standard library. Each verb imports what it needs.
"""

from pipelines.cli import exporting, keeping, reading, runs, setup
from pipelines.cli.group import main

__all__ = ["exporting", "keeping", "main", "reading", "runs", "setup"]
