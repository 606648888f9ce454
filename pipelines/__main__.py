"""The program `rollcall`, also as `python -m pipelines`."""

import sys

from pipelines.common.exit_codes import ExitCode


def main() -> None:
    """Run the command line. Its imports take a moment, in which Ctrl-C would print a traceback."""
    try:
        from pipelines.cli import main as command_line
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    command_line(prog_name="rollcall")


if __name__ == "__main__":
    main()
