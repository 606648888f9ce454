"""Schedulers' files from the templates in `templates`, which have `[[ value ]]` and `[% statement %]`."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: str, **values: object) -> str:
    """The text of a scheduler's file. GitHub's own expressions, `${{ … }}`, stay as they are."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - none of them is HTML
    )
    environment.filters["json"] = json.dumps
    return environment.get_template(template).render(values)
