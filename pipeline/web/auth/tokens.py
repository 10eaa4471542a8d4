"""API tokens: programs that act for an account, within the scopes of the token.

A token has 256 random bits, is known to the program alone (the database has its SHA-256), and expires. It can
be limited to groups of routes (`Scope`), and to the scans of one source or department. Such a token cannot
use routes about charts and searches, because a chart has documents from every source."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import InvalidInput, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.accounts import Account, NotSignedIn, account_from_row
from pipeline.web.auth.notices import Change, notify
from pipeline.web.auth.permissions import ALL_SCOPES, Scope
from pipeline.web.auth.sessions import token_digest

SUBJECTS = {
    "item": "item_in_scope",
    "document": "document_in_scope",
    "decision": "decision_in_scope",
    "scan": "scan_in_scope",
}
"""The statement that decides whether the object of a route is in the source and department of a token, by the
parameter of the route's path."""
ROUTES_WITH_FILTERS = frozenset({"api_queue", "api_next"})
"""Routes that look only at the token's source and department."""
REFUSALS = {
    "unknown": "The API token is unknown.",
    "expired": "The API token has expired.",
    "revoked": "The API token was revoked.",
    "closed": "The account of the API token is closed.",
}

SQL = statements("pipeline.web.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A valid token. `source`, `department`: the only ones whose scans it may use; None means any."""

    name: str
    account: Account
    scopes: frozenset[Scope]
    source: str | None
    department: str | None

    @property
    def is_limited(self) -> bool:
        """Whether the token is limited to a source or a department."""
        return self.source is not None or self.department is not None


class TokenRefused(NotSignedIn):
    """A token that cannot be used. `token`: its name, and `account`: the name of its account, if known."""

    def __init__(self, reason: str, token: str = "", account: str = "") -> None:
        super().__init__(REFUSALS[reason], "Ask an administrator for a new token.")
        self.reason = reason
        self.token = token
        self.account = account


def add_token(
    connection: Connection,
    account: int,
    name: str,
    *,
    days: int = 1,
    scopes: Sequence[Scope] = ALL_SCOPES,
    source: str | None = None,
    department: str | None = None,
    actor: str | None = None,
) -> str:
    """Return a new token for a program that acts for this account. Only the caller ever has the token.

    Args:
        connection: The database.
        account: The account whose permissions the program has.
        name: What the token is called, in the audit and to revoke it.
        days: How long it is valid.
        scopes: The groups of routes that it may use.
        source: The only source whose scans it may use.
        department: The only department whose scans it may use.
        actor: Who creates it, for the notices; None tells no one.
    """
    token = secrets.token_urlsafe(32)
    params = {
        "token": token_digest(token),
        "account": account,
        "name": name,
        "days": days,
        "scopes": [scope.value for scope in scopes],
        "source": source,
        "department": department,
        "created_by": actor or "",
    }
    connection.execute(SQL["add_token"], params)
    if actor is not None:
        notify(connection, account, Change.TOKEN_ADDED, actor)
    return token


def check_days(days: int | None, default: int, longest: int) -> int:
    """Return how long a token is valid. Raises InvalidInput if that is longer than allowed."""
    found = default if days is None else days
    if not 1 <= found <= longest:
        raise InvalidInput(
            f"A token can be valid for 1 to {longest} days.",
            "Choose fewer days, or change the setting sign_in.max_token_days.",
            "bad_days",
        )
    return found


def token_used(connection: Connection, token: str, address: str) -> ApiToken:
    """Return the token, and record that it is used now from this address.

    Raises:
        TokenRefused: It is unknown, expired or revoked, or its account is closed.
    """
    params = {"token": token_digest(token), "address": address}
    row = connection.execute(SQL["token_used"], params).fetchone()
    if row is None:
        raise TokenRefused("unknown")
    if row["refusal"] is not None:
        raise TokenRefused(row["refusal"], row["token_name"], row["name"])
    return ApiToken(
        name=row["token_name"],
        account=account_from_row(row),
        scopes=frozenset(Scope(scope) for scope in row["scopes"] if scope in ALL_SCOPES),
        source=row["source"],
        department=row["department"],
    )


def check_subject(connection: Connection, token: ApiToken, route: str, subjects: dict[str, Any]) -> bool:
    """Return whether the token's source and department allow the route; raise NotFound if they do not contain
    the object that the route is about.

    Args:
        connection: The database.
        token: The token.
        route: The route's name.
        subjects: The parameters of its path.
    """
    if not token.is_limited or route in ROUTES_WITH_FILTERS:
        return True
    found = [(name, value) for name, value in subjects.items() if name in SUBJECTS]
    if not found:
        return False
    for name, value in found:
        params = {"id": value, "source": token.source, "department": token.department}
        row = connection.execute(SQL[SUBJECTS[name]], params).fetchone() if str(value).isdecimal() else None
        if row is None:
            raise NotFound(f"There is no {name} {value} for this token.")
    return True


def list_tokens(connection: Connection) -> list[dict[str, Any]]:
    """Return every token without its secret, those that can be used first."""
    return connection.execute(SQL["list_tokens"]).fetchall()


def revoke_token(connection: Connection, token: int) -> str:
    """Revoke a token and return its name. Raises NotFound."""
    row = connection.execute(SQL["revoke_token"], {"id": token}).fetchone()
    if row is None:
        raise NotFound(f"There is no token {token} that can be revoked.")
    return str(row["name"])


def revoke_tokens_named(connection: Connection, name: str, account: int | None = None) -> int:
    """Revoke the tokens with this name, of one account or of all; return how many."""
    return connection.execute(SQL["revoke_tokens_named"], {"name": name, "account": account}).rowcount
