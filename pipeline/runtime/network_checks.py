"""What `doctor` says about the network: addresses that other machines can reach, and whether the audit has
the addresses of clients or that of a proxy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.config import Settings
from pipeline.config.listeners import exposures
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.runtime")
SIGN_IN_DAYS = 30
"""Of the audit that are looked at."""
MIN_USERS = 3
"""Fewer may well share a workstation."""
MIN_SHARE = 0.8
"""Of all users who signed in: more than on any ward's shared workstation, and what a proxy comes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A problem of the network: `is_allowed` if a setting allows it, so that it is a warning."""

    check: str
    detail: str
    remedy: str
    is_allowed: bool


def open_addresses(settings: Settings) -> Iterator[Advice]:
    """Yield what each address that other machines can reach lacks."""
    for exposure in exposures(settings):
        allowed = f" {exposure.table}.allow_insecure allows it." if exposure.is_allowed else ""
        yield Advice(
            check=f"{exposure.table} address",
            detail=exposure.sentence + allowed,
            remedy=exposure.remedy,
            is_allowed=exposure.is_allowed,
        )


def proxy_address(connection: Connection, settings: Settings) -> Advice | None:
    """Return a warning if most users sign in from one address that is not a trusted proxy; None otherwise."""
    row = connection.execute(SQL["shared_address"], {"days": SIGN_IN_DAYS}).fetchone()
    if row is None or row["users"] < MIN_USERS or row["users"] < MIN_SHARE * row["all_users"]:
        return None
    named = ", ".join(map(str, settings.web.trusted_proxies)) or "no proxy"
    return Advice(
        check="client addresses",
        detail=f"{row['users']} of {row['all_users']} users signed in from {row['address']}, and "
        f"web.trusted_proxies names {named}: if a proxy has this address, the audit has it in place of the "
        "users' own.",
        remedy="Name the proxy in web.trusted_proxies, and have it send X-Forwarded-For and "
        "X-Forwarded-Proto.",
        is_allowed=True,
    )
