"""Checks of passwords and codes: at sign-in, when the password is changed, and to confirm who is signed in.

Every check counts the attempt first (pipeline.web.auth.attempts), verifies exactly one argon2 hash, and says
only whether it has succeeded: an unknown name, a wrong password, an expired one, a closed account, one that
may not use a password, and an attempt that came too early take the same time and get the same answer. No
database connection is held while a hash is verified."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.store.database import Connection, Pool
from pipeline.store.sql import statements
from pipeline.web.auth.accounts import Account, account_from_row
from pipeline.web.auth.attempts import Client, count_attempt, take_back
from pipeline.web.auth.passwords import hash_password, matches, needs_new_hash
from pipeline.web.auth.second_factor import accept_code
from pipeline.web.auth.sessions import token_digest

PasswordUse = Literal["always", "emergency", "never"]

SQL = statements("pipeline.web.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCheck:
    """The result of a check. `account`: None if it has failed. `was_throttled`: for the audit alone."""

    account: Account | None
    has_factor: bool = False
    was_throttled: bool = False


def check_password(
    pool: Pool, name: str, password: str, client: Client, use: PasswordUse = "always"
) -> PasswordCheck:
    """Return whether this is the password of the account with that name.

    A stored hash that was made with older argon2 parameters is replaced by one with the current parameters.

    Args:
        pool: The database.
        name: The user name as it was typed.
        password: The password.
        client: Where it comes from.
        use: Whose password may be used, as in the setting sign_in.passwords.
    """
    name = name.strip().lower()
    with pool.connection() as connection:
        attempt = count_attempt(
            connection, "password", name, client, is_known=_is_known(connection, name, client)
        )
        row = connection.execute(SQL["account_to_sign_in"], {"name": name}).fetchone()
    may_try = attempt.allowed and row is not None and _may_use_password(row, use)
    hashed: str | None = row["password"] if row is not None and may_try else None
    if not matches(password, hashed):
        return PasswordCheck(account=None, was_throttled=not attempt.allowed)
    assert row is not None
    assert hashed is not None
    new_hash = hash_password(password) if needs_new_hash(hashed) else None
    with pool.connection() as connection:
        take_back(connection, attempt)
        if new_hash is not None:
            connection.execute(SQL["replace_hash"], {"id": row["id"], "old": hashed, "new": new_hash})
    return PasswordCheck(account=account_from_row(row), has_factor=row["has_factor"])


def check_code(pool: Pool, account: Account, code: str, client: Client) -> bool:
    """Return whether this is a code of the account's second factor or a recovery code, and use it up."""
    with pool.connection() as connection:
        is_known = _is_known(connection, account.name, client)
        attempt = count_attempt(connection, "code", account.name, client, is_known=is_known)
        if not attempt.allowed or not accept_code(connection, account.id, code):
            return False
        take_back(connection, attempt)
        return True


def remember_device(connection: Connection, account: int, device: str | None) -> str:
    """Record that this person has signed in with this browser; return the token that the browser keeps."""
    device = device or secrets.token_urlsafe(32)
    connection.execute(SQL["remember_device"], {"device": token_digest(device), "account": account})
    return device


def _is_known(connection: Connection, name: str, client: Client) -> bool:
    params = {"device": token_digest(client.device or ""), "name": name}
    return connection.execute(SQL["device_is_known"], params).fetchone() is not None


def _may_use_password(row: dict[str, Any], use: PasswordUse) -> bool:
    return use == "always" or (use == "emergency" and row["emergency"])
