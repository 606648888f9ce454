"""Recognises commands that would install the unrelated program with the name of the command."""

import re

# Commands that would install the unrelated program of that name.
INSTALLS_ANOTHER = re.compile(
    r"""
    (?:pip3?\ install|pipx\ \w+|uv\ add|uv\ tool\ \w+|uvx|--from|docker\ (?:pull|run)|image:)  # a command,
    (?:[ =]-\S+|[ =][^\s`|;&]*/\S*)*        # its options and paths,
    [ =]+["']?rollcall(?![\w/.@-])          # and the bare name;
    |
    \brollcall(?:==|~=|>=|:\d)              # or a version of it
    """,
    re.VERBOSE,
)
