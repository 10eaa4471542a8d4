"""One's own account: the password, the second factor, confirming who is signed in, and changes by others."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from pipeline.errors import Conflict, InvalidInput
from pipeline.web.auth import second_factor
from pipeline.web.auth.accounts import choose_password
from pipeline.web.auth.notices import mark_seen, notices_for
from pipeline.web.auth.passwords import MAX_PASSWORD_LENGTH
from pipeline.web.auth.permissions import Step
from pipeline.web.auth.request_context import SESSION_COOKIE, Context, RequestContext
from pipeline.web.auth.sessions import mark_authenticated
from pipeline.web.rendering import render_page
from pipeline.web.routes.auth import RETRY_ADVICE, replace_session, safe_redirect
from pipeline.web.routes.password_checks import MAX_CODE_LENGTH, PasswordMatches, PersonCheck

router = APIRouter()

QR_SCALE = 5  # pixels of a module
QR_BORDER = 4  # modules; readers need a light border on a dark page


@router.get("/account", name="account", response_class=HTMLResponse)
def account(context: Context) -> HTMLResponse:
    """Show one's own account."""
    connection, me = context.connection, context.account
    has_factor = second_factor.has_second_factor(connection, me.id)
    return render_page(
        context,
        "account.html",
        has_factor=has_factor,
        is_required=_factor_is_required(context),
        codes_left=second_factor.unused_recovery_codes(connection, me.id) if has_factor else 0,
        notices=notices_for(connection, me.id, unseen=False),
    )


@router.get("/account/notices", name="notices", response_class=HTMLResponse)
def notices(context: Context) -> HTMLResponse:
    """Show what others changed in one's own account, and to the privacy officer in any account."""
    found = notices_for(context.connection, context.account.id, unseen=True)
    return render_page(context, "notices.html", notices=found)


@router.post("/account/notices", name="notices_seen")
def notices_seen(context: Context, last: Annotated[int, Form()]) -> RedirectResponse:
    """Record that the notices up to `last` have been seen."""
    mark_seen(context.connection, context.account.id, last)
    context.record(last=last)
    return RedirectResponse("/", 303)


@router.get("/password", name="password_page", response_class=HTMLResponse)
def password_page(context: Context) -> HTMLResponse:
    """Show the page to change one's own password."""
    return _password_page(context)


def _password_page(context: RequestContext, message: str = "", status: int = 200) -> HTMLResponse:
    return render_page(
        context,
        "password.html",
        status=status,
        message=message,
        is_temporary=context.step is Step.NEW_PASSWORD,
    )


@router.post("/password", name="password", response_class=HTMLResponse)
def password(
    is_right: PasswordMatches,
    context: Context,
    old: Annotated[str, Form(max_length=MAX_PASSWORD_LENGTH)],
    new: Annotated[str, Form()],
    confirmation: Annotated[str, Form()],
) -> Response:
    """Change one's own password. All sessions end except for a new one."""
    context.record()
    message = ""
    if not is_right:
        message = f"The current password is wrong, or there were too many attempts. {RETRY_ADVICE}"
    elif new != confirmation:
        message = "The two new passwords differ. Type the new password twice."
    elif new == old:
        message = "The new password is the current one. Choose another one."
    else:
        try:
            hospital = context.app.settings.delivery.organization_name
            choose_password(context.connection, context.account, new, hospital)
        except InvalidInput as error:
            message = str(error)
    if message:
        return _password_page(context, message, 422)
    response = RedirectResponse("/", 303)
    replace_session(context.request, context.connection, response, context.account)
    return response


@router.get("/account/second-factor", name="factor_page", response_class=HTMLResponse)
def factor_page(context: Context) -> HTMLResponse:
    """Show the page to set up a second factor."""
    return _factor_page(context)


def _factor_page(context: RequestContext, message: str = "", status: int = 200) -> HTMLResponse:
    enrollment = second_factor.begin_enrollment(context.connection, context.account.id, context.account.name)
    return render_page(
        context,
        "second_factor.html",
        status=status,
        message=message,
        key=enrollment.key,
        qr_code=qr_code(enrollment.uri),
        is_required=context.step is Step.ENROLLMENT,
    )


@router.post("/account/second-factor", name="factor_add", response_class=HTMLResponse)
def factor_add(context: Context, code: Annotated[str, Form(max_length=MAX_CODE_LENGTH)]) -> Response:
    """Confirm the second factor with a code of the app, and show the recovery codes once."""
    codes = second_factor.confirm_enrollment(context.connection, context.account.id, code)
    context.record(added=codes is not None)
    if codes is None:
        message = "This is not the current code of the app. Check the time of your telephone."
        return _factor_page(context, message, 422)
    return render_page(context, "recovery_codes.html", codes=codes)


@router.post("/account/second-factor/remove", name="factor_remove")
def factor_remove(context: Context) -> RedirectResponse:
    """Remove one's own second factor."""
    if _factor_is_required(context):
        raise Conflict("Your role requires a second factor.", "Ask an administrator to reset it.")
    context.record(removed=second_factor.remove_second_factor(context.connection, context.account.id))
    return RedirectResponse("/account", 303)


@router.post("/account/recovery-codes", name="recovery_codes", response_class=HTMLResponse)
def recovery_codes(context: Context) -> HTMLResponse:
    """Replace the recovery codes and show the new ones once."""
    if not second_factor.has_second_factor(context.connection, context.account.id):
        raise Conflict("You have no second factor.", "Set it up first.")
    context.record(recovery_codes="renewed")
    codes = second_factor.renew_recovery_codes(context.connection, context.account.id)
    return render_page(context, "recovery_codes.html", codes=codes)


@router.get("/account/confirm", name="reauthentication_page", response_class=HTMLResponse)
def reauthentication_page(context: Context, then: str = "/") -> HTMLResponse:
    """Ask the person who is signed in to prove again who they are."""
    return _reauthentication_page(context, then)


def _reauthentication_page(
    context: RequestContext, then: str, message: str = "", status: int = 200
) -> HTMLResponse:
    web = context.app.settings.web
    return render_page(
        context,
        "reauthentication.html",
        status=status,
        message=message,
        then=safe_redirect(then),
        has_factor=second_factor.has_second_factor(context.connection, context.account.id),
        provider=web.oidc_name if web.oidc_issuer else None,
    )


@router.post("/account/confirm", name="reauthentication", response_class=HTMLResponse)
def reauthentication(is_right: PersonCheck, context: Context, then: Annotated[str, Form()] = "/") -> Response:
    """Record that the person has proved who they are, and go on to the page that asked for it."""
    context.record()
    if not is_right:
        message = f"Wrong password or code, or too many attempts. {RETRY_ADVICE}"
        return _reauthentication_page(context, then, message, 401)
    mark_authenticated(context.connection, context.request.cookies[SESSION_COOKIE])
    return RedirectResponse(safe_redirect(then), 303)


def qr_code(text: str) -> Markup:
    """Return a QR code as inline SVG, without styles: the content security policy forbids them."""
    import segno

    svg = segno.make(text, error="m", micro=False).svg_inline(
        scale=QR_SCALE, border=QR_BORDER, dark="#000", light="#fff", omitsize=False, svgclass="qr-code",
        lineclass=None, title="QR code for the authenticator app",
    )  # fmt: skip
    return Markup(svg)  # noqa: S704 -- made here from digits; the text is encoded in the modules


def _factor_is_required(context: RequestContext) -> bool:
    return context.account.role in context.app.settings.sign_in.second_factor_roles
