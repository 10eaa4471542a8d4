"""An HTTP client with what a receiver asks for: our certificate, a fixed token, or one of OAuth2 client
credentials.

Client credentials by a secret, or by a signed assertion (SMART Backend Services), as the settings have a
secret or a key."""

from __future__ import annotations

from typing import Any

import httpx

from pipeline.config import DestinationSettings
from pipeline.delivery.transports.tls import tls_context
from pipeline.errors import BadSettings

ALGORITHM = "RS384"  # SMART Backend Services asks every server for it


class TokenRefused(Exception):
    """The token's issuer does not give us one, or does not answer."""


class TokenAuth(httpx.Auth):
    """Adds a token of the issuer to each request, and asks for a new one when it ends or is no longer
    taken.
    """

    requires_response_body = True

    def __init__(self, issuer: Any, url: str) -> None:
        self._issuer = issuer
        self._url = url

    def auth_flow(self, request: httpx.Request) -> Any:
        """Send with a token; once more with a new one where it is not taken."""
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


def client_of(settings: DestinationSettings, **options: Any) -> httpx.Client:
    """The client of a destination. Raises BadSettings where its certificates or keys cannot be read."""
    tls = tls_context(settings)
    if settings.token_url is not None:
        options["auth"] = TokenAuth(issuer_of(settings, tls), settings.token_url)
    elif settings.token is not None:
        options["headers"] = {
            **options.get("headers", {}),
            "Authorization": f"Bearer {settings.token.get_secret_value()}",
        }
    return httpx.Client(verify=tls, follow_redirects=False, trust_env=False, **options)


def issuer_of(settings: DestinationSettings, tls: Any) -> Any:
    """The client of the token's issuer."""
    from authlib.integrations.httpx_client import OAuth2Client
    from authlib.oauth2.rfc7523 import PrivateKeyJWT

    if settings.client_id is None or (settings.client_secret is None and settings.client_key is None):
        raise BadSettings(
            "A token_url needs a client_id and a client_secret or client_key.", "See docs/how-to/deliver.md."
        )
    given = {
        "client_id": settings.client_id,
        "scope": settings.scope or None,
        "verify": tls,
        "trust_env": False,
    }
    if settings.client_key is None:
        assert settings.client_secret is not None
        return OAuth2Client(client_secret=settings.client_secret.get_secret_value(), **given)
    try:
        key = settings.client_key.read_text()
    except OSError as error:
        raise BadSettings(
            f"The key {settings.client_key} cannot be read: {error.strerror}.", "Correct client_key."
        ) from None
    issuer = OAuth2Client(client_secret=key, token_endpoint_auth_method="private_key_jwt", **given)  # noqa: S106 - a method's name
    issuer.register_client_auth_method(PrivateKeyJWT(settings.token_url, alg=ALGORITHM))
    return issuer
