"""Limits of requests: whose body is read, how large it may be and how long it may take.

A body is read only if its sender may use the route. All bodies but those of uploads are complete before the
route runs, so that no database connection waits for a client. An upload is written to a file first.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.errors import ChartloomError
from pipeline.logs import get_logger
from pipeline.web.auth.accounts import NotSignedIn
from pipeline.web.auth.permissions import RULES, Rule
from pipeline.web.auth.request_context import (
    FORM_CONTENT_TYPES,
    SAFE_METHODS,
    AppContext,
    authenticate,
    client_address,
)

UPLOAD_ROUTES = frozenset({"upload"})
MAX_PUBLIC_BYTES = 16_384
"""Of a request that anyone may send: a user name and a password."""
AUTHENTICATION_INTERVAL_SECONDS = 60.0
"""How often it is checked during an upload that the session has not ended, which also counts as its use."""
log = get_logger(__name__)


class RequestTooLarge(ChartloomError):
    """A request whose body is larger than its route allows."""

    code = "too_large"


class RequestTooSlow(ChartloomError):
    """A request whose body did not arrive in time."""

    code = "too_slow"


@dataclass(frozen=True, slots=True)
class Limit:
    """How large a body may be (bytes), and how long it may take: some seconds, and one more for each
    `bytes_per_second` that have arrived."""

    max_bytes: int
    seconds: float
    bytes_per_second: float = float("inf")

    def check_size(self, size: int) -> None:
        """Raise RequestTooLarge if a body of this size (bytes) exceeds the limit."""
        if size > self.max_bytes:
            raise RequestTooLarge(
                f"The request is larger than {self.max_bytes:,} bytes.", "Send less at a time."
            )


class LimitedBody:
    """The body of a request as it arrives, within its limit."""

    def __init__(self, receive: Receive, limit: Limit) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._started = time.monotonic()

    async def receive(self) -> Message:
        """Return the next message of the request. Raises RequestTooLarge, RequestTooSlow."""
        allowed = self._limit.seconds + self._size / self._limit.bytes_per_second
        try:
            async with asyncio.timeout(self._started + allowed - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise RequestTooSlow("The request did not arrive in time.", "Send it again.") from None
        self._size += len(message.get("body", b""))
        self._limit.check_size(self._size)
        return message

    async def read(self) -> bytes:
        """Return the whole body. Raises as `receive` does, and ClientDisconnect."""
        parts: list[bytes] = []
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)


class RequestLimits:
    """Reads the bodies of requests within the limits of the settings."""

    def __init__(self, app: ASGIApp, context: AppContext, routes: list[APIRoute]) -> None:
        self._app = app
        self._context = context
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or not has_body(headers):
            return await self._app(scope, receive, send)
        request = Request(scope, receive)
        name = self._route_name(scope)
        if scope["method"] in SAFE_METHODS or name is None or not await self._may_send(request, RULES[name]):
            unread = replay(b"", wait_forever)  # the application says what is wrong
            return await self._app(scope, unread, closing(send))
        try:
            return await self._pass_on(request, name, send)
        except (RequestTooLarge, RequestTooSlow) as error:
            from pipeline.web.application import handle_error

            log.warning("request refused", route=name, code=error.code, client=client_address(request))
            response = await handle_error(request, error)
            return await response(scope, receive, closing(send))
        except ClientDisconnect:
            return None

    async def _pass_on(self, request: Request, name: str, send: Send) -> None:
        """Run the application with the body of the request."""
        limit = self._limit(request, name)
        limit.check_size(int(request.headers.get("content-length", "0")))
        body = LimitedBody(request.receive, limit)
        if name in UPLOAD_ROUTES and not is_form(request.headers):
            receive = self._while_signed_in(request, RULES[name], body)
        else:
            receive = replay(await body.read(), request.receive)
        await self._app(request.scope, receive, send)

    def _route_name(self, scope: Scope) -> str | None:
        """Return the name of the route that the request is for; None if there is none."""
        return next((route.name for route in self._routes if route.matches(scope)[0] is Match.FULL), None)

    def _limit(self, request: Request, name: str) -> Limit:
        """Return the limit of a route."""
        settings = self._context.settings
        web = settings.web
        if name in UPLOAD_ROUTES and not is_form(request.headers):
            return Limit(
                settings.intake.max_bytes, web.request_body_timeout_seconds, web.min_upload_bytes_per_second
            )
        is_public = RULES[name].roles is None
        largest = min(MAX_PUBLIC_BYTES, web.max_request_bytes) if is_public else web.max_request_bytes
        return Limit(largest, web.request_body_timeout_seconds)

    async def _may_send(self, request: Request, rule: Rule, *, counts_as_use: bool = False) -> bool:
        """Return whether the sender is known and may use a route with this rule."""
        if rule.roles is None:
            return True
        return await run_in_threadpool(self._is_allowed, request, rule, counts_as_use=counts_as_use)

    def _is_allowed(self, request: Request, rule: Rule, *, counts_as_use: bool) -> bool:
        try:
            with (
                self._context.pool.connection() as connection,
                connection.transaction(force_rollback=not counts_as_use),
            ):
                actor = authenticate(request, self._context, connection)
        except ChartloomError:
            return False
        return rule.roles is None or actor.role in rule.roles

    def _while_signed_in(self, request: Request, rule: Rule, body: LimitedBody) -> Receive:
        """Return a function that returns the messages of a body until its sender's session ends."""
        checked = time.monotonic()

        async def receive() -> Message:
            nonlocal checked
            message = await body.receive()
            if time.monotonic() - checked > AUTHENTICATION_INTERVAL_SECONDS:
                checked = time.monotonic()
                if not await self._may_send(request, rule, counts_as_use=True):
                    raise NotSignedIn("Your session has ended.", "Sign in again.")
            return message

        return receive


def has_body(headers: Headers) -> bool:
    """Return whether a request has a body."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def is_form(headers: Headers) -> bool:
    """Return whether the body of a request is a form."""
    return headers.get("content-type", "").partition(";")[0] in FORM_CONTENT_TYPES


async def wait_forever() -> Message:
    """Return no further message of a request that is not read."""
    await asyncio.Event().wait()
    raise AssertionError("the event is never set")


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a function that returns a body that was read, and then what follows it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


def closing(send: Send) -> Send:
    """Return a function that sends a response after which the connection is closed: the rest of the request
    is not read.
    """

    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return send_closing
