"""An HTTP client that authenticates as the settings say: by a client certificate, a fixed token, or a token
from OAuth2 client credentials.

Client credentials use a secret or, if the settings have a key, a signed assertion (SMART Backend
Services)."""

from __future__ import annotations

from typing import Any

import httpx

from pipeline.config import DestinationSettings
from pipeline.delivery.transports.tls import tls_context
from pipeline.errors import ConfigurationError

ALGORITHM = "RS384"  # SMART Backend Services requires every server to support it


class TokenRefused(Exception):
    """The token endpoint refuses to issue a token, or does not respond."""


class TokenAuth(httpx.Auth):
    """Adds an access token to each request and fetches a new one when it expires or is rejected."""

    requires_response_body = True

    def __init__(self, issuer: Any, url: str) -> None:
        self._issuer = issuer
        self._url = url

    def auth_flow(self, request: httpx.Request) -> Any:
        """Send the request with a token; if it is rejected, again with a new token."""
        token = self._issuer.token
        if not token or token.is_expired():
            token = self._fetch()
        request.headers["Authorization"] = f"Bearer {token['access_token']}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._fetch()['access_token']}"
            yield request

    def _fetch(self) -> Any:
        from authlib.common.errors import AuthlibBaseError

        try:
            return self._issuer.fetch_token(self._url, grant_type="client_credentials")
        except (AuthlibBaseError, httpx.HTTPError, ValueError) as error:
            raise TokenRefused(f"No token from {self._url}: {error}") from error


def http_client(settings: DestinationSettings, **options: Any) -> httpx.Client:
    """Return the HTTP client of a destination.

    Raises:
        ConfigurationError: if certificates or keys cannot be read.
    """
    tls = tls_context(settings)
    if settings.token_url is not None:
        options["auth"] = TokenAuth(token_client(settings, tls), settings.token_url)
    elif settings.token is not None:
        options["headers"] = {
            **options.get("headers", {}),
            "Authorization": f"Bearer {settings.token.get_secret_value()}",
        }
    return httpx.Client(verify=tls, follow_redirects=False, trust_env=False, **options)


def token_client(settings: DestinationSettings, tls: Any) -> Any:
    """Return the client of the token endpoint."""
    from authlib.integrations.httpx_client import OAuth2Client
    from authlib.oauth2.rfc7523 import PrivateKeyJWT

    if settings.client_id is None or (settings.client_secret is None and settings.client_key is None):
        raise ConfigurationError(
            "A token_url requires a client_id and a client_secret or client_key.",
            "See docs/how-to/deliver.md.",
        )
    options = {
        "client_id": settings.client_id,
        "scope": settings.scope or None,
        "verify": tls,
        "trust_env": False,
    }
    if settings.client_key is None:
        assert settings.client_secret is not None
        return OAuth2Client(client_secret=settings.client_secret.get_secret_value(), **options)
    try:
        key = settings.client_key.read_text()
    except OSError as error:
        raise ConfigurationError(
            f"The key {settings.client_key} cannot be read: {error.strerror}.", "Correct client_key."
        ) from None
    client = OAuth2Client(client_secret=key, token_endpoint_auth_method="private_key_jwt", **options)  # noqa: S106 - a method's name
    client.register_client_auth_method(PrivateKeyJWT(settings.token_url, alg=ALGORITHM))
    return client
