"""The commands of `chartloom`, one file for each group; each has `register(app)`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import typer

NAMES = (
    "services",
    "ingest",
    "read",
    "classify",
    "split",
    "patients",
    "index",
    "documents",
    "review",
    "train",
    "watch",
    "quarantine",
    "ledger",
    "migrate",
    "deliveries",
    "export",
)


def _register(name: str) -> Callable[[typer.Typer], None]:
    def register(app: typer.Typer) -> None:
        import_module(f"pipeline.commands.{name}").register(app)

    return register


GROUPS = tuple(_register(name) for name in NAMES)
