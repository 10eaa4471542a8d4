"""The client's address and scheme behind a proxy: the headers of trusted proxies are used, those of others
are ignored.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pipeline.config import WebSettings
from pipeline.config.listeners import is_loopback
from pipeline.config.values import contains
from pipeline.logs import get_logger

MAX_REPORTED_PEERS = 100
"""Addresses whose ignored headers are logged, once each: anyone can send them."""
IPV4_MAPPED = "::ffff:"
log = get_logger(__name__)


class TrustedProxies:
    """Sets the client and the scheme of each request.

    A request of a trusted proxy counts as sent over HTTPS unless the proxy says otherwise, so that cookies
    are sent over HTTPS only. If there are proxies, and the application has no certificate of its own,
    requests that come from elsewhere have bypassed the proxy and are refused.
    """

    def __init__(self, app: ASGIApp, web: WebSettings) -> None:
        self._app = app
        self._networks = web.trusted_proxies
        self._refuses_others = bool(web.trusted_proxies) and web.tls_certificate is None
        trusted = [str(network) for network in web.trusted_proxies]
        self._forwarded = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type]
        self._reported: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        client = scope.get("client")
        if scope["type"] != "http" or client is None:
            return await self._app(scope, receive, send)
        peer = client[0].removeprefix(IPV4_MAPPED)
        scope["client"] = (peer, client[1])
        if contains(self._networks, peer):
            scope["scheme"] = "https"
            return await self._forwarded(scope, receive, send)  # type: ignore[arg-type]
        if self._refuses_others and not is_loopback(peer):
            response = PlainTextResponse("Use the address of the proxy.", 403, {"Connection": "close"})
            return await response(scope, receive, send)
        if any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            self._report(peer)
        return await self._app(scope, receive, send)

    def _report(self, peer: str) -> None:
        """Log an address whose headers were ignored: it may be a proxy that the settings do not name."""
        if peer not in self._reported and len(self._reported) < MAX_REPORTED_PEERS:
            self._reported.add(peer)
            log.warning("forwarded headers ignored", peer=peer, setting="web.trusted_proxies")
