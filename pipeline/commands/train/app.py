"""Commands: train types, fields, boundaries and matching."""

from __future__ import annotations

import typer

from pipeline.commands.train.boundaries import boundaries
from pipeline.commands.train.fields import fields
from pipeline.commands.train.matching import matching
from pipeline.commands.train.types import types

group = typer.Typer(help="Train the models that read, split, type and match.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group.command(epilog="Example: chartloom train types --texts ~/typed-documents")(types)
    group.command(epilog="Example: chartloom train fields --documents 600")(fields)
    group.command(epilog="Example: chartloom train boundaries --stacks 300 --dry-run")(boundaries)
    group.command(epilog="Example: chartloom train matching")(matching)
    app.add_typer(group, name="train")
