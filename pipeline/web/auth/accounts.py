"""Accounts, passwords and sessions.

A password is stored as argon2id. A session's token is known to the browser alone; the database has its
SHA-256. After LOCK_AFTER wrong passwords in a row an account is locked for LOCK_MINUTES; after ADDRESS_LIMIT
failures within ADDRESS_MINUTES an address is refused whatever it says."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from psycopg.errors import CheckViolation, UniqueViolation

from pipeline.errors import BadInput, ChartloomError, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.permissions import Role

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LOCK_AFTER = 5  # a person mistypes two or three times; five in a row is somebody guessing
LOCK_MINUTES = 15
ADDRESS_LIMIT = 30  # a ward shares one address behind its router
ADDRESS_MINUTES = 15
SESSION_HOURS = 12  # however busy: a shift, then sign in again
SHORTEST_PASSWORD = 12
ADMINISTRATOR = "admin"

SQL = statements("pipeline.web.auth")


class NotSignedIn(ChartloomError):
    """Nobody is signed in, or the session has ended."""

    code = "not_signed_in"


class TooManyAttempts(ChartloomError):
    """Whoever it is must wait."""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in."""

    id: int
    name: str
    full_name: str
    role: Role


@cache
def hasher() -> PasswordHasher:
    """Argon2id with the library's parameters (RFC 9106, low memory)."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """A hash to check against where no account has that name, so that both answers take as long."""
    return hasher().hash(secrets.token_urlsafe())


def digest(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """The value that a page of this session sends back with each change."""
    return hashlib.sha256(b"csrf " + token.encode()).hexdigest()


def add_account(
    connection: Connection, name: str, role: Role, password: str | None, full_name: str = ""
) -> int:
    """A new account; its id. Raises BadInput where the name is taken or unfit, or the password too short."""
    hashed = None if password is None else hash_password(password)
    given = {"name": name, "role": role, "password": hashed, "full_name": full_name}
    try:
        with connection.transaction():
            row = connection.execute(SQL["add_account"], given).fetchone()
    except UniqueViolation:
        raise BadInput(f"There is an account {name} already.", "Choose another name.", "name_taken") from None
    except CheckViolation:
        raise BadInput(
            f"{name!r} cannot be an account's name.", "Use small letters, digits and . _ - @", "bad_name"
        ) from None
    assert row is not None
    return int(row["id"])


def hash_password(password: str) -> str:
    """The password's hash. Raises BadInput where it is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(
            f"A password has at least {SHORTEST_PASSWORD} characters.",
            "Choose a longer one.",
            "short_password",
        )
    return hasher().hash(password)


def account_named(connection: Connection, name: str) -> int:
    """The id of the account of that name. Raises NotFound."""
    row = connection.execute(SQL["account_named"], {"name": name}).fetchone()
    if row is None:
        raise _no_account(name)
    return int(row["id"])


def set_password(connection: Connection, account: int, password: str) -> None:
    """Give the account a new password, unlock it, and end its sessions."""
    connection.execute(SQL["set_password"], {"id": account, "password": hash_password(password)})
    connection.execute(SQL["end_sessions_of"], {"account": account})


def knows_password(connection: Connection, account: int, password: str) -> bool:
    """Is this the account's password?"""
    row = connection.execute(SQL["password_of"], {"id": account}).fetchone()
    return _fits(password, row["password"] if row else None)


def ensure_administrator(connection: Connection) -> str | None:
    """Make the first account where there is none; its password, to be told once. None where there are
    accounts.
    """
    with connection.transaction():
        connection.execute(SQL["lock_accounts"])
        if connection.execute(SQL["any_account"]).fetchone():
            return None
        password = secrets.token_urlsafe(15)
        add_account(connection, ADMINISTRATOR, Role.ADMINISTRATOR, password, "Administrator")
        return password


def demo_accounts(connection: Connection, password: str) -> list[str]:
    """One account for each other role, all with this password, to try everything out; their names."""
    others = {role.value.replace("_", "."): role for role in Role if role is not Role.ADMINISTRATOR}
    for name, role in others.items():
        add_account(connection, name, role, password, f"Demo {role.title.lower()}")
    return [*others]


def sign_in(connection: Connection, name: str, password: str, address: str) -> tuple[Account, str] | None:
    """The account and a new session's token; None where name and password do not fit.

    The failure must stay counted: not to be called inside a transaction that is rolled back.

    Raises TooManyAttempts where the account is locked or the address has failed too often.
    """
    failures = connection.execute(
        SQL["failures_from"], {"address": address, "minutes": ADDRESS_MINUTES}
    ).fetchone()
    if failures is not None and failures["n"] >= ADDRESS_LIMIT:
        raise TooManyAttempts("Too many failed attempts from this place.", f"Wait {ADDRESS_MINUTES} minutes.")
    row = connection.execute(SQL["account_to_sign_in"], {"name": name}).fetchone()
    if row is not None and row["locked"]:
        raise TooManyAttempts(
            "This account is locked after too many failed attempts.", f"Wait {LOCK_MINUTES} minutes."
        )
    if not _fits(password, row["password"] if row else None):
        connection.execute(SQL["add_failure"], {"address": address})
        if row is not None:
            connection.execute(
                SQL["count_failure"], {"id": row["id"], "after": LOCK_AFTER, "minutes": LOCK_MINUTES}
            )
        return None
    assert row is not None
    connection.execute(SQL["forget_failures"], {"id": row["id"]})
    return _account(row), open_session(connection, row["id"])


def _fits(password: str, hashed: str | None) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return hasher().verify(hashed or _nobody(), password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def open_session(connection: Connection, account: int) -> str:
    """A new session's token."""
    token = secrets.token_urlsafe(32)
    connection.execute(SQL["open_session"], {"token": digest(token), "account": account})
    return token


def resume(connection: Connection, token: str | None, idle_minutes: int) -> Account:
    """Whose session this is; it counts as used now. Raises NotSignedIn where it has ended."""
    given = {"token": digest(token or ""), "idle": idle_minutes, "hours": SESSION_HOURS}
    row = connection.execute(SQL["resume_session"], given).fetchone()
    if row is None:
        raise NotSignedIn("You are not signed in, or your session has ended.", "Sign in again.")
    return _account(row)


def still_there(connection: Connection, token: str, idle_minutes: int) -> None:
    """Raises NotSignedIn where the session has ended. Looking does not keep it alive."""
    given = {"token": digest(token), "idle": idle_minutes, "hours": SESSION_HOURS}
    if connection.execute(SQL["session_lives"], given).fetchone() is None:
        raise NotSignedIn("Your session has ended.", "Sign in again.")


def add_token(connection: Connection, account: int, name: str) -> str:
    """A new token for a program that acts for this account; it is known to the caller alone."""
    token = secrets.token_urlsafe(32)
    connection.execute(SQL["add_token"], {"token": digest(token), "account": account, "name": name})
    return token


def account_of_token(connection: Connection, token: str) -> Account:
    """Whom this token acts for. Raises NotSignedIn where there is none, or it was revoked."""
    row = connection.execute(SQL["account_of_token"], {"token": digest(token)}).fetchone()
    if row is None:
        raise NotSignedIn("There is no such token, or it was revoked.", "Ask an administrator for one.")
    return _account(row)


def account_of_subject(connection: Connection, subject: str) -> Account | None:
    """The account that is tied to this person of the identity provider."""
    row = connection.execute(SQL["account_of_subject"], {"subject": subject}).fetchone()
    return None if row is None else _account(row)


def tie(connection: Connection, name: str, subject: str | None) -> None:
    """Tie an account to a person of the identity provider ("issuer#subject"), or to nobody. Raises NotFound,
    BadInput.
    """
    try:
        done = connection.execute(SQL["tie_account"], {"name": name, "subject": subject})
    except UniqueViolation:
        raise BadInput(
            "This person is tied to another account.", "Untie that first.", "subject_taken"
        ) from None
    if done.rowcount == 0:
        raise _no_account(name)


def end_session(connection: Connection, token: str) -> None:
    """Sign out."""
    connection.execute(SQL["end_session"], {"token": digest(token)})


def change_account(connection: Connection, account: int, role: Role, enabled: bool) -> None:
    """Give an account another role, close it, or open it again; its sessions end. Raises NotFound."""
    changed = connection.execute(SQL["change_account"], {"id": account, "role": role, "enabled": enabled})
    if changed.rowcount == 0:
        raise NotFound(f"There is no account {account}.")
    connection.execute(SQL["end_sessions_of"], {"account": account})


def _no_account(name: str) -> NotFound:
    return NotFound(f"There is no account {name}.", "See `chartloom accounts list`.")


def _account(row: dict[str, object]) -> Account:
    return Account(
        id=int(str(row["id"])),
        name=str(row["name"]),
        full_name=str(row["full_name"]),
        role=Role(str(row["role"])),
    )
