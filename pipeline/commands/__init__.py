"""The commands of `chartloom`: one module or package per group. Each has a function `register(app)`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import typer

MODULES = (
    "up",
    "doctor",
    "ingest",
    "read",
    "classify",
    "split",
    "separator_sheets",
    "patients.app",
    "search",
    "status",
    "documents",
    "serve",
    "accounts",
    "train.app",
    "watch",
    "work",
    "migrate_db",
    "quarantine",
    "reconcile",
    "archive.app",
    "deliveries",
    "export",
    "synthesize",
)


def _register(name: str) -> Callable[[typer.Typer], None]:
    def register(app: typer.Typer) -> None:
        import_module(f"pipeline.commands.{name}").register(app)

    return register


GROUPS = tuple(_register(name) for name in MODULES)
