"""Sessions of browsers.

The session's token is known to the browser alone; the database has its SHA-256. A session that has begun with
a password may first have to do something (`Step`): enter a code, choose a new password, set up a second
factor, or read what others changed in the account. Until then it can use only the pages that serve this."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.config import Settings
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.accounts import Account, NotSignedIn, account_from_row
from pipeline.web.auth.permissions import Step

MAX_SESSION_HOURS = 12  # one shift, even if the session is never idle
CODE_MINUTES = 5  # to enter the code after the password
PASSWORD, SINGLE_SIGN_ON = "password", "sso"

SQL = statements("pipeline.web.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session. `step`: what the person has to do first; `authenticated_at`: when the person last proved who
    they are, None if that is not known."""

    account: Account
    method: str
    step: Step | None
    authenticated_at: datetime | None

    def is_fresh(self, minutes: int) -> bool:
        """Return whether the person proved who they are within this time."""
        oldest = datetime.now(UTC) - timedelta(minutes=minutes)
        return self.authenticated_at is not None and self.authenticated_at >= oldest


def token_digest(token: str) -> str:
    """Return the form of a token that the database stores."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(token: str) -> str:
    """Return the anti-forgery token of a session, which its pages send back with each change."""
    return hashlib.sha256(b"csrf " + token.encode()).hexdigest()


def open_session(
    connection: Connection,
    account: int,
    *,
    method: str = PASSWORD,
    factor_pending: bool = False,
    authenticated_at: datetime | None = None,
) -> str:
    """Open a session and return its token.

    Args:
        connection: The database.
        account: Whose session it is.
        method: How the person signed in, PASSWORD or SINGLE_SIGN_ON.
        factor_pending: The person must still enter the code of the second factor.
        authenticated_at: When the identity provider saw the person's credentials; None if it does not say so.
            A password is always seen now.
    """
    token = secrets.token_urlsafe(32)
    params = {
        "token": token_digest(token),
        "account": account,
        "method": method,
        "factor_pending": factor_pending,
        "authenticated_at": datetime.now(UTC) if method == PASSWORD else authenticated_at,
    }
    connection.execute(SQL["open_session"], params)
    return token


def resume_session(connection: Connection, token: str | None, settings: Settings) -> Session:
    """Return the session and mark it as used now. Raises NotSignedIn if it has ended."""
    row = connection.execute(SQL["resume_session"], _session_params(token or "", settings)).fetchone()
    if row is None:
        raise NotSignedIn("You are not signed in, or your session has ended.", "Sign in again.")
    account = account_from_row(row)
    return Session(
        account=account,
        method=row["method"],
        step=_next_step(row, account.role in settings.sign_in.second_factor_roles),
        authenticated_at=row["authenticated_at"],
    )


def check_session(connection: Connection, token: str, settings: Settings) -> None:
    """Check that the session is active, without marking it as used. Raises NotSignedIn if it has ended."""
    if connection.execute(SQL["session_is_active"], _session_params(token, settings)).fetchone() is None:
        raise NotSignedIn("Your session has ended.", "Sign in again.")


def _session_params(token: str, settings: Settings) -> dict[str, Any]:
    return {
        "token": token_digest(token),
        "idle": settings.web.session_idle_minutes,
        "hours": MAX_SESSION_HOURS,
        "code_minutes": CODE_MINUTES,
    }


def _next_step(row: dict[str, Any], factor_required: bool) -> Step | None:
    """Return what the person has to do before anything else."""
    if row["factor_pending"]:
        return Step.CODE
    if row["method"] == PASSWORD and row["password_is_temporary"]:
        return Step.NEW_PASSWORD
    if row["method"] == PASSWORD and factor_required and not row["has_factor"]:
        return Step.ENROLLMENT
    return Step.NOTICES if row["has_notices"] else None


def mark_authenticated(connection: Connection, token: str) -> None:
    """Record that the person has proved now who they are."""
    connection.execute(SQL["mark_authenticated"], {"token": token_digest(token)})


def end_session(connection: Connection, token: str) -> None:
    """End a session."""
    connection.execute(SQL["end_session"], {"token": token_digest(token)})


def end_sessions_of(connection: Connection, account: int) -> None:
    """End all sessions of an account."""
    connection.execute(SQL["end_sessions_of"], {"account": account})
