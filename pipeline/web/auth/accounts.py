"""Accounts, passwords, sessions and API tokens.

A password is stored as argon2id. A session's token is known to the browser alone; the database has its
SHA-256. After MAX_FAILED_SIGN_INS wrong passwords in a row an account is locked for LOCKOUT_MINUTES; after
MAX_FAILURES_PER_ADDRESS failures within ADDRESS_WINDOW_MINUTES every sign-in from an address is refused."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from psycopg.errors import CheckViolation, UniqueViolation

from pipeline.errors import ChartloomError, InvalidInput, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.permissions import Role

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MAX_FAILED_SIGN_INS = 5  # a person mistypes two or three times; five in a row suggest guessing
LOCKOUT_MINUTES = 15
MAX_FAILURES_PER_ADDRESS = 30  # a ward shares one address behind its router
ADDRESS_WINDOW_MINUTES = 15
MAX_SESSION_HOURS = 12  # one shift, even if the session is never idle
MIN_PASSWORD_LENGTH = 12
ADMINISTRATOR_NAME = "admin"

SQL = statements("pipeline.web.auth")


class NotSignedIn(ChartloomError):
    """No one is signed in, or the session has ended."""

    code = "not_signed_in"


class TooManyAttempts(ChartloomError):
    """Too many failed sign-ins for this account or from this address."""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the application."""

    id: int
    name: str
    full_name: str
    role: Role


@cache
def hasher() -> PasswordHasher:
    """Return the argon2id hasher with the library's current parameters (RFC 9106, low memory)."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _dummy_hash() -> str:
    """Return a hash to verify against if no account has that name, so that both cases take as long."""
    return hasher().hash(secrets.token_urlsafe())


def token_digest(token: str) -> str:
    """Return the form of a token that the database stores."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(token: str) -> str:
    """Return the anti-forgery token of a session, which its pages send back with each change."""
    return hashlib.sha256(b"csrf " + token.encode()).hexdigest()


def add_account(
    connection: Connection, name: str, role: Role, password: str | None, full_name: str = ""
) -> int:
    """Add an account and return its id.

    Raises InvalidInput if the name is taken or invalid, or the password is too short."""
    hashed = None if password is None else hash_password(password)
    params = {"name": name, "role": role, "password": hashed, "full_name": full_name}
    try:
        with connection.transaction():
            row = connection.execute(SQL["add_account"], params).fetchone()
    except UniqueViolation:
        raise InvalidInput(
            f"The user name {name} is already taken.", "Choose another name.", "name_taken"
        ) from None
    except CheckViolation:
        raise InvalidInput(
            f"{name!r} is not a valid user name.", "Use lowercase letters, digits and . _ - @", "bad_name"
        ) from None
    assert row is not None
    return int(row["id"])


def hash_password(password: str) -> str:
    """Return the password's hash. Raises InvalidInput if the password is too short."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidInput(
            f"A password must have at least {MIN_PASSWORD_LENGTH} characters.",
            "Choose a longer password.",
            "short_password",
        )
    return hasher().hash(password)


def account_id_by_name(connection: Connection, name: str) -> int:
    """Return the id of the account with that name. Raises NotFound."""
    row = connection.execute(SQL["account_named"], {"name": name}).fetchone()
    if row is None:
        raise _account_not_found(name)
    return int(row["id"])


def set_password(connection: Connection, account: int, password: str) -> None:
    """Give the account a new password, unlock it, and end its sessions."""
    connection.execute(SQL["set_password"], {"id": account, "password": hash_password(password)})
    connection.execute(SQL["end_sessions_of"], {"account": account})


def verify_password(connection: Connection, account: int, password: str) -> bool:
    """Return whether this is the account's password."""
    row = connection.execute(SQL["password_of"], {"id": account}).fetchone()
    return _matches(password, row["password"] if row else None)


def ensure_administrator(connection: Connection) -> str | None:
    """Create the first administrator if no account exists and return its one-time password; otherwise return
    None.
    """
    with connection.transaction():
        connection.execute(SQL["lock_accounts"])
        if connection.execute(SQL["any_account"]).fetchone():
            return None
        password = secrets.token_urlsafe(15)
        add_account(connection, ADMINISTRATOR_NAME, Role.ADMINISTRATOR, password, "Administrator")
        return password


def create_demo_accounts(connection: Connection, password: str) -> list[str]:
    """Create an account with this password for each role except administrator; return the account names."""
    others = {role.value.replace("_", "."): role for role in Role if role is not Role.ADMINISTRATOR}
    for name, role in others.items():
        add_account(connection, name, role, password, f"Demo {role.label.lower()}")
    return [*others]


def sign_in(connection: Connection, name: str, password: str, address: str) -> tuple[Account, str] | None:
    """Return the account and a new session's token; None if the user name or the password is wrong.

    A stored hash that was made with older argon2 parameters is replaced by one with the current parameters.
    A failure must stay counted, so this must not be called in a transaction that is rolled back.

    Raises:
        TooManyAttempts: If the account is locked, or the address has failed too often.
    """
    failures = connection.execute(
        SQL["failures_from"], {"address": address, "minutes": ADDRESS_WINDOW_MINUTES}
    ).fetchone()
    if failures is not None and failures["n"] >= MAX_FAILURES_PER_ADDRESS:
        raise TooManyAttempts(
            "Too many failed sign-ins from this network address.",
            f"Wait {ADDRESS_WINDOW_MINUTES} minutes and try again.",
        )
    row = connection.execute(SQL["account_to_sign_in"], {"name": name}).fetchone()
    if row is not None and row["locked"]:
        raise TooManyAttempts(
            "This account is locked after too many failed sign-ins.",
            f"Wait {LOCKOUT_MINUTES} minutes and try again.",
        )
    if not _matches(password, row["password"] if row else None):
        connection.execute(SQL["add_failure"], {"address": address})
        if row is not None:
            params = {"id": row["id"], "after": MAX_FAILED_SIGN_INS, "minutes": LOCKOUT_MINUTES}
            connection.execute(SQL["count_failure"], params)
        return None
    assert row is not None
    if hasher().check_needs_rehash(row["password"]):
        # the password is known to be right: its length was checked by the rules of the time when it was set
        rehashed = hasher().hash(password)
        connection.execute(SQL["set_password"], {"id": row["id"], "password": rehashed})
    else:
        connection.execute(SQL["clear_failures"], {"id": row["id"]})
    return _account_from_row(row), open_session(connection, row["id"])


def _matches(password: str, hashed: str | None) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return hasher().verify(hashed or _dummy_hash(), password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def open_session(connection: Connection, account: int) -> str:
    """Open a session and return its token."""
    token = secrets.token_urlsafe(32)
    connection.execute(SQL["open_session"], {"token": token_digest(token), "account": account})
    return token


def resume_session(connection: Connection, token: str | None, idle_minutes: int) -> Account:
    """Return the session's account and mark the session as used now. Raises NotSignedIn if it has ended."""
    params = {"token": token_digest(token or ""), "idle": idle_minutes, "hours": MAX_SESSION_HOURS}
    row = connection.execute(SQL["resume_session"], params).fetchone()
    if row is None:
        raise NotSignedIn("You are not signed in, or your session has ended.", "Sign in again.")
    return _account_from_row(row)


def check_session(connection: Connection, token: str, idle_minutes: int) -> None:
    """Check that the session is active, without marking it as used. Raises NotSignedIn if it has ended."""
    params = {"token": token_digest(token), "idle": idle_minutes, "hours": MAX_SESSION_HOURS}
    if connection.execute(SQL["session_is_active"], params).fetchone() is None:
        raise NotSignedIn("Your session has ended.", "Sign in again.")


def add_token(connection: Connection, account: int, name: str) -> str:
    """Return a new token for a program that acts for this account. Only the caller ever has the token."""
    token = secrets.token_urlsafe(32)
    params = {"token": token_digest(token), "account": account, "name": name}
    connection.execute(SQL["add_token"], params)
    return token


def account_for_token(connection: Connection, token: str) -> Account:
    """Return the account that this token acts for. Raises NotSignedIn if the token is unknown or revoked."""
    row = connection.execute(SQL["account_of_token"], {"token": token_digest(token)}).fetchone()
    if row is None:
        raise NotSignedIn(
            "The API token is missing, unknown or revoked.", "Ask an administrator for a new token."
        )
    return _account_from_row(row)


def account_for_subject(connection: Connection, subject: str) -> Account | None:
    """Return the account that is linked to this subject of the identity provider."""
    row = connection.execute(SQL["account_of_subject"], {"subject": subject}).fetchone()
    return None if row is None else _account_from_row(row)


def link_sso(connection: Connection, name: str, subject: str | None) -> None:
    """Link an account to a subject of the identity provider ("issuer#subject"); None removes the link.

    Raises NotFound, or InvalidInput if the subject is linked to another account."""
    try:
        done = connection.execute(SQL["link_account"], {"name": name, "subject": subject})
    except UniqueViolation:
        raise InvalidInput(
            "This person is already linked to another account.", "Remove that link first.", "subject_taken"
        ) from None
    if done.rowcount == 0:
        raise _account_not_found(name)


def end_session(connection: Connection, token: str) -> None:
    """End a session."""
    connection.execute(SQL["end_session"], {"token": token_digest(token)})


def change_account(connection: Connection, account: int, role: Role, enabled: bool) -> None:
    """Set an account's role, disable it or enable it again; its sessions end. Raises NotFound."""
    changed = connection.execute(SQL["change_account"], {"id": account, "role": role, "enabled": enabled})
    if changed.rowcount == 0:
        raise NotFound(f"There is no account {account}.")
    connection.execute(SQL["end_sessions_of"], {"account": account})


def _account_not_found(name: str) -> NotFound:
    return NotFound(f"There is no account {name}.", "`chartloom accounts list` lists the accounts.")


def _account_from_row(row: dict[str, object]) -> Account:
    return Account(
        id=int(str(row["id"])),
        name=str(row["name"]),
        full_name=str(row["full_name"]),
        role=Role(str(row["role"])),
    )
