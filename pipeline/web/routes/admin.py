"""Oversight: the audit for the privacy officer, the accounts for the administrator."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import BadInput
from pipeline.web.auth import accounts
from pipeline.web.auth.accounts import SQL
from pipeline.web.auth.permissions import RULES, Role
from pipeline.web.auth.request_context import Visit, Visiting
from pipeline.web.rendering import page, role_titles

router = APIRouter()

LINES = 200  # of the audit on a page
LOGINS = {"login", "login_failed", "login_refused", "refused"}  # written where there is no visit


@router.get("/audit", name="audit", response_class=HTMLResponse)
def audit(
    visit: Visiting,
    account: Annotated[str, Query(max_length=64)] = "",
    patient: str = "",
    document: str = "",
    action: Annotated[str, Query(max_length=40)] = "",
    before: int | None = None,
) -> HTMLResponse:
    """Who looked at what and did what, newest first."""
    about, paper = number(patient), number(document)
    given = {"account": account or None, "patient": about, "document": paper, "action": action or None}
    lines = visit.connection.execute(SQL["read_audit"], given | {"before": before, "limit": LINES}).fetchall()
    visit.record(patient=about, document=paper, account=account, asked=action)
    actions = sorted(LOGINS | {rule.audit for rule in RULES.values() if rule.audit})
    return page(visit, "audit.html", lines=lines, given=given, actions=actions, limit=LINES)


def number(text: str) -> int | None:
    """A number from a field that may be left empty. Raises BadInput."""
    if not text.strip():
        return None
    if not text.strip().isdecimal() or len(text) > 18:
        raise BadInput(
            f"{text!r} is not a number.", "Give the number that the page shows, or nothing.", "bad_number"
        )
    return int(text)


@router.get("/accounts", name="accounts", response_class=HTMLResponse)
def accounts_page(visit: Visiting) -> HTMLResponse:
    """Who may sign in, and as what."""
    visit.record()
    return list_page(visit)


def list_page(
    visit: Visit, *, message: str = "", fresh: tuple[str, str] | None = None, status: int = 200
) -> HTMLResponse:
    """The accounts; `fresh`: a name and its new password, to be told this once."""
    rows = visit.connection.execute(SQL["list_accounts"]).fetchall()
    return page(
        visit, "accounts.html", status=status, rows=rows, roles=role_titles(), message=message, fresh=fresh
    )


@router.post("/accounts", name="account_add", response_class=HTMLResponse)
def account_add(
    visit: Visiting,
    name: Annotated[str, Form(max_length=64)],
    role: Annotated[Role, Form()],
    full_name: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """A new account with a password made here, shown once."""
    password = secrets.token_urlsafe(12)
    try:
        key = accounts.add_account(visit.connection, name.strip().lower(), role, password, full_name.strip())
    except BadInput as error:
        visit.record(refused=error.code)
        return list_page(visit, message=str(error), status=422)
    visit.record(added=key, role=role)
    return list_page(visit, fresh=(name.strip().lower(), password))


@router.post("/accounts/{account}", name="account_change", response_class=HTMLResponse)
def account_change(
    visit: Visiting,
    account: int,
    role: Annotated[Role, Form()],
    enabled: Annotated[bool, Form()] = False,
    reset: Annotated[bool, Form()] = False,
) -> Response:
    """Another role, closed or open, a new password. Nobody does it to themselves, so that an administrator
    remains.
    """
    if account == visit.account.id:
        raise BadInput("Your own account is changed by another administrator.", "", "own_account")
    accounts.change_account(visit.connection, account, role, enabled)
    visit.record(account=account, role=role, enabled=enabled, reset=reset)
    if not reset:
        return RedirectResponse("/accounts", 303)
    password = secrets.token_urlsafe(12)
    accounts.set_password(visit.connection, account, password)
    names = {row["id"]: row["name"] for row in visit.connection.execute(SQL["list_accounts"])}
    return list_page(visit, fresh=(names[account], password))
