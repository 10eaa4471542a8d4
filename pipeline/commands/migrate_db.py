"""Command: migrate-db."""

from __future__ import annotations

import typer

from pipeline.commands.common import Home, Json, emit
from pipeline.config import load_settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(name="migrate-db", epilog="Example: chartloom migrate-db --home ./try")(migrate_db)


def migrate_db(as_json: Json = False, home: Home = None) -> None:
    """Bring the database schema up to date, and list the migrations that were applied.

    Exit codes: 0 the schema is up to date; 3 the database is unavailable; 5 a setting is wrong.
    """
    from pipeline.runtime.installation import open_installation
    from pipeline.store.schema_migrations import migrate, migrations

    with (
        open_installation(load_settings(home), migrate=False, store=False) as installation,
        installation.connect() as connection,
    ):
        applied = migrate(connection, installation.superuser)
    if as_json:
        emit({"applied": applied, "total": len(migrations())})
    else:
        for name in applied:
            typer.echo(f"applied {name}")
        typer.echo(f"{len(migrations())} migrations, all applied")
