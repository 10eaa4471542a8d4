"""Command: migrate-db."""

from __future__ import annotations

import typer

from pipeline.commands.common import Home, Json, emit
from pipeline.config import load_settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(name="migrate-db", epilog="Example: chartloom migrate-db --home ./try")(migrate_db)


def migrate_db(home: Home = None, json: Json = False) -> None:
    """Bring the database's tables up to date and say which migrations were applied.

    Exit status: 0 up to date; 3 the database is away; 5 the settings are wrong.
    """
    from pipeline.runtime.installation import open_installation
    from pipeline.store.schema_migrations import migrate, migrations

    with (
        open_installation(load_settings(home), migrate=False, store=False) as installation,
        installation.connect() as connection,
    ):
        applied = migrate(connection, installation.superuser)
    if json:
        emit({"applied": applied, "total": len(migrations())})
    else:
        typer.echo(
            "".join(f"applied {name}\n" for name in applied) + f"{len(migrations())} migrations, all applied"
        )
