"""Commands: up, doctor, migrate-db."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.options import Home, Json, emit
from pipeline.config import load_settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(epilog="Example: chartloom up --demo --home ./try")(up)
    app.command(epilog="Example: chartloom doctor --home ./try")(doctor)
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
    running.up(settings, port=port, demo=demo, say=_say, then=Demo(settings, _say, console) if demo else None)


def doctor(home: Home = None, json: Json = False) -> None:
    """Look at everything that an installation needs; say for each whether it is well, and what to do where it is not.

    Services that are not running are started for the look. Exit status: 0 all is well, else that of the first failure:
    3 a service is away; 4 a program is missing; 5 the settings, the disk or a port are wrong.
    """
    from dataclasses import asdict

    from pipeline.services.doctor import examine

    exit_code = 0
    for finding in examine(load_settings(home)):
        exit_code = exit_code or finding.exit_code
        if json:
            emit(asdict(finding))
        else:
            typer.echo(f"{'ok    ' if finding.ok else 'FAILED'} {finding.check}: {finding.detail} {finding.remedy}".rstrip())
    raise typer.Exit(exit_code)


def migrate_db(home: Home = None, json: Json = False) -> None:
    """Bring the database's tables up to date and say which migrations were applied.

    Exit status: 0 up to date; 3 the database is away; 5 the settings are wrong.
    """
    from pipeline.services.installation import open_installation
    from pipeline.store.migrate import migrate, migrations

    with open_installation(load_settings(home), migrate=False, store=False) as installation, installation.connect() as connection:
        applied = migrate(connection, installation.superuser)
    if json:
        emit({"applied": applied, "total": len(migrations())})
    else:
        typer.echo("".join(f"applied {name}\n" for name in applied) + f"{len(migrations())} migrations, all applied")


def _say(line: str) -> None:
    typer.echo(f"chartloom: {line}")
