"""The database's own roles: one for each role of the people in the web application, which takes it on for a request.

Roles belong to the whole server, not to one database, so no migration can bring them. The embedded Postgres is made with them. On
a server of one's own they are made here where our role may, else an administrator of that server makes them once.
"""

from __future__ import annotations

from psycopg.errors import InsufficientPrivilege

from pipeline.errors import BadSettings
from pipeline.store.database import Connection

NAMES = tuple(
    f"chartloom_{role}" for role in ("clerk", "reviewer", "clinician", "supervisor", "privacy_officer", "administrator")
)


def making(owner: str, names: tuple[str, ...] = NAMES) -> list[str]:
    """The statements that make these roles, for the role `owner` to take on."""
    return [part for name in names for part in (f"create role {name} nologin", f'grant {name} to "{owner}"')]


def ensure_roles(connection: Connection) -> None:
    """Make the roles that are missing. Raises BadSettings where our own role may not."""
    sql = "select rolname from pg_roles where rolname = any(%s) and pg_has_role(oid, 'member')"
    there = {row["rolname"] for row in connection.execute(sql, [list(NAMES)])}
    missing = tuple(name for name in NAMES if name not in there)
    if not missing:
        return
    row = connection.execute("select current_user as name").fetchone()
    assert row is not None
    statements = making(row["name"], missing)
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())
    except InsufficientPrivilege:
        raise BadSettings(
            "The database lacks the roles that the web application acts in, and our own role may not make them.",
            f"Let an administrator of the server run: {'; '.join(statements)};",
        ) from None
