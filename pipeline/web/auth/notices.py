"""What others changed in an account: shown to its person and to every privacy officer at the next sign-in, so
that no one can take over an account unseen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.web.auth")


class Change(StrEnum):
    """What was changed; the value is the sentence that people read, about `{name}`."""

    ADDED = "The account {name} was added."
    PASSWORD_RESET = "The password of {name} was reset."  # noqa: S105 -- a sentence
    FACTOR_REMOVED = "The second factor of {name} was removed."
    ROLE_CHANGED = "The role of {name} was changed."
    CLOSED = "The account {name} was closed."
    OPENED = "The account {name} was opened again."
    SSO_LINKED = "The account {name} was linked to a person of the identity provider."
    SSO_UNLINKED = "The account {name} is no longer linked to a person of the identity provider."
    TOKEN_ADDED = "An API token of {name} was created."  # noqa: S105 -- a sentence
    EMERGENCY_ALLOWED = "The account {name} may use its password in an emergency."
    EMERGENCY_FORBIDDEN = "The account {name} may no longer use its password in an emergency."
    EMERGENCY_USED = "{name} signed in with a password in an emergency."


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A change that a person is notified of."""

    id: int
    text: str
    actor: str
    at: datetime
    is_own: bool


def notify(connection: Connection, account: int, change: Change, actor: str) -> None:
    """Tell the account's person and the privacy officers about a change, in the transaction of the change."""
    params = {"account": account, "kind": change.name.lower(), "actor": actor}
    connection.execute(SQL["add_notices"], params)


def notices_for(connection: Connection, recipient: int, *, unseen: bool) -> list[Notice]:
    """Return the notices of a person, newest first: those not yet seen, or all that are kept."""
    rows = connection.execute(SQL["read_notices"], {"recipient": recipient, "unseen": unseen})
    return [
        Notice(
            id=row["id"],
            text=Change[row["kind"].upper()].value.format(name=row["full_name"] or row["name"]),
            actor=row["actor"],
            at=row["at"],
            is_own=row["account_id"] == recipient,
        )
        for row in rows
    ]


def mark_seen(connection: Connection, recipient: int, last: int) -> None:
    """Record that the person has seen the notices up to this one."""
    connection.execute(SQL["mark_notices_seen"], {"recipient": recipient, "last": last})
