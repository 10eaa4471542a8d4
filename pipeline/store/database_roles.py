"""The database roles that the web application takes for a request: one for each role of its users.

Roles belong to the whole server, not to one database, so no migration can create them. The embedded Postgres
is created with them. On another server they are created here if Chartloom's own role may do so; otherwise an
administrator of that server creates them once."""

from __future__ import annotations

from contextlib import nullcontext

from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation

from pipeline.errors import ConfigurationError
from pipeline.store.database import Connection, connect

NAMES = tuple(
    f"chartloom_{role}"
    for role in ("clerk", "reviewer", "clinician", "supervisor", "privacy_officer", "administrator")
)


def create_statements(owner: str) -> list[str]:
    """Return the statements that create the roles and let the role `owner` take them."""
    return [part for name in NAMES for part in (_create(name), _grant(name, owner))]


def _create(name: str) -> str:
    return f"create role {name} nologin"


def _grant(name: str, owner: str) -> str:
    return f'grant {name} to "{owner}"'


def ensure_roles(connection: Connection, superuser: str | None = None) -> None:
    """Create the missing roles.

    Args:
        connection: A connection as the owner of the database.
        superuser: The DSN of the embedded server's superuser; the server may be older than the roles.

    Raises:
        ConfigurationError: There is no superuser DSN and the owner may not create roles.
    """
    sql = (
        "select rolname as name, pg_has_role(oid, 'member') as granted from pg_roles where rolname = any(%s)"
    )
    existing = {row["name"]: row["granted"] for row in connection.execute(sql, [[*NAMES]])}
    if len(existing) == len(NAMES) and all(existing.values()):
        return
    row = connection.execute("select current_user as name").fetchone()
    assert row is not None
    statements = [_create(name) for name in NAMES if name not in existing]
    statements += [_grant(name, row["name"]) for name in NAMES if not existing.get(name)]
    try:
        with connect(superuser) if superuser else nullcontext(connection) as creator, creator.transaction():
            for statement in statements:
                creator.execute(statement.encode())
    except (DuplicateObject, UniqueViolation):  # another process created them at the same time
        return
    except InsufficientPrivilege:
        raise ConfigurationError(
            "The database lacks the roles of the web application, and Chartloom may not create them.",
            f"Ask an administrator of the database server to run: {'; '.join(statements)};",
        ) from None
