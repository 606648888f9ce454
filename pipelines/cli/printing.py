"""What the views of several verbs print alike: results as JSON."""

import json

import click


def print_json(result: object) -> None:
    """Print a result as one indented JSON value on standard output; paths and times become strings."""
    click.echo(json.dumps(result, default=str, ensure_ascii=False, indent=1))
