"""Commands: up, doctor, migrate-db."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.options import Home, Json, emit
from pipeline.config import load_settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom up --demo --home ./try")(up)
    app.command(name="migrate-db", epilog="Example: chartloom migrate-db --home ./try")(migrate_db)


def up(
    demo: Annotated[bool, typer.Option("--demo", help="Drop sample charts into the intake folder and show their way.")] = False,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the web page. [default: the setting]")] = None,
    home: Home = None,
) -> None:
    """Run everything on this machine until Ctrl-C: database, object store, watcher, workers, web page.

    What dies is started again. Exit status: 0 stopped; 3 a service does not start; 5 the settings are wrong; 6 already up.
    """
    from rich.console import Console

    from pipeline.services import up as running
    from pipeline.services.demo import Demo

    settings = load_settings(home)
    console = Console(soft_wrap=True, highlight=False)
    running.up(settings, port=port, say=_say, then=Demo(settings, _say, console) if demo else None)


def migrate_db(home: Home = None, json: Json = False) -> None:
    """Bring the database's tables up to date and say which migrations were applied.

    Exit status: 0 up to date; 3 the database is away; 5 the settings are wrong.
    """
    from pipeline.services.installation import open_installation
    from pipeline.store.migrate import migrate, migrations

    with open_installation(load_settings(home), migrate=False, store=False) as installation, installation.connect() as connection:
        applied = migrate(connection)
    if json:
        emit({"applied": applied, "total": len(migrations())})
    else:
        typer.echo("".join(f"applied {name}\n" for name in applied) + f"{len(migrations())} migrations, all applied")


def _say(line: str) -> None:
    typer.echo(f"chartloom: {line}")
