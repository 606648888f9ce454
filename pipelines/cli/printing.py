"""What the views of several verbs print alike: results as JSON, and numbers of things."""

import json

import click


def print_json(result: object) -> None:
    """Print a result as one indented JSON value on standard output; paths and times become strings."""
    click.echo(json.dumps(result, default=str, ensure_ascii=False, indent=1))


def counted(number: int, what: str) -> str:
    """`number` and `what`, in the plural if needed: 1 row, 2 rows."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
