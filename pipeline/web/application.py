"""The web application: its routers, the check of the table of permissions, and error handling."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import psycopg
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from pipeline import __version__
from pipeline.errors import ChartloomError, Conflict, InvalidInput, NotFound, ServiceUnavailable
from pipeline.logs import get_logger
from pipeline.web.auth.accounts import NotSignedIn
from pipeline.web.auth.permissions import RULES
from pipeline.web.auth.request_context import (
    API_PREFIX,
    SAFE_METHODS,
    AppContext,
    CsrfFailure,
    NotAllowed,
    ReauthenticationRequired,
    StepRequired,
)
from pipeline.web.rendering import STATIC_FOLDER, render_page
from pipeline.web.request_limits import RequestLimits, RequestTooLarge, RequestTooSlow
from pipeline.web.review.patient_comparison import ReasonRequired
from pipeline.web.routes import (
    account,
    admin,
    api,
    api_decisions,
    auth,
    charts,
    dashboard,
    deliveries,
    documents,
    intake,
    items,
    messages,
    page_arrangement,
    patient_merge,
    queue,
    reassignment,
)
from pipeline.web.trusted_proxies import TrustedProxies

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
STATUS_CODES: tuple[tuple[type[ChartloomError], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (CsrfFailure, 403),
    (StepRequired, 403),
    (ReauthenticationRequired, 403),
    (NotFound, 404),
    (RequestTooSlow, 408),
    (Conflict, 409),
    (RequestTooLarge, 413),
    (ReasonRequired, 400),
    (InvalidInput, 422),
    (ServiceUnavailable, 503),
)
ERROR_TITLES = {
    400: "Reason required",
    401: "Signed out",
    403: "Not allowed",
    404: "Not found",
    408: "Too slow",
    409: "Not saved",
    413: "Too large",
    422: "Invalid input",
    503: "Service unavailable",
}
INTERNAL_ERROR_TITLE = "Internal error"
ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    account.router,
    queue.router,
    items.router,
    page_arrangement.router,
    charts.router,
    documents.router,
    reassignment.router,
    patient_merge.router,
    messages.router,
    intake.router,
    deliveries.router,
    admin.router,
    dashboard.router,
    api.router,
    api_decisions.router,
)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDescription:
    """An error as it is reported to the client."""

    status: int
    title: str
    message: str
    remedy: str
    code: str


def create_app(context: AppContext) -> FastAPI:
    """Return the application.

    Raises KeyError if a route has no rule in the table of permissions, or a rule has no route."""
    app = FastAPI(title="Chartloom", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.context = context
    for router in ROUTERS:
        app.include_router(router)
    check_rules()
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    app.add_middleware(RequestLimits, context=context, routes=all_routes())
    app.middleware("http")(add_headers)
    app.add_middleware(TrustedProxies, web=context.settings.web)
    app.add_exception_handler(ChartloomError, handle_error)
    app.add_exception_handler(HTTPException, handle_error)
    app.add_exception_handler(RequestValidationError, handle_error)
    return app


def all_routes() -> list[APIRoute]:
    """Return every route of the routers."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def check_rules() -> None:
    """Check that routes and rules match one to one. Raises KeyError."""
    names = [route.name for route in all_routes()]
    if sorted(names) != sorted(RULES):
        raise KeyError(f"Routes and rules differ: {sorted(set(names) ^ set(RULES)) or names}.")


async def add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Add the security headers to every response.

    Responses are not cached unless the route allows it, because they may contain patient data."""
    try:
        response = await call_next(request)
    except Exception as error:  # an unexpected error gets a page and the headers, like any other response
        response = await handle_error(request, error)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    is_versioned = request.url.path.startswith("/static/") and "v" in request.query_params
    response.headers.setdefault(
        "Cache-Control", "public, max-age=31536000, immutable" if is_versioned else "no-store"
    )
    if request.url.scheme == "https":
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def wants_json(request: Request) -> bool:
    """Does the client expect JSON? Programs do, and the scripts of the pages."""
    return request.url.path.startswith(API_PREFIX) or "application/json" in request.headers.get("accept", "")


async def handle_error(request: Request, error: Exception) -> Response:
    """Return an error as a page, or as JSON. Unexpected errors are logged without their text, which may
    contain patient data.
    """
    described = _describe_error(error)
    status = described.status
    if status >= 500:
        route = request.scope.get("route")
        frames = reversed(traceback.extract_tb(error.__traceback__)[-4:])
        places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
        log.error("route failed", route=getattr(route, "name", "?"), error=type(error).__name__, at=places)
    if wants_json(request):
        body = {"error": described.message, "remedy": described.remedy, "code": described.code}
        return JSONResponse(body, status)
    if (page := _page_to_continue_on(request, error)) is not None:
        return RedirectResponse(page, 303)
    if request.url.path.startswith("/static/"):
        return PlainTextResponse(described.title, status)
    return render_page(
        getattr(request.state, "context", None),
        "error.html",
        status=status,
        title=described.title,
        message=described.message,
        remedy=described.remedy,
    )


def _page_to_continue_on(request: Request, error: Exception) -> str | None:
    """Return the page on which the person signs in or continues to, if that is what the error asks for."""
    is_page = request.method in SAFE_METHODS
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if isinstance(error, NotSignedIn) and is_page:
        return f"/login?then={quote(target, safe='')}"
    if isinstance(error, StepRequired):
        return error.step.page
    if isinstance(error, ReauthenticationRequired):
        # the form that was not processed is shown again afterwards, if the browser says which page it is on
        sent_from = urlsplit(request.headers.get("referer", "/")).path or "/"
        return f"/account/confirm?then={quote(target if is_page else sent_from, safe='')}"
    return None


def _describe_error(error: Exception) -> ErrorDescription:
    if isinstance(error, ChartloomError):
        status = next((status for kind, status in STATUS_CODES if isinstance(error, kind)), 500)
        return ErrorDescription(
            status=status,
            title=ERROR_TITLES.get(status, INTERNAL_ERROR_TITLE),
            message=str(error.args[0]),
            remedy=error.remedy,
            code=error.code,
        )
    if isinstance(error, RequestValidationError):
        names = ", ".join(str(entry["loc"][-1]) for entry in error.errors())
        return ErrorDescription(
            status=422,
            title=ERROR_TITLES[422],
            message=f"Missing or invalid: {names}.",
            remedy="Go back and correct it.",
            code="bad_request",
        )
    if isinstance(error, psycopg.DataError):  # such as a number too large for its column, or a NUL in a text
        return ErrorDescription(
            status=422,
            title=ERROR_TITLES[422],
            message="A value is too large or contains invalid characters.",
            remedy="Go back and correct it.",
            code="bad_value",
        )
    if isinstance(error, HTTPException):
        return ErrorDescription(
            status=error.status_code,
            title=ERROR_TITLES.get(error.status_code, "Request failed"),
            message="There is no page at this address.",
            remedy="Check the address, or start from the home page.",
            code="http",
        )
    return ErrorDescription(
        status=500,
        title=INTERNAL_ERROR_TITLE,
        message="An internal error occurred; nothing was changed.",
        remedy="Try again. If it happens again, contact your administrator.",
        code="error",
    )
