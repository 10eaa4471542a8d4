"""Signing in through the organization's identity provider: OpenID Connect, authorization code flow with PKCE,
state and nonce.

The provider identifies the person (its issuer and subject). Which account and role that person has is decided
here: an administrator links the subject to an account. The provider's discovery document and keys are fetched
when they are needed and cached for CACHE_SECONDS."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.config import WebSettings
from pipeline.errors import ChartloomError, ServiceUnavailable

CACHE_SECONDS = 600.0
TIMEOUT_SECONDS = 10.0  # a provider that takes longer counts as unavailable
ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
CLOCK_LEEWAY_SECONDS = 60


class SignInFailed(ChartloomError):
    """The provider's response does not prove the person's identity."""

    code = "sign_in_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcState:
    """The secrets of one sign-in, kept in the browser's cookie until it returns from the provider."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def generate(cls) -> OidcState:
        """Return new random secrets."""
        return cls(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
        )

    @classmethod
    def from_cookie(cls, cookie: str | None) -> OidcState:
        """Return the secrets that `cookie` has written. Raises SignInFailed."""
        parts = (cookie or "").split(".")
        if len(parts) != 3 or not all(parts):
            raise SignInFailed(
                "This sign-in was not started in this browser, or it has expired.", "Sign in again."
            )
        return cls(state=parts[0], nonce=parts[1], verifier=parts[2])

    @property
    def cookie(self) -> str:
        """The secrets as the value of a cookie."""
        return f"{self.state}.{self.nonce}.{self.verifier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person whom the provider has authenticated. `subject`: "issuer#subject"; `authenticated_at`: when the
    provider saw their credentials, if it says so."""

    subject: str
    authenticated_at: datetime | None


class Provider:
    """The identity provider of the settings."""

    def __init__(self, settings: WebSettings) -> None:
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        secret = settings.oidc_client_secret
        self._client_secret = secret.get_secret_value() if secret else None
        self._cache: dict[str, tuple[float, Any]] = {}

    def authorization_url(self, state: OidcState, callback: str, *, fresh: bool = False) -> str:
        """Return the address at which the person signs in. Raises ServiceUnavailable.

        `fresh`: the provider asks for the person's credentials although they are signed in there."""
        again = {"prompt": "login", "max_age": "0"} if fresh else {}
        with self._client(callback) as client:
            url, _ = client.create_authorization_url(
                self._discovery()["authorization_endpoint"],
                state=state.state,
                nonce=state.nonce,
                code_verifier=state.verifier,
                **again,
            )
        return str(url)

    def fetch_identity(self, expected: OidcState, callback: str, state: str, code: str) -> Identity:
        """Exchange the authorization code for the person's verified identity.

        Raises SignInFailed, ServiceUnavailable."""
        import httpx
        from authlib.common.errors import AuthlibBaseError

        if not hmac.compare_digest(state.encode(), expected.state.encode()):
            raise SignInFailed("This response belongs to another sign-in.", "Sign in again.")
        try:
            with self._client(callback) as client:
                token = client.fetch_token(
                    self._discovery()["token_endpoint"],
                    code=code,
                    code_verifier=expected.verifier,
                    grant_type="authorization_code",
                )
        except AuthlibBaseError as error:
            raise SignInFailed("The identity provider refused the sign-in.", "Sign in again.") from error
        except httpx.HTTPError as error:
            raise _unavailable() from error
        return self._verified_identity(str(token.get("id_token", "")), expected.nonce)

    def _verified_identity(self, id_token: str, nonce: str) -> Identity:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        try:
            claims = jwt.decode(
                id_token,
                KeySet.import_key_set(self._fetch(self._discovery()["jwks_uri"])),
                algorithms=ALGORITHMS,
            ).claims
            rules = jwt.JWTClaimsRegistry(
                leeway=CLOCK_LEEWAY_SECONDS,
                iss={"essential": True, "value": self._discovery()["issuer"]},
                aud={"essential": True, "value": self._client_id},
                exp={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignInFailed(
                "The identity provider's response could not be verified.", "Contact your administrator."
            ) from error
        seen = claims.get("auth_time")
        return Identity(
            subject=f"{self._issuer}#{claims['sub']}",
            authenticated_at=datetime.fromtimestamp(seen, UTC) if isinstance(seen, int) else None,
        )

    def _discovery(self) -> dict[str, Any]:
        document: dict[str, Any] = self._fetch(f"{self._issuer}/.well-known/openid-configuration")
        if str(document.get("issuer", "")).rstrip("/") != self._issuer:
            raise SignInFailed(
                "The identity provider's issuer differs from the setting web.oidc_issuer.",
                "Correct the setting.",
            )
        return document

    def _fetch(self, url: str) -> Any:
        """Return the JSON at this address, at most CACHE_SECONDS old."""
        import httpx

        fetched_at, document = self._cache.get(url, (0.0, None))
        if document is None or time.monotonic() - fetched_at > CACHE_SECONDS:
            try:
                document = httpx.get(url, timeout=TIMEOUT_SECONDS).raise_for_status().json()
            except (httpx.HTTPError, ValueError) as error:
                raise _unavailable() from error
            self._cache[url] = (time.monotonic(), document)
        return document

    def _client(self, callback: str) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client

        return OAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid",
            redirect_uri=callback,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
        )


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable(
        "The identity provider does not respond.",
        "Try again, or sign in with your password if your account may use one in an emergency.",
    )
