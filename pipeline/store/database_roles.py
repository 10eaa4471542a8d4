"""The database's own roles: one for each role of the people in the web application, which takes it on for a
request.

Roles belong to the whole server, not to one database, so no migration can bring them. The embedded Postgres
is made with them. On a server of one's own they are made here where our role may, else an administrator of
that server makes them once."""

from __future__ import annotations

from contextlib import nullcontext

from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation

from pipeline.errors import BadSettings
from pipeline.store.database import Connection, connect

NAMES = tuple(
    f"chartloom_{role}"
    for role in ("clerk", "reviewer", "clinician", "supervisor", "privacy_officer", "administrator")
)


def making(owner: str) -> list[str]:
    """The statements that make these roles, for the role `owner` to take on."""
    return [part for name in NAMES for part in (_create(name), _grant(name, owner))]


def _create(name: str) -> str:
    return f"create role {name} nologin"


def _grant(name: str, owner: str) -> str:
    return f'grant {name} to "{owner}"'


def ensure_roles(connection: Connection, superuser: str | None = None) -> None:
    """Make the roles that are missing.

    `superuser`: the DSN of the server's superuser, where the server is our own (it may have been made before
    there were such roles). Raises BadSettings where there is none and our own rights do not suffice."""
    sql = "select rolname as name, pg_has_role(oid, 'member') as ours from pg_roles where rolname = any(%s)"
    there = {row["name"]: row["ours"] for row in connection.execute(sql, [[*NAMES]])}
    if len(there) == len(NAMES) and all(there.values()):
        return
    row = connection.execute("select current_user as name").fetchone()
    assert row is not None
    statements = [_create(name) for name in NAMES if name not in there]
    statements += [_grant(name, row["name"]) for name in NAMES if not there.get(name)]
    try:
        with connect(superuser) if superuser else nullcontext(connection) as maker, maker.transaction():
            for statement in statements:
                maker.execute(statement.encode())
    except (DuplicateObject, UniqueViolation):  # another process made them just now
        return
    except InsufficientPrivilege:
        raise BadSettings(
            "The database lacks the roles that the web application acts in, and our own role may not make them.",
            f"Let an administrator of the server run: {'; '.join(statements)};",
        ) from None
