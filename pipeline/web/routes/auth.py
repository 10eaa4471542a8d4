"""Signing in and out, changing your own password, and the home page of each role."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import InvalidInput, NotFound
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.web.auth import accounts
from pipeline.web.auth.accounts import TooManyAttempts
from pipeline.web.auth.oidc import OidcState, Provider, SignInFailed
from pipeline.web.auth.permissions import is_allowed
from pipeline.web.auth.request_context import (
    SESSION_COOKIE,
    Context,
    CsrfFailure,
    app_context,
    client_address,
    is_same_origin,
)
from pipeline.web.rendering import MENU, render_page

router = APIRouter()

OIDC_STATE_COOKIE = "chartloom_oidc_state"
OIDC_STATE_SECONDS = 600
MAX_AUDITED_NAME_LENGTH = 64
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
def login_page(request: Request, then: str = "/") -> HTMLResponse:
    """Show the sign-in page."""
    return sign_in_page(request, then)


def sign_in_page(
    request: Request, then: str, message: str = "", name: str = "", status: int = 200
) -> HTMLResponse:
    """Return the sign-in page, with a message if the last attempt failed."""
    web = app_context(request).settings.web
    return render_page(
        None,
        "sign_in.html",
        status=status,
        then=safe_redirect(then),
        message=message,
        name=name,
        provider=web.oidc_name if web.oidc_issuer else None,
    )


@router.get("/login/oidc", name="oidc_login")
def oidc_login(request: Request) -> RedirectResponse:
    """Redirect to the identity provider."""
    state = OidcState.generate()
    response = RedirectResponse(_provider(request).authorization_url(state, _callback_url(request)), 303)
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
        subject = _provider(request).fetch_subject(expected, _callback_url(request), state, code)
    except SignInFailed as error:
        return sign_in_page(request, "/", str(error), status=401)
    with app_context(request).pool.connection() as connection:
        account = accounts.account_for_subject(connection, subject)
        if account is None:
            _write_sign_in_audit(connection, subject, "login_failed", address)
            message = (
                "No account is linked to you yet. Ask an administrator to link your account to this ID: "
                f"{subject}"
            )
            return sign_in_page(request, "/", message, status=401)
        _write_sign_in_audit(connection, account.name, "login", address, account.role)
        token = accounts.open_session(connection, account.id)
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
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    then: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in with a password."""
    if not is_same_origin(request):
        raise CsrfFailure(
            "The sign-in was not sent from this application's own page.",
            "Open the sign-in page and try again.",
        )
    address = client_address(request)
    with app_context(request).pool.connection() as connection:
        try:
            signed_in = accounts.sign_in(connection, name.strip().lower(), password, address)
        except TooManyAttempts as error:
            _write_sign_in_audit(connection, name, "login_refused", address)
            return sign_in_page(request, then, str(error), name, 429)
        if signed_in is None:
            _write_sign_in_audit(connection, name, "login_failed", address)
            return sign_in_page(request, then, "Wrong user name or password.", name, 401)
        account, token = signed_in
        _write_sign_in_audit(connection, account.name, "login", address, account.role)
    response = RedirectResponse(safe_redirect(then), 303)
    set_session_cookie(request, response, token)
    return response


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
    accounts.end_session(context.connection, context.request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE, path="/")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/", name="home")
def home(context: Context) -> RedirectResponse:
    """Redirect to the home page of the user's role."""
    role = context.account.role
    first_allowed = next((address for route, address, *_ in MENU if is_allowed(route, role)), "/password")
    return RedirectResponse(HOME_PAGES.get(role, first_allowed), 303)


@router.get("/password", name="password_page", response_class=HTMLResponse)
def password_page(context: Context) -> HTMLResponse:
    """Show the page to change one's own password."""
    return render_page(context, "password.html", message="")


@router.post("/password", name="password", response_class=HTMLResponse)
def password(
    context: Context,
    old: Annotated[str, Form()],
    new: Annotated[str, Form()],
    confirmation: Annotated[str, Form()],
) -> Response:
    """Change one's own password. All sessions end except for a new one."""
    context.record()
    message = ""
    if new != confirmation:
        message = "The two new passwords differ. Type the new password twice."
    elif not accounts.verify_password(context.connection, context.account.id, old):
        message = "The current password is wrong."
    else:
        try:
            accounts.set_password(context.connection, context.account.id, new)
        except InvalidInput as error:
            message = str(error)
    if message:
        return render_page(context, "password.html", status=422, message=message)
    token = accounts.open_session(context.connection, context.account.id)
    response = RedirectResponse("/", 303)
    set_session_cookie(context.request, response, token)
    return response
