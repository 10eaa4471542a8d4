"""The web application: routes from several rooms, one table of who may use them, one place where errors
become pages.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import psycopg
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from pipeline import __version__
from pipeline.errors import BadInput, ChartloomError, Conflict, NotFound, ServiceAway
from pipeline.web.auth.accounts import NotSignedIn, TooManyAttempts
from pipeline.web.auth.permissions import RULES
from pipeline.web.auth.request_context import API, Desk, ForeignRequest, NotAllowed
from pipeline.web.rendering import STATIC, page
from pipeline.web.routes import (
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
    page_arrangement,
    patient_merge,
    queue,
    reassignment,
)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
STATUS: tuple[tuple[type[ChartloomError], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (ForeignRequest, 403),
    (NotFound, 404),
    (Conflict, 409),
    (BadInput, 422),
    (TooManyAttempts, 429),
    (ServiceAway, 503),
)
TITLES = {
    401: "Signed out",
    403: "Not allowed",
    404: "Not found",
    409: "Somebody was faster",
    422: "Please correct this",
    429: "Wait",
    503: "A service is away",
}
ROOMS: tuple[APIRouter, ...] = (
    auth.router,
    queue.router,
    items.router,
    page_arrangement.router,
    charts.router,
    documents.router,
    reassignment.router,
    patient_merge.router,
    intake.router,
    deliveries.router,
    admin.router,
    dashboard.router,
    api.router,
    api_decisions.router,
)

log = logging.getLogger(__name__)


def build(desk: Desk) -> FastAPI:
    """The application. Raises KeyError where a route has no rule in the table of roles."""
    app = FastAPI(title="Chartloom", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    for room in ROOMS:
        app.include_router(room)
    check_rules()
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.middleware("http")(add_headers)
    app.add_exception_handler(ChartloomError, tell)
    app.add_exception_handler(HTTPException, tell)
    app.add_exception_handler(RequestValidationError, tell)
    return app


def routes_of() -> list[APIRoute]:
    """Every route of ours."""
    return [route for room in ROOMS for route in room.routes if isinstance(route, APIRoute)]


def check_rules() -> None:
    """Each route has a rule, each rule a route, and no name stands for two."""
    names = [route.name for route in routes_of()]
    if sorted(names) != sorted(RULES):
        raise KeyError(f"Routes and rules differ: {sorted(set(names) ^ set(RULES)) or names}.")


async def add_headers(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    """What every answer says to the browser. Nothing with a patient in it may be kept by a browser, unless a
    route says so.
    """
    try:
        response = await call(request)
    except Exception as error:  # a fault of ours gets its page and its headers like every other answer
        response = await tell(request, error)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    known = request.url.path.startswith("/static/") and "v" in request.query_params
    response.headers.setdefault(
        "Cache-Control", "public, max-age=31536000, immutable" if known else "no-store"
    )
    if request.url.scheme == "https":
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def wants_json(request: Request) -> bool:
    """Does a program ask (our own modules too)?"""
    return request.url.path.startswith(API) or "application/json" in request.headers.get("accept", "")


async def tell(request: Request, error: Exception) -> Response:
    """Any error as a page, or as JSON for a program. What is not ours to tell is logged without its text."""
    status, title, message, remedy, code = _words(error)
    if status >= 500:
        route = request.scope.get("route")
        places = " < ".join(
            f"{f.filename}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__)[-4:])
        )
        # the error's own text may hold what a page says: the log has its kind and its places
        log.error("the route %s failed: %s at %s", getattr(route, "name", "?"), type(error).__name__, places)
    if wants_json(request):
        return JSONResponse({"error": message, "remedy": remedy, "code": code}, status)
    if status == 401 and request.method == "GET":
        there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?then={quote(there, safe='')}", 303)
    if request.url.path.startswith("/static/"):
        return PlainTextResponse(title, status)
    return page(
        getattr(request.state, "visit", None),
        "error.html",
        status=status,
        title=title,
        message=message,
        remedy=remedy,
    )


def _words(error: Exception) -> tuple[int, str, str, str, str]:
    if isinstance(error, ChartloomError):
        status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
        return (
            status,
            TITLES.get(status, "Something went wrong"),
            str(error.args[0]),
            error.remedy,
            error.code,
        )
    if isinstance(error, RequestValidationError):
        wrong = ", ".join(str(entry["loc"][-1]) for entry in error.errors())
        return (
            422,
            TITLES[422],
            f"This was missing or not understood: {wrong}.",
            "Go back and correct it.",
            "bad_request",
        )
    if isinstance(error, psycopg.DataError):  # a number too large for its column, a NUL in a text
        return 422, TITLES[422], "A value cannot be stored as it is.", "Correct it.", "bad_value"
    if isinstance(error, HTTPException):
        title = TITLES.get(error.status_code, "That did not work")
        return error.status_code, title, "There is nothing at this address.", "", "http"
    message, remedy = (
        "Chartloom failed at this; nothing was changed.",
        "Try again, then tell an administrator.",
    )
    return 500, "Something went wrong", message, remedy, "error"
