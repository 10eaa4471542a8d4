"""Numbered migrations. Each is applied once, in order, under an advisory lock, with its record in the same
transaction.

A line `-- include: package/path.sql` stands for that file of an installed package; the package's version is
recorded."""

from __future__ import annotations

import re
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path

from pipeline.store.database import Connection
from pipeline.store.database_roles import ensure_roles
from pipeline.store.text_partitions import extend_page_text

LOCK = 0x636861727420  # "chart ": one migrating process at a time
INCLUDE = re.compile(r"^-- include: (\w+)/(\S+)$", re.MULTILINE)
RECORD = """
create table if not exists migration (
    name text primary key,
    applied_at timestamptz not null default now(),
    included text
)
"""


def migrations() -> list[tuple[str, str]]:
    """(name, SQL as written) of every migration, in order."""
    folder = resources.files("pipeline.store").joinpath("migrations")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in files]


def migrate(connection: Connection, superuser: str | None = None) -> list[str]:
    """Apply what is missing; return the names applied. A migration that fails leaves nothing behind.

    `superuser`: as ensure_roles takes it, and raises.
    """
    ensure_roles(connection, superuser)
    applied = []
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(RECORD)
        known = {row["name"] for row in connection.execute("select name from migration")}
        for name, sql in migrations():
            if name not in known:
                connection.execute(INCLUDE.sub(included, sql).encode())
                packages = ", ".join(f"{p} {metadata.version(p)}" for p, _ in INCLUDE.findall(sql)) or None
                connection.execute("insert into migration (name, included) values (%s, %s)", [name, packages])
                applied.append(name)
    extend_page_text(connection)
    return applied


def included(line: re.Match[str]) -> str:
    """The text of a package's file; the package itself is not imported."""
    spec = find_spec(line[1])
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"The package {line[1]} is not installed.")
    return (Path(spec.origin).parent / line[2]).read_text(encoding="utf-8")
