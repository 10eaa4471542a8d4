"""Checks of a password or a code that comes with a form, before the request's transaction begins.

They are dependencies that stand before `Context` in a route's parameters: the attempt is counted in a
transaction of its own, so that it stays counted if the request is refused, and no database connection waits
while a hash is verified."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Request

from pipeline.web.auth.passwords import MAX_PASSWORD_LENGTH
from pipeline.web.auth.permissions import Step
from pipeline.web.auth.request_context import (
    SESSION_COOKIE,
    CsrfFailure,
    app_context,
    client_of,
    is_same_origin,
)
from pipeline.web.auth.sessions import Session, resume_session
from pipeline.web.auth.sign_in import check_code, check_password

MAX_CODE_LENGTH = 64  # a recovery code with spaces


def require_same_origin(request: Request) -> None:
    """Raise CsrfFailure if a form was sent from another site."""
    if not is_same_origin(request):
        raise CsrfFailure(
            "The form was not sent from this application's own page.", "Open the page and try again."
        )


def checked_password(request: Request, old: Annotated[str, Form(max_length=MAX_PASSWORD_LENGTH)]) -> bool:
    """Return whether this is the password of the person who is signed in. Raises NotSignedIn, CsrfFailure."""
    session = _session(request)
    app = app_context(request)
    use = "always" if session.method == "password" else app.settings.sign_in.passwords
    return check_password(app.pool, session.account.name, old, client_of(request), use).account is not None


def checked_code(request: Request, code: Annotated[str, Form(max_length=MAX_CODE_LENGTH)]) -> bool:
    """Return whether this is a code of the person whose password was right.

    Raises NotSignedIn, CsrfFailure."""
    session = _session(request)
    if session.step is not Step.CODE:
        return False
    return check_code(app_context(request).pool, session.account, code, client_of(request))


def checked_person(
    request: Request,
    old: Annotated[str, Form(max_length=MAX_PASSWORD_LENGTH)],
    code: Annotated[str, Form(max_length=MAX_CODE_LENGTH)] = "",
) -> bool:
    """Return whether this is the password of the person who is signed in and, if they have a second factor, a
    code of it. Raises NotSignedIn, CsrfFailure.
    """
    session = _session(request)
    app, client = app_context(request), client_of(request)
    use = "always" if session.method == "password" else app.settings.sign_in.passwords
    checked = check_password(app.pool, session.account.name, old, client, use)
    if checked.account is None:
        return False
    return not checked.has_factor or check_code(app.pool, checked.account, code, client)


def _session(request: Request) -> Session:
    """Return the request's session, which a form of this application was sent from."""
    require_same_origin(request)
    app = app_context(request)
    with app.pool.connection() as connection:
        return resume_session(connection, request.cookies.get(SESSION_COOKIE), app.settings)


PasswordMatches = Annotated[bool, Depends(checked_password)]
CodeCheck = Annotated[bool, Depends(checked_code)]
PersonCheck = Annotated[bool, Depends(checked_person)]
