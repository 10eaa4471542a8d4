"""Coming in and going out: sign in, sign out, the own password, the first page of each role."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import BadInput, NotFound
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.web.auth import accounts
from pipeline.web.auth.accounts import TooManyAttempts
from pipeline.web.auth.oidc import Attempt, Provider, SignInFailed
from pipeline.web.auth.permissions import allowed
from pipeline.web.auth.request_context import (
    COOKIE,
    ForeignRequest,
    Visiting,
    address_of,
    desk_of,
    same_origin,
)
from pipeline.web.rendering import MENU, page

router = APIRouter()

ATTEMPT = "chartloom_attempt"
FIRST_PAGES = {
    "clerk": "/today",
    "administrator": "/accounts",
    "clinician": "/patients",
    "privacy_officer": "/audit",
}


@router.get("/health", name="health")
def health(request: Request) -> dict[str, str | int]:
    """Does the application answer, and its database? `process`: its number, by which whoever started it knows
    it again.
    """
    with desk_of(request).pool.connection() as connection:
        connection.execute("select 1")
    return {"status": "ok", "process": os.getpid()}


@router.get("/login", name="login_page", response_class=HTMLResponse)
def login_page(request: Request, then: str = "/") -> HTMLResponse:
    """Where one signs in."""
    return door(request, then)


def door(request: Request, then: str, message: str = "", name: str = "", status: int = 200) -> HTMLResponse:
    """The sign-in page, with what went wrong last."""
    web = desk_of(request).settings.web
    provider = web.oidc_name if web.oidc_issuer else None
    return page(
        None, "sign_in.html", status=status, then=safe(then), message=message, name=name, provider=provider
    )


@router.get("/login/oidc", name="oidc_leave")
def oidc_leave(request: Request) -> RedirectResponse:
    """To the identity provider."""
    attempt = Attempt.fresh()
    response = RedirectResponse(_provider(request).leave(attempt, _back(request)), 303)
    secure = request.url.scheme == "https"
    # lax: the browser comes back from another site and must bring it along
    response.set_cookie(
        ATTEMPT, attempt.cookie, max_age=600, httponly=True, samesite="lax", secure=secure, path="/login"
    )
    return response


@router.get("/login/oidc/back", name="oidc_back", response_class=HTMLResponse)
def oidc_back(request: Request, state: str = "", code: str = "") -> Response:
    """Back from the identity provider: the account that an administrator has tied to this person."""
    address = address_of(request)
    try:
        attempt = Attempt.read(request.cookies.get(ATTEMPT))
        subject = _provider(request).subject(attempt, _back(request), state, code)
    except SignInFailed as error:
        return door(request, "/", str(error), status=401)
    with desk_of(request).pool.connection() as connection:
        account = accounts.account_of_subject(connection, subject)
        if account is None:
            _tell(connection, subject, "login_failed", address)
            message = f"No account is tied to this person. An administrator ties it to: {subject}"
            return door(request, "/", message, status=401)
        _tell(connection, account.name, "login", address, account.role)
        token = accounts.open_session(connection, account.id)
    # a page of ours goes on from here: the session's cookie is strict, and a redirect from another site would
    # leave it behind
    response = page(None, "signed_in.html")
    keep_session(request, response, token)
    response.delete_cookie(ATTEMPT, path="/login")
    return response


def _provider(request: Request) -> Provider:
    provider = desk_of(request).provider
    if provider is None:
        raise NotFound("No identity provider is set.", "Sign in with a password.")
    return provider


def _back(request: Request) -> str:
    return str(request.url_for("oidc_back"))


@router.post("/login", name="login", response_class=HTMLResponse)
def login(
    request: Request,
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    then: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in."""
    if not same_origin(request):
        raise ForeignRequest("This did not come from our own page.", "Open the sign-in page and try again.")
    desk, address = desk_of(request), address_of(request)
    with desk.pool.connection() as connection:
        try:
            found = accounts.sign_in(connection, name.strip().lower(), password, address)
        except TooManyAttempts as error:
            _tell(connection, name, "login_refused", address)
            return door(request, then, str(error), name, 429)
        if found is None:
            _tell(connection, name, "login_failed", address)
            return door(request, then, "Name and password do not fit together.", name, 401)
        account, token = found
        _tell(connection, account.name, "login", address, account.role)
    response = RedirectResponse(safe(then), 303)
    keep_session(request, response, token)
    return response


def keep_session(request: Request, response: Response, token: str) -> None:
    """Have the browser bring the session's token along, to us alone and out of reach of any script."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")


def _tell(connection: Connection, name: str, action: str, address: str, role: str = "") -> None:
    write_audit(connection, name[:64], action, role=role, address=address)


def safe(then: str) -> str:
    """An address of ours to go on to; the first page where it is somebody else's."""
    inside = then.startswith("/") and not then.startswith(("//", "/\\")) and "\\" not in then
    return then if inside and then.isprintable() else "/"


@router.post("/logout", name="logout")
def logout(visit: Visiting) -> RedirectResponse:
    """Sign out; the browser forgets what it keeps of ours."""
    visit.record()
    accounts.end_session(visit.connection, visit.request.cookies[COOKIE])
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/", name="home")
def home(visit: Visiting) -> RedirectResponse:
    """The first page of the person's role."""
    role = visit.account.role
    other = next((address for route, address, *_ in MENU if allowed(route, role)), "/password")
    return RedirectResponse(FIRST_PAGES.get(role, other), 303)


@router.get("/password", name="password_page", response_class=HTMLResponse)
def password_page(visit: Visiting) -> HTMLResponse:
    """Where one changes the own password."""
    return page(visit, "password.html", message="", done=False)


@router.post("/password", name="password", response_class=HTMLResponse)
def password(
    visit: Visiting, old: Annotated[str, Form()], new: Annotated[str, Form()], again: Annotated[str, Form()]
) -> Response:
    """Change the own password. All sessions end but a new one."""
    visit.record()
    message = ""
    if new != again:
        message = "The two new passwords differ."
    elif not accounts.knows_password(visit.connection, visit.account.id, old):
        message = "The old password is not right."
    else:
        try:
            accounts.set_password(visit.connection, visit.account.id, new)
        except BadInput as error:
            message = str(error)
    if message:
        return page(visit, "password.html", status=422, message=message, done=False)
    response = RedirectResponse("/", 303)
    keep_session(visit.request, response, accounts.open_session(visit.connection, visit.account.id))
    return response
