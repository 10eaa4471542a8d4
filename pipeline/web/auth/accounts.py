"""Accounts: their roles, passwords and links to the identity provider.

A password that was generated is temporary: it expires after some hours, and must be changed at its first use.
What an administrator changes in an account ends its sessions, and its person and the privacy officers are
notified (pipeline.web.auth.notices). The last administrator and the last privacy officer remain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg.errors import CheckViolation, UniqueViolation

from pipeline.errors import ChartloomError, Conflict, InvalidInput, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.attempts import forget_failures
from pipeline.web.auth.notices import Change, notify
from pipeline.web.auth.passwords import check_new_password, generate_password, hash_password
from pipeline.web.auth.permissions import Role

ADMINISTRATOR_NAME = "admin"
INDISPENSABLE_ROLES = frozenset({Role.ADMINISTRATOR, Role.PRIVACY_OFFICER})
"""Roles without which no one could manage accounts, or see what those who do have changed."""

SQL = statements("pipeline.web.auth")


class NotSignedIn(ChartloomError):
    """No one is signed in, or the session has ended."""

    code = "not_signed_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the application."""

    id: int
    name: str
    full_name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """A generated password and when it expires."""

    password: str
    expires_at: datetime

    @classmethod
    def generate(cls, hours: int) -> Temporary:
        """Return a random password that can be used for some hours."""
        return cls(password=generate_password(), expires_at=datetime.now(UTC) + timedelta(hours=hours))


def add_account(
    connection: Connection,
    name: str,
    role: Role,
    password: str | Temporary | None,
    full_name: str = "",
    *,
    actor: str | None = None,
) -> int:
    """Add an account and return its id.

    Args:
        connection: The database.
        name: The name to sign in with.
        role: Its role.
        password: A password that its person has chosen, a temporary one, or None: no password.
        full_name: The name that others see.
        actor: Who adds it, for the privacy officers; None tells no one.

    Raises:
        InvalidInput: The name is taken or invalid, or the chosen password is not good enough.
    """
    temporary = password if isinstance(password, Temporary) else None
    text = temporary.password if temporary else password
    if isinstance(password, str):
        check_new_password(password, [name, full_name])
    params = {
        "name": name,
        "role": role,
        "password": None if text is None else hash_password(str(text)),
        "expires_at": temporary.expires_at if temporary else None,
        "full_name": full_name,
    }
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
    account = int(row["id"])
    if actor is not None:
        notify(connection, account, Change.ADDED, actor)
    return account


def account_named(connection: Connection, name: str) -> Account:
    """Return the account with that name. Raises NotFound."""
    row = connection.execute(SQL["account_named"], {"name": name}).fetchone()
    if row is None:
        raise _account_not_found(name)
    return account_from_row(row)


def account_with_id(connection: Connection, account: int) -> Account:
    """Return the account with that id. Raises NotFound."""
    row = connection.execute(SQL["account_with_id"], {"id": account}).fetchone()
    if row is None:
        raise NotFound(f"There is no account {account}.")
    return account_from_row(row)


def choose_password(connection: Connection, account: Account, password: str, hospital: str) -> None:
    """Store a password that the person has chosen, and end the account's sessions.

    Raises:
        InvalidInput: It is not good enough.
    """
    check_new_password(password, [account.name, account.full_name, hospital])
    params = {"id": account.id, "password": hash_password(password), "expires_at": None}
    connection.execute(SQL["set_password"], params)
    connection.execute(SQL["end_sessions_of"], {"account": account.id})


def reset_password(connection: Connection, account: Account, hours: int, actor: str) -> Temporary:
    """Give the account a temporary password; end its sessions and revoke its API tokens.

    Args:
        connection: The database.
        account: Whose password it is.
        hours: How long the password can be used.
        actor: Who resets it.
    """
    temporary = Temporary.generate(hours)
    hashed = hash_password(temporary.password)
    params = {"id": account.id, "password": hashed, "expires_at": temporary.expires_at}
    connection.execute(SQL["set_password"], params)
    connection.execute(SQL["end_sessions_of"], {"account": account.id})
    connection.execute(SQL["revoke_tokens_of"], {"account": account.id})
    forget_failures(connection, account.name)
    notify(connection, account.id, Change.PASSWORD_RESET, actor)
    return temporary


def change_account(connection: Connection, account: int, role: Role, enabled: bool, actor: str) -> None:
    """Set an account's role, close it or open it again; its sessions end. Its API tokens are revoked if it
    has another role or is closed.

    Raises:
        NotFound: There is no such account.
        Conflict: It is the last open administrator or privacy officer.
    """
    # the rows stay locked until the transaction ends: two administrators cannot close each other's account
    holders = connection.execute(
        SQL["lock_indispensable"], {"roles": sorted(role.value for role in INDISPENSABLE_ROLES)}
    ).fetchall()
    before = connection.execute(SQL["account_state"], {"id": account}).fetchone()
    if before is None:
        raise NotFound(f"There is no account {account}.")
    old_role, was_enabled = Role(before["role"]), before["disabled_at"] is None
    loses_role = was_enabled and (role != old_role or not enabled)
    others = [row for row in holders if row["role"] == old_role and row["id"] != account]
    if loses_role and old_role in INDISPENSABLE_ROLES and not others:
        raise Conflict(
            f"This is the last {old_role.label.lower()}.",
            f"Give another account the role {old_role.label} first.",
        )
    connection.execute(SQL["change_account"], {"id": account, "role": role, "enabled": enabled})
    connection.execute(SQL["end_sessions_of"], {"account": account})
    if loses_role:
        connection.execute(SQL["revoke_tokens_of"], {"account": account})
    if role != old_role:
        notify(connection, account, Change.ROLE_CHANGED, actor)
    if enabled != was_enabled:
        notify(connection, account, Change.OPENED if enabled else Change.CLOSED, actor)


def set_emergency(connection: Connection, account: Account, allowed: bool, actor: str) -> None:
    """Allow or forbid an account to use its password although single sign-on is the usual way."""
    connection.execute(SQL["set_emergency"], {"id": account.id, "allowed": allowed})
    notify(connection, account.id, Change.EMERGENCY_ALLOWED if allowed else Change.EMERGENCY_FORBIDDEN, actor)


def ensure_administrator(connection: Connection, hours: int) -> Temporary | None:
    """Create the first administrator if no account exists and return its temporary password; otherwise return
    None. The account may also use its password in an emergency.
    """
    with connection.transaction():
        connection.execute(SQL["lock_accounts"])
        if connection.execute(SQL["any_account"]).fetchone():
            return None
        temporary = Temporary.generate(hours)
        account = add_account(connection, ADMINISTRATOR_NAME, Role.ADMINISTRATOR, temporary, "Administrator")
        connection.execute(SQL["set_emergency"], {"id": account, "allowed": True})
        return temporary


def create_demo_accounts(connection: Connection, password: str) -> list[str]:
    """Create an account with this password for each role except administrator; return the account names."""
    others = {role.value.replace("_", "."): role for role in Role if role is not Role.ADMINISTRATOR}
    for name, role in others.items():
        add_account(connection, name, role, password, f"Demo {role.label.lower()}")
    return [*others]


def keep_temporary_password(connection: Connection, account: Account) -> None:
    """Let a temporary password stay valid, for a demonstration."""
    connection.execute(SQL["keep_password"], {"id": account.id})


def account_for_subject(connection: Connection, subject: str) -> Account | None:
    """Return the account that is linked to this subject of the identity provider."""
    row = connection.execute(SQL["account_of_subject"], {"subject": subject}).fetchone()
    return None if row is None else account_from_row(row)


def link_sso(connection: Connection, name: str, subject: str | None, actor: str | None = None) -> None:
    """Link an account to a subject of the identity provider ("issuer#subject"); None removes the link.
    `actor`: who does it, for the notices; None tells no one.

    Raises NotFound, or InvalidInput if the subject is linked to another account."""
    account = account_named(connection, name)
    try:
        connection.execute(SQL["link_account"], {"id": account.id, "subject": subject})
    except UniqueViolation:
        raise InvalidInput(
            "This person is already linked to another account.", "Remove that link first.", "subject_taken"
        ) from None
    if actor is not None:
        notify(connection, account.id, Change.SSO_LINKED if subject else Change.SSO_UNLINKED, actor)


def account_from_row(row: dict[str, object]) -> Account:
    """Return the account in a row of a statement."""
    return Account(
        id=int(str(row["id"])),
        name=str(row["name"]),
        full_name=str(row["full_name"]),
        role=Role(str(row["role"])),
    )


def _account_not_found(name: str) -> NotFound:
    return NotFound(f"There is no account {name}.", "`chartloom accounts list` lists the accounts.")
