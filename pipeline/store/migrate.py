"""Numbered migrations. Each is applied once, in order, under an advisory lock, with its record in the same transaction."""

from __future__ import annotations

from importlib import resources

from pipeline.store.database import Connection

LOCK = 0x636861727420  # "chart ": one migrating process at a time
RECORD = """
create table if not exists migration (
    name text primary key,
    applied_at timestamptz not null default now()
)
"""


def migrations() -> list[tuple[str, str]]:
    """(name, SQL) of every migration, in order."""
    folder = resources.files("pipeline.store").joinpath("migrations")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in files]


def migrate(connection: Connection) -> list[str]:
    """Apply what is missing; return the names applied. A migration that fails leaves nothing behind."""
    applied = []
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(RECORD)
        known = {row["name"] for row in connection.execute("select name from migration")}
        for name, sql in migrations():
            if name not in known:
                connection.execute(sql.encode())
                connection.execute("insert into migration (name) values (%s)", [name])
                applied.append(name)
    return applied
