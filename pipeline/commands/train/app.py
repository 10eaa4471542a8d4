"""Commands: train types, fields, boundaries, matching, orientation and word-confidence."""

from __future__ import annotations

import typer

from pipeline.commands.train.boundaries import boundaries
from pipeline.commands.train.fields import fields
from pipeline.commands.train.matching import matching
from pipeline.commands.train.orientation import orientation
from pipeline.commands.train.types import types
from pipeline.commands.train.word_confidence import word_confidence

group = typer.Typer(
    help="Train the models for document types, index fields, boundaries, matching and OCR.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group.command(epilog="Example: chartloom train types --texts ~/typed-documents")(types)
    group.command(epilog="Example: chartloom train fields --documents 600")(fields)
    group.command(epilog="Example: chartloom train boundaries --stacks 300 --dry-run")(boundaries)
    group.command(epilog="Example: chartloom train matching")(matching)
    group.command(epilog="Example: chartloom train orientation")(orientation)
    group.command(
        name="word-confidence", epilog="Example: chartloom train word-confidence ~/pages --dry-run"
    )(word_confidence)
    app.add_typer(group, name="train")
