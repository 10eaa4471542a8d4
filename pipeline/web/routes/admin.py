"""Administration: the audit log for the privacy officer, the accounts for the administrator."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import InvalidInput
from pipeline.web.auth import accounts, tokens
from pipeline.web.auth.accounts import SQL, Temporary
from pipeline.web.auth.notices import Change, notify
from pipeline.web.auth.permissions import RULES, Role
from pipeline.web.auth.request_context import Context, RequestContext
from pipeline.web.auth.second_factor import remove_second_factor
from pipeline.web.auth.sessions import end_sessions_of
from pipeline.web.rendering import render_page, role_titles

router = APIRouter()

MAX_AUDIT_ENTRIES = 200  # on one page
MAX_ID_DIGITS = 18
# actions that are written without a request context
SIGN_IN_ACTIONS = {"login", "login_failed", "login_refused", "refused", "token_failed"}


@router.get("/audit", name="audit", response_class=HTMLResponse)
def audit(
    context: Context,
    account: Annotated[str, Query(max_length=64)] = "",
    patient: str = "",
    document: str = "",
    action: Annotated[str, Query(max_length=40)] = "",
    before: int | None = None,
) -> HTMLResponse:
    """Show who viewed and did what, newest first."""
    filters = {
        "account": account or None,
        "patient": parse_id(patient),
        "document": parse_id(document),
        "action": action or None,
    }
    params = filters | {"before": before, "limit": MAX_AUDIT_ENTRIES}
    entries = context.connection.execute(SQL["read_audit"], params).fetchall()
    context.record(
        patient=parse_id(patient), document=parse_id(document), account=account, filtered_action=action
    )
    actions = sorted(SIGN_IN_ACTIONS | {rule.audit for rule in RULES.values() if rule.audit})
    return render_page(
        context, "audit.html", entries=entries, filters=filters, actions=actions, limit=MAX_AUDIT_ENTRIES
    )


def parse_id(text: str) -> int | None:
    """Return the id typed into a field; None if the field is empty. Raises InvalidInput."""
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > MAX_ID_DIGITS:
        raise InvalidInput(
            f"{text!r} is not a valid ID.", "Enter the number that the page shows, or nothing.", "bad_number"
        )
    return int(text)


@router.get("/accounts", name="accounts", response_class=HTMLResponse)
def accounts_page(context: Context) -> HTMLResponse:
    """Show the accounts and their roles."""
    context.record()
    return accounts_list_page(context)


def accounts_list_page(
    context: RequestContext,
    *,
    message: str = "",
    new_password: tuple[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return the page of accounts. `new_password`: an account's name and its password, shown only once."""
    rows = context.connection.execute(SQL["list_accounts"]).fetchall()
    return render_page(
        context,
        "accounts.html",
        status=status,
        rows=rows,
        roles=role_titles(),
        message=message,
        new_password=new_password,
    )


@router.post("/accounts", name="account_add", response_class=HTMLResponse)
def account_add(
    context: Context,
    name: Annotated[str, Form(max_length=64)],
    role: Annotated[Role, Form()],
    full_name: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Add an account with a temporary password, which is shown once."""
    name, actor = name.strip().lower(), context.account.name
    password = Temporary.generate(context.app.settings.sign_in.temporary_password_hours)
    try:
        account = accounts.add_account(
            context.connection, name, role, password, full_name.strip(), actor=actor
        )
    except InvalidInput as error:
        context.record(refused=error.code)
        return accounts_list_page(context, message=str(error), status=422)
    context.record(added=account, role=role)
    return accounts_list_page(context, new_password=(name, password.password))


@router.post("/accounts/{account}", name="account_change", response_class=HTMLResponse)
def account_change(
    context: Context,
    account: int,
    role: Annotated[Role, Form()],
    enabled: Annotated[bool, Form()] = False,
    reset: Annotated[bool, Form()] = False,
    reset_factor: Annotated[bool, Form()] = False,
) -> Response:
    """Change an account's role, close or open it, reset its password or remove its second factor.

    Its person and the privacy officers are notified. Administrators cannot change their own account."""
    if account == context.account.id:
        raise InvalidInput(
            "You cannot change your own account.", "Ask another administrator to change it.", "own_account"
        )
    connection, actor = context.connection, context.account.name
    person = accounts.account_with_id(connection, account)
    context.record(
        account=account, name=person.name, role=role, enabled=enabled, reset=reset, reset_factor=reset_factor
    )
    accounts.change_account(connection, account, role, enabled, actor)
    if reset_factor and remove_second_factor(connection, account):
        notify(connection, account, Change.FACTOR_REMOVED, actor)
        end_sessions_of(connection, account)
    if not reset:
        return RedirectResponse("/accounts", 303)
    hours = context.app.settings.sign_in.temporary_password_hours
    password = accounts.reset_password(connection, person, hours, actor)
    return accounts_list_page(context, new_password=(person.name, password.password))


@router.get("/tokens", name="tokens", response_class=HTMLResponse)
def tokens_page(context: Context) -> HTMLResponse:
    """Show the API tokens: whose they are, what they may do, and when they were last used."""
    context.record()
    return render_page(context, "tokens.html", rows=tokens.list_tokens(context.connection))


@router.post("/tokens/{token}/revoke", name="token_revoke")
def token_revoke(context: Context, token: int) -> RedirectResponse:
    """Revoke an API token at once."""
    context.record(revoked=tokens.revoke_token(context.connection, token), id=token)
    return RedirectResponse("/tokens", 303)
