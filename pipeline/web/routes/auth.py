"""Signing in and out, and the home page of each role."""

from __future__ import annotations

import os
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import NotFound
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.web.auth.accounts import Account, account_for_subject
from pipeline.web.auth.notices import Change, notify
from pipeline.web.auth.oidc import OidcState, Provider, SignInFailed
from pipeline.web.auth.passwords import MAX_PASSWORD_LENGTH
from pipeline.web.auth.permissions import is_allowed
from pipeline.web.auth.purge import DEVICE_DAYS
from pipeline.web.auth.request_context import (
    DEVICE_COOKIE,
    SESSION_COOKIE,
    Context,
    app_context,
    client_address,
    client_of,
)
from pipeline.web.auth.sessions import SINGLE_SIGN_ON, end_session, open_session
from pipeline.web.auth.sign_in import check_password, remember_device
from pipeline.web.rendering import MENU, render_page
from pipeline.web.routes.password_checks import CodeCheck, require_same_origin

router = APIRouter()

OIDC_STATE_COOKIE = "chartloom_oidc_state"
OIDC_STATE_SECONDS = 600
MAX_AUDITED_NAME_LENGTH = 64
SECONDS_PER_DAY = 86_400
SIGN_IN_FAILED = "Wrong user name or password, or too many attempts."
CODE_REFUSED = "Wrong code, or too many attempts."
RETRY_ADVICE = "After some failures, wait longer each time before you try again: up to 15 minutes."
HOME_PAGES = {
    "clerk": "/intake",
    "administrator": "/accounts",
    "clinician": "/patients",
    "privacy_officer": "/audit",
}


@router.get("/health", name="health")
def health(request: Request) -> dict[str, str | int]:
    """Report that the application and its database respond.

    `process` is the server's process id, by which its supervisor recognizes it."""
    with app_context(request).pool.connection() as connection:
        connection.execute("select 1")
    return {"status": "ok", "process": os.getpid()}


@router.get("/login", name="login_page", response_class=HTMLResponse)
def login_page(request: Request, then: str = "/", emergency: bool = False) -> HTMLResponse:
    """Show the sign-in page.

    `emergency`: with the form for passwords, although single sign-on is the usual way."""
    return sign_in_page(request, then, emergency=emergency)


def sign_in_page(
    request: Request,
    then: str,
    message: str = "",
    name: str = "",
    status: int = 200,
    *,
    emergency: bool = False,
) -> HTMLResponse:
    """Return the sign-in page, with a message if the last attempt failed."""
    settings = app_context(request).settings
    web, passwords = settings.web, settings.sign_in.passwords
    return render_page(
        None,
        "sign_in.html",
        status=status,
        then=safe_redirect(then),
        message=message,
        name=name,
        provider=web.oidc_name if web.oidc_issuer else None,
        offers_password=passwords == "always" or (passwords == "emergency" and emergency),
        offers_emergency=passwords == "emergency" and not emergency,
    )


@router.get("/login/oidc", name="oidc_login")
def oidc_login(request: Request, fresh: bool = False) -> RedirectResponse:
    """Redirect to the identity provider.

    `fresh`: the provider asks for the credentials again, to confirm who the person is."""
    state = OidcState.generate()
    url = _provider(request).authorization_url(state, _callback_url(request), fresh=fresh)
    response = RedirectResponse(url, 303)
    response.set_cookie(
        OIDC_STATE_COOKIE,
        state.cookie,
        max_age=OIDC_STATE_SECONDS,
        httponly=True,
        samesite="lax",  # the browser returns from another site and must send the cookie then
        secure=request.url.scheme == "https",
        path="/login",
    )
    return response


@router.get("/login/oidc/callback", name="oidc_callback", response_class=HTMLResponse)
def oidc_callback(request: Request, state: str = "", code: str = "") -> Response:
    """Sign in the account that is linked to the person whom the identity provider has authenticated."""
    address = client_address(request)
    try:
        expected = OidcState.from_cookie(request.cookies.get(OIDC_STATE_COOKIE))
        identity = _provider(request).fetch_identity(expected, _callback_url(request), state, code)
    except SignInFailed as error:
        return sign_in_page(request, "/", str(error), status=401)
    with app_context(request).pool.connection() as connection:
        account = account_for_subject(connection, identity.subject)
        if account is None:
            _write_sign_in_audit(connection, identity.subject, "login_failed", address)
            message = (
                "No account is linked to you yet. Ask an administrator to link your account to this ID: "
                f"{identity.subject}"
            )
            return sign_in_page(request, "/", message, status=401)
        _write_sign_in_audit(connection, account.name, "login", address, account.role)
        token = open_session(
            connection, account.id, method=SINGLE_SIGN_ON, authenticated_at=identity.authenticated_at
        )
    # the session cookie is strict: the browser would not send it after a redirect from another site, so a
    # page of this application continues from here
    response = render_page(None, "signed_in.html")
    set_session_cookie(request, response, token)
    response.delete_cookie(OIDC_STATE_COOKIE, path="/login")
    return response


def _provider(request: Request) -> Provider:
    provider = app_context(request).provider
    if provider is None:
        raise NotFound("No identity provider is configured.", "Sign in with your password.")
    return provider


def _callback_url(request: Request) -> str:
    return str(request.url_for("oidc_callback"))


@router.post("/login", name="login", response_class=HTMLResponse)
def login(
    request: Request,
    name: Annotated[str, Form(max_length=MAX_AUDITED_NAME_LENGTH)],
    password: Annotated[str, Form(max_length=MAX_PASSWORD_LENGTH)],
    then: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in with a password. An account with a second factor then gets the page for its code."""
    require_same_origin(request)
    app, address = app_context(request), client_address(request)
    use = app.settings.sign_in.passwords
    checked = check_password(app.pool, name, password, client_of(request), use)
    with app.pool.connection() as connection:
        account = checked.account
        if account is None:
            action = "login_refused" if checked.was_throttled else "login_failed"
            _write_sign_in_audit(connection, name, action, address)
            message = f"{SIGN_IN_FAILED} {RETRY_ADVICE}"
            return sign_in_page(request, then, message, name, 401, emergency=True)
        token = open_session(connection, account.id, factor_pending=checked.has_factor)
        if use == "emergency":
            notify(connection, account.id, Change.EMERGENCY_USED, account.name)
        if checked.has_factor:
            response = RedirectResponse(f"/login/code?then={quote(safe_redirect(then), safe='')}", 303)
        else:
            _write_sign_in_audit(connection, account.name, "login", address, account.role)
            response = RedirectResponse(safe_redirect(then), 303)
            _remember(request, connection, response, account)
    set_session_cookie(request, response, token)
    return response


@router.get("/login/code", name="code_page", response_class=HTMLResponse)
def code_page(context: Context, then: str = "/") -> HTMLResponse:
    """Show the page for the code of the second factor, after the password."""
    return render_page(context, "sign_in_code.html", message="", then=safe_redirect(then))


@router.post("/login/code", name="code", response_class=HTMLResponse)
def code(checked: CodeCheck, context: Context, then: Annotated[str, Form()] = "/") -> Response:
    """Complete the sign-in with a code of the second factor, or with a recovery code."""
    if not checked:
        context.record(second_factor=True)
        message = f"{CODE_REFUSED} {RETRY_ADVICE}"
        return render_page(
            context, "sign_in_code.html", status=401, message=message, then=safe_redirect(then)
        )
    context.record(second_factor=True)
    response = RedirectResponse(safe_redirect(then), 303)
    replace_session(context.request, context.connection, response, context.account)
    _remember(context.request, context.connection, response, context.account)
    return response


def replace_session(request: Request, connection: Connection, response: Response, account: Account) -> None:
    """End the request's session and open a new one with another token, whose person has just been checked."""
    end_session(connection, request.cookies[SESSION_COOKIE])
    set_session_cookie(request, response, open_session(connection, account.id))


def _remember(request: Request, connection: Connection, response: Response, account: Account) -> None:
    """Have the browser keep a token, so that no one else can delay this person's next sign-in there."""
    device = remember_device(connection, account.id, request.cookies.get(DEVICE_COOKIE))
    response.set_cookie(
        DEVICE_COOKIE,
        device,
        max_age=DEVICE_DAYS * SECONDS_PER_DAY,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def set_session_cookie(request: Request, response: Response, token: str) -> None:
    """Set the session cookie, which is sent to this application alone and is out of reach of scripts."""
    secure = request.url.scheme == "https"
    response.set_cookie(SESSION_COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")


def _write_sign_in_audit(
    connection: Connection, name: str, action: str, address: str, role: str = ""
) -> None:
    write_audit(connection, name[:MAX_AUDITED_NAME_LENGTH], action, role=role, address=address)


def safe_redirect(then: str) -> str:
    """Return the address if it is a path of this application, otherwise the home page."""
    is_local = then.startswith("/") and not then.startswith(("//", "/\\")) and "\\" not in then
    return then if is_local and then.isprintable() else "/"


@router.post("/logout", name="logout")
def logout(context: Context) -> RedirectResponse:
    """Sign out, and have the browser clear what it has stored of this application."""
    context.record()
    end_session(context.connection, context.request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE, path="/")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/", name="home")
def home(context: Context) -> RedirectResponse:
    """Redirect to the home page of the user's role."""
    role = context.account.role
    first_allowed = next((address for route, address, *_ in MENU if is_allowed(route, role)), "/account")
    return RedirectResponse(HOME_PAGES.get(role, first_allowed), 303)
