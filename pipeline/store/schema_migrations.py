"""Apply the numbered migrations of pipeline/store/migrations, each once and in order."""

from __future__ import annotations

from importlib import resources

from psycopg.errors import LockNotAvailable

from pipeline.logs import get_logger
from pipeline.store.database import Connection
from pipeline.store.database_roles import ensure_roles

log = get_logger(__name__)

ADVISORY_LOCK = 0x636861727420
"""Key of the advisory lock ("chart "): one process migrates at a time."""
CREATE_RECORD_TABLE = """
create table if not exists schema_migration (
    name text primary key,
    applied_at timestamptz not null default now()
)
"""
MAX_PARTITION_PAGES = 2_000_000
"""Pages in one partition of the page text: its search index takes some GB, stays in memory while it grows,
and is rebuilt in minutes."""
PARTITION_LOCK_SECONDS = 2.0
"""Longest wait for the page text, because every reader waits too. During a long search the next start tries
again.
"""


def migrations() -> list[tuple[str, str]]:
    """Return (name, SQL) of every migration, in order."""
    folder = resources.files("pipeline.store").joinpath("migrations")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    return [(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]


def migrate(connection: Connection, superuser: str | None = None) -> list[str]:
    """Apply the missing migrations in one transaction: all of them are applied, or none.

    Args:
        connection: A connection as the owner of the database.
        superuser: The DSN of the server's superuser, who creates missing roles; see ensure_roles.

    Returns:
        The names of the migrations that were applied.

    Raises:
        ConfigurationError: Roles are missing and may not be created.
    """
    ensure_roles(connection, superuser)
    applied = []
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        connection.execute(CREATE_RECORD_TABLE)
        existing = {row["name"] for row in connection.execute("select name from schema_migration")}
        for name, sql in migrations():
            if name not in existing:
                connection.execute(sql.encode())
                connection.execute("insert into schema_migration (name) values (%s)", [name])
                applied.append(name)
    extend_page_text(connection)
    return applied


def extend_page_text(connection: Connection, max_pages: int = MAX_PARTITION_PAGES) -> str | None:
    """Add a partition to the page text when the newest is a tenth full.

    Args:
        connection: A connection as the owner of the database.
        max_pages: About how many pages a partition is to hold.

    Returns:
        The name of the new partition; None if none is needed yet, or if the text is locked by a long search.
    """
    try:
        with connection.transaction():
            connection.execute("select set_config('lock_timeout', %s, true)", [f"{PARTITION_LOCK_SECONDS}s"])
            row = connection.execute("select extend_page_text(%s) as name", [max_pages]).fetchone()
    except LockNotAvailable:
        log.warning("page text is locked; the next start adds its partition")
        return None
    assert row is not None
    name: str | None = row["name"]
    return name
